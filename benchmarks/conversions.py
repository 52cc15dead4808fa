"""What converting costs: each API asked, each API that a provider speaks, beside handing on as it came.

A mock service (nginx with one fixed answer in each API) and the load (wrk) run on one core, the node alone on
another. Rounds are interleaved. Measured: processor time of the node a request, at 32 connections; reported:
that, divided by what handing on OpenAI's words as they came costs.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

from gateways import ANSWER, GATEWAY_CORE, LOAD_CORE, Gateway, Nginx, bench, cpu, node_on_its_core, ready, returns

ANTHROPIC = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
    "content": [{"type": "text", "text": "Neighbours lend each other a day's work. " * 8}],
    "usage": {"input_tokens": 30, "output_tokens": 80},
}
GEMINI = {
    "candidates": [{
        "content": {"role": "model", "parts": [{"text": "Neighbours lend each other a day's work. " * 8}]},
        "finishReason": "STOP", "index": 0,
    }],
    "usageMetadata": {"promptTokenCount": 30, "candidatesTokenCount": 80, "totalTokenCount": 110},
    "modelVersion": "m",
}
SAID = "Please summarise what neighbours did for each other in the village this spring. " * 6
KINDS = {"openai": "openai-compatible", "anthropic": "anthropic", "gemini": "gemini"}


def asked(client: str, model: str) -> tuple[str, dict]:
    """Path and body of the same question in a client's API."""
    user, system = {"role": "user", "content": SAID}, "You are brief."
    match client:
        case "openai":
            messages = [{"role": "system", "content": system}, user]
            return "/v1/chat/completions", {"model": model, "messages": messages, "max_tokens": 80, "temperature": 0.7}
        case "responses":
            settings = {"instructions": system, "max_output_tokens": 80, "temperature": 0.7, "store": False}
            return "/v1/responses", {"model": model, "input": SAID} | settings
        case "anthropic":
            return "/v1/messages", {"model": model, "system": system, "messages": [user], "max_tokens": 80, "temperature": 0.7}
        case "gemini":
            contents = [{"role": "user", "parts": [{"text": SAID}]}]
            settings = {"maxOutputTokens": 80, "temperature": 0.7}
            question = {"contents": contents, "systemInstruction": {"parts": [{"text": system}]}, "generationConfig": settings}
            return f"/v1beta/models/{model}:generateContent", question
        case "ollama":
            messages = [{"role": "system", "content": system}, user]
            options = {"num_predict": 80, "temperature": 0.7}
            return "/api/chat", {"model": model, "messages": messages, "stream": False, "options": options}
    raise ValueError(client)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    arguments = parser.parse_args()
    with bench("conversions") as (folder, started):
        elsewhere = (
            f"location /v1/messages {{ {returns(ANTHROPIC)} }} location /v1beta {{ {returns(GEMINI)} }}"
        )
        mock = Nginx(folder, "mock", LOAD_CORE, returns(ANSWER), locations=elsewhere)
        started.append(mock.process)
        node = node_on_its_core(arguments.program)
        started.append(node.process)
        bases = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}
        for speech, kind in KINDS.items():
            base = ["--id", speech, "--model", "m", "--base", mock.url + bases[speech]]
            node.run("providers", "add", kind, *base, key="sk-any")
        pairs = []
        for client in ("openai", "responses", "anthropic", "gemini", "ollama"):
            for speech in KINDS:
                path, text = asked(client, f"{speech}/m")
                name, url = f"{client} -> {speech}", f"http://{node.address}{path}"
                pairs.append(Gateway(name, node.process, url, "m", json.dumps(text)))
        pairs = [pair for pair in pairs if ready(pair)]
        print(
            f"{os.cpu_count()} cores, {cpu()}, load {os.getloadavg()[0]:.1f}; node on core {GATEWAY_CORE}, mock and load"
            f" on core {LOAD_CORE}; {arguments.rounds} rounds of {arguments.seconds} s at 32 connections",
            flush=True,
        )
        for _ in range(arguments.rounds):
            for pair in pairs:
                pair.load(folder, 32, arguments.seconds)
        base = statistics.median(pairs[0].cost[32])
        for pair in pairs:
            cost = statistics.median(pair.cost[32])
            print(f"{pair.name:24} {cost:7.1f} us a request  {cost / base:5.2f} x  {pair.errors} errors", flush=True)


main()

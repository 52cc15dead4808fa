"""Prefill and decode rates of OpenAI-compatible servers, side by side, as ratios.

Both servers get the same requests, in interleaved rounds, so that whatever else the machine does
hits both alike. Each request has a prompt of its own, so that no prefix cache helps.

- prefill: one request with a long prompt and one token of answer; prompt tokens ÷ wall time.
- decode: n parallel streams; tokens after each stream's first ÷ the time from the first token of
  any stream to the last of all.
"""

import argparse
import http.client
import json
import random
import statistics
import threading
import time
from urllib.parse import urlsplit

PROMPT_LETTERS = 700
DECODE_PROMPT_LETTERS = 24


def prompt(letters: int) -> str:
    """Random letters: one token each in the synthetic vocabularies."""
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=letters))


class Server:
    def __init__(self, name: str, url: str, model: str):
        self.name, self.model = name, model
        self.address = urlsplit(url).netloc

    def post(self, body: dict) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.address, timeout=600)
        payload = json.dumps({"model": self.model, "temperature": 0, **body})
        connection.request("POST", "/v1/completions", payload, {"content-type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{self.name}: {response.status} {response.read()[:300]!r}")
        return response

    def prefill(self) -> float:
        """Prompt tokens per second."""
        begun = time.perf_counter()
        reply = json.load(self.post({"prompt": prompt(PROMPT_LETTERS), "max_tokens": 1}))
        return reply["usage"]["prompt_tokens"] / (time.perf_counter() - begun)

    def stream(self, tokens: int, times: list[float]) -> None:
        """Appends the time of each token's arrival."""
        body = {"prompt": prompt(DECODE_PROMPT_LETTERS), "max_tokens": tokens, "stream": True,
                "stream_options": {"include_usage": True}}
        arrived, usage = [], 0
        for line in self.post(body):
            if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                continue
            chunk = json.loads(line[6:])
            if chunk.get("choices"):
                arrived.append(time.perf_counter())
            if chunk.get("usage"):
                usage = chunk["usage"]["completion_tokens"]
        # A chunk can hold several tokens, or a token no text: the count is the server's own.
        times.append((arrived[0], arrived[-1], usage))

    def decode(self, parallel: int, tokens: int) -> float:
        """Tokens per second of all streams together."""
        times: list = []
        threads = [threading.Thread(target=self.stream, args=(tokens, times)) for _ in range(parallel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(times) != parallel:
            raise RuntimeError(f"{self.name}: {parallel - len(times)} of {parallel} streams failed")
        window = max(last for _, last, _ in times) - min(first for first, _, _ in times)
        return sum(count - 1 for _, _, count in times) / window


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", nargs=3, action="append", metavar=("NAME", "URL", "MODEL"), required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=48)
    arguments = parser.parse_args()
    servers = [Server(*server) for server in arguments.server]
    measures = {"prefill": lambda s: s.prefill()}
    for parallel in (1, 4, 8):
        measures[f"decode x{parallel}"] = lambda s, n=parallel: s.decode(n, arguments.tokens)
    for server in servers:
        server.decode(1, 4)
    first, *others = servers
    for name, measure in measures.items():
        rates = {server.name: [] for server in servers}
        for _ in range(arguments.rounds):
            for server in servers:
                rates[server.name].append(measure(server))
        medians = {server: statistics.median(values) for server, values in rates.items()}
        row = " · ".join(f"{server} {rate:.1f} tok/s" for server, rate in medians.items())
        ratios = " · ".join(f"{first.name} ÷ {o.name} = {medians[first.name] / medians[o.name]:.2f}" for o in others)
        print(f"{name:10} {row}   {ratios}", flush=True)


if __name__ == "__main__":
    main()

"""Prefill and decode rates of OpenAI-compatible servers, side by side, as ratios.

Both servers get the same requests, in interleaved rounds, so that whatever else the machine does
hits both alike. Each request has a prompt of its own, so that no prefix cache helps.

- prefill: one request with a long prompt and one token of answer; prompt tokens ÷ wall time.
- decode: n parallel streams; the tokens that arrive while all of them are writing ÷ that time.
- whole: the same streams; all tokens of all answers ÷ the time from the first request to the last
  token, prompts included.
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

    def stream(self, tokens: int, streams: list[tuple[list[float], int]]) -> None:
        """Appends when each piece of text arrived, and how many tokens there were."""
        body = {"prompt": prompt(DECODE_PROMPT_LETTERS), "max_tokens": tokens, "stream": True,
                "stream_options": {"include_usage": True}}
        arrived, usage = [], 0
        for line in self.post(body):
            if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                continue
            chunk = json.loads(line[6:])
            if chunk.get("choices") and chunk["choices"][0].get("text"):
                arrived.append(time.perf_counter())
            if chunk.get("usage"):
                usage = chunk["usage"]["completion_tokens"]
        streams.append((arrived, usage))

    def streams(self, parallel: int, tokens: int) -> tuple[float, float]:
        """Tokens per second while all write, and of the whole."""
        streams: list = []
        threads = [threading.Thread(target=self.stream, args=(tokens, streams)) for _ in range(parallel)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = time.perf_counter()
        if len(streams) != parallel:
            raise RuntimeError(f"{self.name}: {parallel - len(streams)} of {parallel} streams failed")
        first, last = max(s[0][0] for s in streams), min(s[0][-1] for s in streams)
        # A piece can hold several tokens, or a token no text: each stream's own share corrects that.
        inside = sum(
            sum(first < at <= last for at in arrived) * usage / len(arrived) for arrived, usage in streams
        )
        return inside / (last - first), sum(usage for _, usage in streams) / (ended - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", nargs=3, action="append", metavar=("NAME", "URL", "MODEL"), required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=48)
    arguments = parser.parse_args()
    servers = [Server(*server) for server in arguments.server]
    measures = {("prefill",): lambda s: (s.prefill(),)}
    for parallel in (1, 4, 8):
        names = (f"decode x{parallel}", f"whole x{parallel}")
        measures[names] = lambda s, n=parallel: s.streams(n, arguments.tokens)
    for server in servers:
        server.streams(1, 4)
    first, *others = servers
    for names, measure in measures.items():
        rates = {server.name: [] for server in servers}
        for _ in range(arguments.rounds):
            for server in servers:
                rates[server.name].append(measure(server))
        for index, name in enumerate(names):
            show(name, first, others, {s: [run[index] for run in runs] for s, runs in rates.items()})


def show(name: str, first: Server, others: list[Server], rates: dict[str, list[float]]) -> None:
    """The ratio is the median of the rounds' own ratios: what slows a round slows both its halves."""
    row = " · ".join(f"{server} {statistics.median(values):.1f} tok/s" for server, values in rates.items())
    ratios = []
    for other in others:
        pairs = [a / b for a, b in zip(rates[first.name], rates[other.name], strict=True)]
        ratios.append(f"{first.name} ÷ {other.name} = {statistics.median(pairs):.2f} ({min(pairs):.2f}–{max(pairs):.2f})")
    print(f"{name:10} {row}   {' · '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main()

"""A node beside llama.cpp's own server: same file, threads, slots and KV settings, in turns.

Rows: streams with a shared prefix of about 1,000 tokens (1, 4, 8, 16 at once), the same against a
server with one slot (8 at once), and prefill. Each row gives tokens per second of wall time and
tokens per second of processor time (of the server and all of its children), and the ratio of each:
where the machine does other things as well, the second one is the fairer.
"""

import argparse
import json
import os
import statistics
import threading
import time
from pathlib import Path

from throughput import PROMPT_LETTERS, Server, prompt

PREFIX_LETTERS = 1_000
OWN_LETTERS = 24
TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that came from it."""
    found, at = [pid], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
        at += 1
    return found


def cpu_seconds(pid: int) -> float:
    total = 0
    for process in family(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


class Contender(Server):
    def __init__(self, name: str, url: str, model: str, pid: str):
        super().__init__(name, url, model)
        self.pid = int(pid)

    def shared(self, parallel: int, tokens: int, prefix: str) -> tuple[float, float]:
        """Tokens of all answers per second of wall time, and of processor time."""
        streams: list = []

        def one() -> None:
            body = {"prompt": prefix + prompt(OWN_LETTERS), "max_tokens": tokens, "stream": True,
                    "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "ignore_eos": True,
                    "stream_options": {"include_usage": True}}
            usage = 0
            for line in self.post(body):
                if line.startswith(b"data: ") and not line.startswith(b"data: [DONE]"):
                    chunk = json.loads(line[6:])
                    if chunk.get("usage"):
                        usage = chunk["usage"]["completion_tokens"]
            streams.append(usage)

        threads = [threading.Thread(target=one) for _ in range(parallel)]
        cpu, begun = cpu_seconds(self.pid), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall, cpu = time.perf_counter() - begun, cpu_seconds(self.pid) - cpu
        if len(streams) != parallel:
            raise RuntimeError(f"{self.name}: {parallel - len(streams)} of {parallel} streams failed")
        return sum(streams) / wall, sum(streams) / max(cpu, 1e-3)

    def reading(self) -> tuple[float, float]:
        cpu, begun = cpu_seconds(self.pid), time.perf_counter()
        reply = json.load(self.post({"prompt": prompt(PROMPT_LETTERS), "max_tokens": 1}))
        wall, cpu = time.perf_counter() - begun, cpu_seconds(self.pid) - cpu
        return reply["usage"]["prompt_tokens"] / wall, reply["usage"]["prompt_tokens"] / max(cpu, 1e-3)


def row(name: str, ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> None:
    def ratios(which: int) -> str:
        pairs = [a[which] / b[which] for a, b in zip(ours, theirs, strict=True)]
        return f"{statistics.median(pairs):.2f} ({min(pairs):.2f}–{max(pairs):.2f})"

    def middle(runs: list[tuple[float, float]], which: int) -> float:
        return statistics.median(run[which] for run in runs)

    print(f"| {name} | {middle(ours, 0):.1f} | {middle(theirs, 0):.1f} | {ratios(0)} "
          f"| {middle(ours, 1):.1f} | {middle(theirs, 1):.1f} | {ratios(1)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", nargs=4, metavar=("NAME", "URL", "MODEL", "PID"), required=True)
    parser.add_argument("--theirs", nargs=4, metavar=("NAME", "URL", "MODEL", "PID"), required=True)
    parser.add_argument("--one-slot", nargs=4, metavar=("NAME", "URL", "MODEL", "PID"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    arguments = parser.parse_args()
    ours, theirs = Contender(*arguments.ours), Contender(*arguments.theirs)
    print("| | ours, tok/s | theirs | ratio | ours, tok/CPU-s | theirs | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for server in (ours, theirs):
        server.shared(1, 4, "")
    pairs = [(ours.reading(), theirs.reading()) for _ in range(arguments.rounds)]
    row("prefill", [a for a, _ in pairs], [b for _, b in pairs])
    for parallel in (1, 4, 8, 16):
        pairs = []
        for _ in range(arguments.rounds):
            prefix = prompt(PREFIX_LETTERS)
            pairs.append((ours.shared(parallel, arguments.tokens, prefix),
                          theirs.shared(parallel, arguments.tokens, prefix)))
        row(f"{parallel} at once, shared prefix", [a for a, _ in pairs], [b for _, b in pairs])
    if arguments.one_slot:
        single = Contender(*arguments.one_slot)
        single.shared(1, 4, "")
        pairs = []
        for _ in range(arguments.rounds):
            prefix = prompt(PREFIX_LETTERS)
            pairs.append((ours.shared(8, arguments.tokens, prefix),
                          single.shared(8, arguments.tokens, prefix)))
        row("8 at once, their one slot", [a for a, _ in pairs], [b for _, b in pairs])


if __name__ == "__main__":
    main()

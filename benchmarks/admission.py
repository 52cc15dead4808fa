"""How long until a new computer is in, and until a removed one is out.

Real nodes as processes on loopback:

- *in*: from the moment the digits that a newcomer shows are sent at an admin's computer until both nodes'
  own lists show both as present;
- *out*: a member asks another one for stream after stream; an admin at a third computer removes it. Measured
  from the moment the removal is sent until the last piece of text reached the removed member's reader.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

from failover import Node, until

PRESENT = ("here", "online")
MODEL = "far-chat"
GOALS_S = {"in": 2.0, "out": 5.0}
# After a removal, how long a removed member must have got nothing before that counts as the end.
SILENCE_S = 2.0


class Desk(Node):
    """A node with the joining commands, on loopback."""

    def __init__(self, program: Path, name: str, models: Path):
        super().__init__(program, name, models, None, "127.0.0.1")

    def present(self) -> int:
        _, listed = self.ask("GET", "/api/v1/nodes")
        return sum(node["presence"] in PRESENT for node in listed["data"])

    def door(self) -> str:
        return json.loads((self.folder / "node.json").read_text())["join"][0]

    def digits(self) -> str:
        _, shown = self.ask("POST", "/api/v1/pairing", {"again": False})
        return shown["own"]["digits"]

    def expect(self, method: str, path: str, body) -> dict:
        status, answer = self.ask(method, path, body)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer


def let_in(admin: Desk, newcomer: Desk) -> float:
    digits, door = newcomer.digits(), newcomer.door()
    begun = time.perf_counter()
    admin.expect("POST", "/api/v1/pairing/approve", {"digits": digits, "address": door})
    until("both are on both screens", lambda: admin.present() >= 2 and newcomer.present() >= 2, 0.005)
    return time.perf_counter() - begun


def measure_in(program: Path, models: Path, runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        admin, newcomer = Desk(program, "admin", models), Desk(program, "newcomer", models)
        try:
            admin.run("found", "office")
            times.append(let_in(admin, newcomer))
        finally:
            admin.remove()
            newcomer.remove()
    return times


class Stream(threading.Thread):
    """Asks for one answer after the other, and remembers when the last piece came."""

    def __init__(self, node: Desk, only: str):
        super().__init__(daemon=True)
        self.node, self.only, self.last, self.pieces, self.over = node, only, 0.0, 0, False

    def run(self) -> None:
        while not self.over:
            try:
                self.one()
            except (OSError, http.client.HTTPException):
                pass

    def one(self) -> None:
        body = {"model": MODEL, "stream": True, "temperature": 0, "pumasi": {"only": [self.only]},
                "messages": [{"role": "user", "content": "repeat: " + "neighbours lend a hand " * 6}]}
        connection = http.client.HTTPConnection(self.node.http, timeout=10)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            response.read()
            # Refused: the next try soon.
            time.sleep(0.01)
        for line in response:
            if self.over:
                break
            if line.startswith(b"data: {") and b'"content":"' in line:
                self.last, self.pieces = time.perf_counter(), self.pieces + 1
        connection.close()


def put_out(admin: Desk, member: Desk, server: Desk) -> float:
    reader = Stream(member, server.id)
    reader.start()
    until("it is served", lambda: reader.pieces >= 50)
    begun = time.perf_counter()
    admin.expect("POST", f"/api/v1/nodes/{member.id}/remove", {"confirmed": True})
    until("it is served no more", lambda: time.perf_counter() - max(reader.last, begun) > SILENCE_S)
    reader.over = True
    reader.join()
    return max(reader.last - begun, 0.0)


def measure_out(program: Path, models: Path, far: Path, runs: int) -> list[float]:
    admin, server = Desk(program, "admin", models), Desk(program, "server", far)
    times = []
    try:
        server.run("join", json.loads(admin.run("invite", "--json"))["token"])
        for _ in range(runs):
            member = Desk(program, "member", models)
            try:
                member.run("join", json.loads(admin.run("invite", "--json"))["token"])

                def knows():
                    _, listed = member.ask("GET", "/api/v1/models")
                    return any(m["name"] == MODEL and m["best"] for m in listed["data"])

                until("it sees the model", knows)
                times.append(put_out(admin, member, server))
            finally:
                member.remove()
    finally:
        admin.remove()
        server.remove()
    return times


def row(name: str, times: list[float], goal_s: float) -> str:
    times = sorted(times)
    p95 = times[max(int(len(times) * 0.95) - 1, 0)]
    return (f"| {name} | {statistics.median(times):.3f} s | {p95:.3f} s | {times[-1]:.3f} s | {len(times)} "
            f"| under {goal_s:g} s |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--starter", type=Path, default=Path("engines/llama/starter/starter-chat.gguf"))
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pumasi-bench-models-"))
    near, far = folder / "near", folder / "far"
    near.mkdir()
    far.mkdir()
    shutil.copy(arguments.starter, far / f"{MODEL}.gguf")
    try:
        print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}; real processes on loopback")
        entered = measure_in(arguments.program, near, arguments.runs)
        left = measure_out(arguments.program, near, far, arguments.runs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    print("| | median | p95 | worst | runs | goal |\n| --- | --- | --- | --- | --- | --- |")
    print(row("digits sent → both on both screens", entered, GOALS_S["in"]))
    print(row("removal sent → last piece at the removed member", left, GOALS_S["out"]))


if __name__ == "__main__":
    main()

"""What a hostile member costs: the processor time of the node that it floods, and others' work there.

Three real nodes on loopback: one is flooded, one asks it for answers of the starter model, and one is
stopped, so that a program can attack with its key: several kinds of messages on both planes at once, and
dialling again as often as it is thrown out. Measured, without and with the attack:

- the processor time of the flooded node, with its engine apart (`/proc/PID/stat`), as a share of a core:
  in the first two seconds, and after the member was cut off;
- the time of each answer that the other member gets from the flooded node.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import threading
import time
from pathlib import Path

from node import Node, until

TICKS = os.sysconf("SC_CLK_TCK")
# Goals: a share of a core after the penalty, and how many times as long another job may take.
CORE, TIMES = 0.10, 2.0


def processor_s(pid: int) -> float:
    """User and system time of a process alone."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


class Chats(threading.Thread):
    """One answer after the other, each on the flooded node."""

    def __init__(self, asker: Node, only: str):
        super().__init__(daemon=True)
        self.asker, self.only, self.done, self.times = asker, only, threading.Event(), []

    def run(self) -> None:
        while not self.done.is_set():
            begun = time.perf_counter()
            came = self.asker.first_token("starter-chat", pumasi={"only": [self.only]})
            self.times.append((begun, (time.perf_counter() - begun) * 1e3))
            assert came, "no answer"
            time.sleep(0.05)

    def end(self) -> list[tuple[float, float]]:
        self.done.set()
        self.join()
        return self.times


def meet(nodes: list[Node], count: int) -> None:
    def seen(node: Node) -> bool:
        peers = json.loads(node.run("peers", "--json"))["data"]
        return sum(peer["presence"] in ("here", "online") for peer in peers) == count

    for node in nodes:
        until("they meet", lambda: seen(node), 0.05)


def share(pid: int, seconds: float) -> float:
    before, begun = processor_s(pid), time.perf_counter()
    time.sleep(seconds)
    return (processor_s(pid) - before) / (time.perf_counter() - begun)


def load_of(pid: int, early_s: float, late_s: float) -> tuple[float, float]:
    return share(pid, early_s), share(pid, late_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--rate", type=int, default=10_000, help="messages a second")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    arguments = parser.parse_args()
    starter = Path(__file__).parent.parent / "engines/llama/starter/starter-chat.gguf"
    quiet = ["--discovery=false", "--yield=none", "--threads", "1", "--log", "warn"]
    flooded, asker, member = (Node(arguments.program, starter, name, quiet) for name in ("flooded", "asker", "member"))
    nodes = [flooded, asker, member]
    try:
        for node in nodes:
            node.start()
            node.listening()
            until("it is healthy", node.healthy)
        token = json.loads(flooded.run("invite", "--json", "--count", "2"))["token"]
        for node in (asker, member):
            node.run("join", token)
        meet(nodes, 3)
        member.stop()
        meet([flooded, asker], 2)
        measure(arguments, flooded, asker, member)
    finally:
        for node in nodes:
            node.remove()


def measure(arguments, flooded: Node, asker: Node, member: Node) -> None:
    pid = json.loads((flooded.folder / "node.json").read_text())["pid"]
    running = json.loads((flooded.folder / "node.json").read_text())
    mesh = json.loads(flooded.run("status", "--json"))["mesh"]["id"]
    asker.first_token("starter-chat", pumasi={"only": [flooded.id]})
    late_s = arguments.seconds - 2
    idle = share(pid, 5)
    chats = Chats(asker, flooded.id)
    chats.start()
    quiet = load_of(pid, 2, late_s)
    quiet_times = chats.end()

    hostile = arguments.program.with_name("hostile")
    command = [hostile, member.folder / "identity.key", mesh, running["mesh"][0], running["data"][0],
               str(arguments.rate), str(arguments.seconds + 2)]
    chats = Chats(asker, flooded.id)
    chats.start()
    attack = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    begun = time.perf_counter()
    loud = load_of(pid, 2, late_s)
    loud_times = chats.end()
    alone = share(pid, 1)
    told = json.loads(attack.communicate(timeout=60)[0])
    report(arguments, idle, alone, (quiet, quiet_times), (loud, loud_times), told, begun)


def report(arguments, idle, alone, quiet, loud, told, begun) -> None:
    def median(times):
        return statistics.median(ms for _, ms in times)

    def worst(times):
        return max(ms for _, ms in times)

    early = [(at, ms) for at, ms in loud[1] if at - begun < 2] or loud[1]
    late = [(at, ms) for at, ms in loud[1] if at - begun >= 2]
    before = median(quiet[1])
    print(f"conditions: {arguments.rate} messages/s of five kinds for {arguments.seconds} s; {os.cpu_count()} cores; "
          f"load {os.getloadavg()[0]:.1f}; {shutil.which('uname') and os.uname().release}")
    print(f"sent {told['sent']}, dialled {told['dialled']} times, let in {told['admitted']} times, "
          f"thrown out first after {told['first_refusal_ms']} ms")
    rows = [
        ("", "without", "first 2 s of it", "after the penalty"),
        ("node, share of a core", f"{quiet[0][1]:.3f}", f"{loud[0][0]:.3f}", f"{loud[0][1]:.3f}"),
        ("of that, for the attack", "", f"{loud[0][0] - quiet[0][0]:.3f}", f"{loud[0][1] - quiet[0][1]:.3f}"),
        ("nobody asks anything", f"{idle:.3f}", "", f"{alone:.3f}"),
        ("answer, median ms", f"{before:.1f}", f"{median(early):.1f}", f"{median(late):.1f}"),
        ("answer, worst ms", f"{worst(quiet[1]):.1f}", f"{worst(early):.1f}", f"{worst(late):.1f}"),
        ("times as long", "", f"{median(early) / before:.2f}", f"{median(late) / before:.2f}"),
    ]
    for row in rows:
        print(f"{row[0]:26}" + "".join(f"{cell:>20}" for cell in row[1:]))
    cost, times = alone, median(late) / before
    print(f"goal: under {CORE:.0%} of a core after the penalty: {'yes' if cost < CORE else 'NO'} ({cost:.1%}); "
          f"no other job above {TIMES:g} times: {'yes' if times < TIMES else 'NO'} ({times:.2f})")


if __name__ == "__main__":
    main()

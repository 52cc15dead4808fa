"""What a copy of a model costs, and how fast it is.

Real nodes as processes, one in each network namespace, all at one bridge whose cables are shaped to --mbit.
In one run, on the same cables:

- *iperf3*: one TCP stream without encryption, what the cable carries;
- *copy*: `pumasi models copy` of a file of --gb from one holder: encrypted, every byte proven, in the store at the end;
- *copy over QUIC*: the same where TCP is closed (the port was taken as the nodes started);
- *swarm*: --nodes that pull at once from one holder.

Processor seconds are those of both nodes together (/proc/PID/stat), from the order until the model is listed;
the holder's tree is made before. What the kernel does for them counts where it counts it: sending and receiving
inside the processes, not the soft interrupts of the bridge.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from failover import Node, Office, until

STARTER = Path("engines/llama/starter/starter-chat.gguf")
TICKS = os.sysconf("SC_CLK_TCK")


def processor_s(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def write_model(path: Path, gigabytes: float) -> int:
    """The starter model and then noise: a valid model of any size that no file system makes smaller."""
    size = int(gigabytes * 1e9)
    with open(path, "wb") as file:
        file.write(STARTER.read_bytes())
        while (left := size - file.tell()) > 0:
            file.write(os.urandom(min(left, 1 << 22)))
    return size


class Desks:
    def __init__(self, program: Path, count: int, folder: Path, options: argparse.Namespace, quic: bool):
        names = [f"n{n}" for n in range(count)]
        self.office, self.nodes, self.quic = Office(names), [], quic
        for name in names:
            if options.mbit:
                self.shape(name, options.mbit)
        for last, name in enumerate(names, 1):
            models = folder if last == 1 else Path(tempfile.mkdtemp())
            with Taken(self.office, name, f"10.78.0.{last}", quic) as port:
                self.nodes.append(Desk(program, name, models, self.office, f"10.78.0.{last}", port))
        first = self.nodes[0]
        first.run("found")
        for node in self.nodes[1:]:
            token = json.loads(first.run("invite", "--json"))["token"]
            node.run("join", token)

    def shape(self, name: str, mbit: int) -> None:
        """Both directions of a desk's cable."""
        rate = ["rate", f"{mbit}mbit", "burst", "256kb", "latency", "50ms"]
        for space, device in ((self.office.hub, name), (f"{self.office.tag}-{name}", "eth0")):
            subprocess.run(["ip", "netns", "exec", space, "tc", "qdisc", "add", "dev", device, "root", "tbf", *rate], check=True)

    def known(self) -> None:
        """All nodes know the model, and its holder can prove parts of it."""
        for node in self.nodes[1:]:
            until("the model is known", lambda n=node: "bench" in n.run("models", "list"))

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()
        self.office.remove()


class Taken:
    """A free data port; where QUIC is measured, its TCP side is taken while the node starts."""

    def __init__(self, office: Office, name: str, address: str, quic: bool):
        self.office, self.name, self.address, self.quic = office, name, address, quic

    def __enter__(self) -> int:
        self.holder = None
        if self.quic:
            code = (f"import socket,time\ns=socket.socket()\ns.bind(('{self.address}',7864))\ns.listen()\n"
                    "print('ready',flush=True)\ntime.sleep(3600)")
            self.holder = subprocess.Popen(["ip", "netns", "exec", f"{self.office.tag}-{self.name}", "python3", "-c", code],
                                           stdout=subprocess.PIPE, text=True)
            self.holder.stdout.readline()
        return 7864

    def __exit__(self, *_):
        if self.holder:
            self.holder.kill()
            self.holder.wait()


class Desk(Node):
    def __init__(self, program, name, models, office, address, port):
        self.data_port = port
        super().__init__(program, name, models, office, address)

    def start(self) -> None:
        at = self.options.index("--data-port")
        self.options[at + 1] = str(self.data_port)
        super().start()


def iperf(office: Office, seconds: int) -> float:
    server = subprocess.Popen(["ip", "netns", "exec", f"{office.tag}-n0", "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
    time.sleep(1)
    client = ["ip", "netns", "exec", f"{office.tag}-n1", "iperf3", "-R", "-J", "-c", "10.78.0.1", "-t", str(seconds)]
    told = json.loads(subprocess.run(client, check=True, capture_output=True, text=True).stdout)
    server.wait()
    return told["end"]["sum_received"]["bits_per_second"] / 8


def pull(node: Node) -> dict:
    return json.loads(node.run("models", "copy", "bench", "--json"))["copy"]


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1_000


def one(desks: Desks, size: int) -> dict:
    holder, reader = desks.nodes[:2]
    pids = [holder.pid, reader.pid]
    before, start = processor_s(pids), time.perf_counter()
    memory = peak_mb(reader.pid)
    pull(reader)
    took = time.perf_counter() - start
    return {"s": took, "cpu_s_per_gb": (processor_s(pids) - before) / size * 1e9, "mb_per_s": size / took / 1e6,
            "reader_mb": (memory, peak_mb(reader.pid))}


def swarm(desks: Desks) -> float:
    start = time.perf_counter()
    threads = [threading.Thread(target=pull, args=(node,)) for node in desks.nodes[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def measure(program: Path, count: int, folder: Path, options, quic: bool, work):
    desks = Desks(program, count + 1, folder, options, quic)
    try:
        desks.known()
        # The holder reads its file once, for everybody, on the first ask: of one who is gone before it counts.
        warmer = desks.nodes.pop()
        pull(warmer)
        warmer.remove()
        time.sleep(3)
        return work(desks)
    finally:
        desks.remove()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("--gb", type=float, default=2.0)
    parser.add_argument("--mbit", type=int, default=1000, help="of each cable; 0: not shaped")
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--only", choices=["copy", "quic", "swarm"])
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pumasi-bench-copy-"))
    try:
        size = write_model(folder / "bench.gguf", options.gb)
        print(f"{options.gb} GB, cables of {options.mbit} Mbit/s, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        cable = None
        if options.only in (None, "copy"):
            def both(desks):
                return (iperf(desks.office, 5) if shutil.which("iperf3") else None), one(desks, size)
            cable, copied = measure(options.program, 2, folder, options, False, both)
            ratio = f", {copied['mb_per_s'] * 1e6 / cable:.3f} of iperf3's {cable / 1e6:.0f}" if cable else ""
            print(f"copy (TCP, TLS 1.3): {copied['mb_per_s']:.0f} MB/s{ratio}; {copied['cpu_s_per_gb']:.2f} CPU s/GB; "
                  f"peak memory of the reader {copied['reader_mb'][0]:.0f} -> {copied['reader_mb'][1]:.0f} MB", flush=True)
        if options.only in (None, "quic"):
            over = measure(options.program, 2, folder, options, True, lambda desks: one(desks, size))
            print(f"copy over QUIC: {over['mb_per_s']:.0f} MB/s; {over['cpu_s_per_gb']:.2f} CPU s/GB", flush=True)
        if options.only in (None, "swarm"):
            took = measure(options.program, options.nodes, folder, options, False, swarm)
            print(f"swarm: {options.nodes - 1} readers of one holder in {took:.1f} s, one alone takes "
                  f"{size / (options.mbit * 125_000 or 1):.1f} s on the cable", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""How long a reader waits when the computer that answers goes away, and whether the text has a seam.

Three real nodes: one is asked, the two others hold the model loaded. While one of them answers, it is

- killed (`kill -9`), with its engine,
- frozen (SIGSTOP), with its engine,
- cut off (its cable: a port of a bridge between network namespaces is taken down; root only),

either before the first byte of its answer or in the middle of it. Measured is the time from the fault to
the next piece of text at the reader, who notices nothing else: the answer must have as many tokens as were
asked for, and begin as the undisturbed one does up to the seam. Behind the seam a model with random weights
may write something else, because reading a prompt and writing it round differently; how often it does is
counted. With the starter model the whole text must be equal.
"""

import argparse
import ctypes
import http.client
import json
import math
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

PATIENCE_S = 60
STARTER = "starter-chat"
# What it can repeat: beyond some 300 letters it babbles, and babbling is not continued alike.
STARTER_LETTERS = 160
NEW_NETWORK = 0x40000000
FAULTS = ("kill", "freeze", "partition")
MOMENTS = ("before the first byte", "mid-stream")
# Goals for the median and the worst of a hundred, in seconds; a frozen or cut-off node: always.
GOALS = {"kill": (1.0, 2.0), "freeze": (3.0, 3.0), "partition": (3.0, 3.0)}


def until(what: str, ask, every_s: float = 0.02):
    end = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(every_s)
    raise TimeoutError(what)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Office:
    """Network namespaces at one bridge, one for each node."""

    def __init__(self, names: list[str]):
        self.tag, self.spaces = f"pf{os.getpid() % 100_000}", []
        self.hub = self.space("hub")
        ip("-n", self.hub, "link", "add", "br0", "type", "bridge")
        ip("-n", self.hub, "link", "set", "br0", "up")
        for last, name in enumerate(names, 1):
            space = self.space(name)
            ip("-n", self.hub, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("-n", self.hub, "link", "set", name, "master", "br0")
            ip("-n", self.hub, "link", "set", name, "up")
            for words in (["addr", "add", f"10.78.0.{last}/24", "dev", "eth0"], ["link", "set", "lo", "up"],
                          ["link", "set", "eth0", "up"], ["route", "add", "default", "dev", "eth0"]):
                ip("-n", space, *words)

    def space(self, name: str) -> str:
        space = f"{self.tag}-{name}"
        ip("netns", "add", space)
        self.spaces.append(space)
        return space

    def enter(self, name: str) -> None:
        """Puts this thread, and what it starts, to a desk."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/var/run/netns/{self.tag}-{name}") as space:
            if libc.setns(space.fileno(), NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def cable(self, name: str, state: str) -> None:
        ip("-n", self.hub, "link", "set", name, state)

    def remove(self) -> None:
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


class Node:
    def __init__(self, program: Path, name: str, models: Path, office: Office | None, address: str):
        self.program, self.name, self.office = program, name, office
        self.folder = Path(tempfile.mkdtemp(prefix=f"pumasi-bench-{name}-"))
        # A node that is killed has not always stored where the others are: they find it where it was.
        mesh, data = free_port(), free_port()
        self.options = ["--name", name, "--http", "127.0.0.1:0", "--listen", address, "--mesh-port", str(mesh),
                        "--data-port", str(data), "--join-port", "0", "--discovery=false", "--yield=none", "--threads", "1",
                        "--context", "1024", "--model-dir", str(models), "--log", "warn"]
        self.start()

    def start(self) -> None:
        (self.folder / "node.json").unlink(missing_ok=True)
        wrapper = ["ip", "netns", "exec", f"{self.office.tag}-{self.name}"] if self.office else []
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                [*wrapper, self.program, "--data-dir", self.folder, "up", *self.options],
                stdout=log, stderr=log, start_new_session=True)

        def read():
            try:
                return json.loads((self.folder / "node.json").read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                return None

        running = until(f"{self.name} listens", read)
        self.http, self.id, self.pid = running["http"], running["node"], running["pid"]

    def ask(self, method: str, path: str, body=None):
        token = (self.folder / "token").read_text()
        connection = http.client.HTTPConnection(self.http, timeout=PATIENCE_S)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"authorization": f"Bearer {token}", "content-type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()

    def run(self, *arguments: str) -> str:
        # The command talks to the node's loopback: from the same desk.
        wrapper = ["ip", "netns", "exec", f"{self.office.tag}-{self.name}"] if self.office else []
        command = [*wrapper, self.program, "--data-dir", self.folder, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def group(self) -> list[int]:
        """The node and the engines that it started."""
        pids = [self.pid]
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
        return pids

    def signal(self, which: int) -> None:
        for pid in self.group():
            try:
                os.kill(pid, which)
            except ProcessLookupError:
                pass

    def remove(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
            self.process.wait(PATIENCE_S)
        shutil.rmtree(self.folder, ignore_errors=True)


class Mesh:
    """One node that is asked, two that answer."""

    def __init__(self, program: Path, models: Path, office: Office | None):
        names = ["asked", "left", "right"]
        self.office = office
        addresses = [f"10.78.0.{n}" if office else "127.0.0.1" for n in (1, 2, 3)]
        self.nodes = []
        for name, address in zip(names, addresses, strict=True):
            self.nodes.append(Node(program, name, models, office, address))
        self.asked, *self.answering = self.nodes

    def meet(self) -> None:
        token = json.loads(self.asked.run("invite", "--json", "--count", "2"))["token"]
        for node in self.answering:
            node.run("join", token)

    def by_id(self, node: str) -> Node:
        return next(candidate for candidate in self.nodes if candidate.id == node)

    def is_ready(self, model: str) -> bool:
        """Both others are seen, with the model in memory and nothing to do."""
        _, listed = self.asked.ask("GET", "/api/v1/nodes")
        ready = 0
        for node in listed["data"]:
            states = [m["state"] for m in node["models"] if m["name"] == model]
            loaded = any(s["state"] == "loaded" and s["busy"] == 0 for s in states)
            ready += node["presence"] == "online" and loaded
        return ready == len(self.answering)

    def prepare(self, model: str) -> None:
        """Waits until both are ready; loads what a new start has forgotten."""
        asked = {}

        def ready():
            _, listed = self.asked.ask("GET", "/api/v1/nodes")
            for node in listed["data"]:
                held = any(m["name"] == model and m["state"]["state"] == "held" for m in node["models"])
                # Asked again after a while: a load can fail on a busy machine.
                if node["presence"] == "online" and held and time.perf_counter() > asked.get(node["id"], 0):
                    status, _ = self.asked.ask("POST", f"/api/v1/models/{model}/load", {"node": node["id"]})
                    if status == 202:
                        asked[node["id"]] = time.perf_counter() + 10
            return self.is_ready(model)

        try:
            until("both are ready", ready, 0.1)
        except TimeoutError as error:
            _, listed = self.asked.ask("GET", "/api/v1/nodes")
            seen = [(n["name"], n["presence"], [(m["name"], m["state"]) for m in n["models"]]) for n in listed["data"]]
            raise TimeoutError(f"not ready: {seen}") from error

    def disturb(self, fault: str, node: Node) -> None:
        if fault == "kill":
            node.signal(signal.SIGKILL)
        elif fault == "freeze":
            node.signal(signal.SIGSTOP)
        else:
            self.office.cable(node.name, "down")

    def mend(self, fault: str, node: Node) -> None:
        if fault == "kill":
            node.process.wait(PATIENCE_S)
            node.start()
        elif fault == "freeze":
            node.signal(signal.SIGCONT)
        else:
            self.office.cable(node.name, "up")

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()


class Reader:
    """One streamed answer, read as it comes."""

    def __init__(self, node: Node, path: str, body: dict):
        self.pieces: list[tuple[float, str]] = []
        self.end, self.usage, self.error, self.headers = None, None, None, {}
        # How many pieces had come when the stream said that it goes on elsewhere.
        self.moved: list[int] = []
        self.connection = http.client.HTTPConnection(node.http, timeout=PATIENCE_S)
        self.path, self.body = path, body

    def read(self, on_piece=None) -> None:
        body = {**self.body, "stream": True, "stream_options": {"include_usage": True}}
        self.connection.request("POST", self.path, json.dumps(body), {"content-type": "application/json"})
        response = self.connection.getresponse()
        if response.status != 200:
            self.error = response.read().decode()
            return
        self.headers = dict(response.getheaders())
        for line in response:
            if line.startswith(b": moved"):
                self.moved.append(len(self.pieces))
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            self.take(chunk, on_piece)
        self.connection.close()

    def take(self, chunk: dict, on_piece) -> None:
        if "error" in chunk:
            self.error = chunk["error"]
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices", []):
            text = choice.get("text") or choice.get("delta", {}).get("content")
            if text:
                self.pieces.append((time.perf_counter(), text))
                if on_piece:
                    on_piece(len(self.pieces))
            if choice.get("finish_reason"):
                self.end = chunk.get("pumasi")

    def text(self) -> str:
        return "".join(text for _, text in self.pieces)


class Watch:
    """Where the next job runs, told by the node's own event stream: no other node is asked."""

    def __init__(self, node: Node):
        token = (node.folder / "token").read_text()
        self.connection = http.client.HTTPConnection(node.http, timeout=PATIENCE_S)
        self.connection.request("GET", "/api/v1/events", headers={"authorization": f"Bearer {token}"})
        self.events = self.lines(self.connection.getresponse())
        # Who is listed there from before is not waited for.
        self.before = {job["id"] for job in next(self.events)["snapshot"]["jobs"]}

    @staticmethod
    def lines(response):
        for line in response:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])

    def place(self) -> str:
        for event in self.events:
            job = event.get("job", {})
            if job.get("node") and job["id"] not in self.before:
                self.connection.close()
                return job["node"]["id"]
        raise TimeoutError("no job was bound")


class Case:
    """What is asked, and how an answer is judged."""

    def __init__(self, model: str, tokens: int):
        self.model, self.tokens, self.exact = model, tokens, model == STARTER

    def body(self, asked: Node, long: bool) -> tuple[str, dict]:
        common = {"model": self.model, "temperature": 0, "pumasi": {"not": [asked.id]}}
        letters = random.Random(7)
        if self.exact:
            words = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz ", k=self.tokens)).strip()
            return "/v1/chat/completions", {**common, "messages": [{"role": "user", "content": f"repeat: {words}"}]}
        prompt = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=240 if long else 24))
        return "/v1/completions", {**common, "prompt": prompt, "max_tokens": self.tokens, "ignore_eos": True}

    def judge(self, reader: Reader, whole: str, seam_text: str) -> str:
        """`equal`, `differs` behind the seam, or what is wrong."""
        if reader.error or reader.end is None:
            return f"no end: {reader.error}"
        if reader.text() == whole:
            return "equal"
        if self.exact:
            return "another text"
        if reader.usage["completion_tokens"] != self.tokens:
            return f"{reader.usage['completion_tokens']} tokens"
        return "differs" if reader.text().startswith(seam_text) else "another text before the seam"


def mid_stream(mesh: Mesh, case: Case, fault: str) -> tuple[float, str, str] | None:
    path, body = case.body(mesh.asked, long=False)
    reader, at = Reader(mesh.asked, path, body), []
    victim = []

    def on_piece(count: int) -> None:
        if count == stop_at:
            victim.append(mesh.by_id(reader.headers["x-pumasi-node-id"]))
            mesh.disturb(fault, victim[0])
            at.append(time.perf_counter())

    stop_at = random.randint(3, 8) if case.exact else random.randint(10, case.tokens // 2)
    reader.read(on_piece)
    return outcome(mesh, case, fault, reader, victim, at)


def before_first(mesh: Mesh, case: Case, fault: str) -> tuple[float, str, str] | None:
    path, body = case.body(mesh.asked, long=True)
    reader = Reader(mesh.asked, path, body)
    thread = threading.Thread(target=reader.read)
    watch = Watch(mesh.asked)
    thread.start()
    place = watch.place()
    time.sleep(random.uniform(0, 0.15))
    victim = mesh.by_id(place)
    mesh.disturb(fault, victim)
    at = time.perf_counter()
    thread.join()
    return outcome(mesh, case, fault, reader, [victim], [at])


def outcome(mesh, case, fault, reader, victim, at) -> tuple[float, str, str] | None:
    """The gap, the verdict, and the undisturbed text's part before the seam; none if it was over before."""
    if not at:
        return None
    mesh.mend(fault, victim[0])
    if reader.error is None and not reader.moved:
        return None
    # What was on its way when the fault came still arrives; behind the last seam comes what is new.
    seam = reader.moved[-1] if reader.moved else len(reader.pieces)
    before = "".join(text for _, text in reader.pieces[:seam])
    gap = reader.pieces[seam][0] - at[0] if seam < len(reader.pieces) else math.inf
    return gap, case.judge(reader, case.whole[len(reader.body.get("prompt", "")) > 100], before), fault


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def row(fault: str, moment: str, results: list[tuple[float, str, str]], exact: bool) -> bool:
    gaps = [gap for gap, _, _ in results]
    verdicts = [verdict for _, verdict, _ in results]
    equal, differs = verdicts.count("equal"), verdicts.count("differs")
    wrong = [verdict for verdict in verdicts if verdict not in ("equal", "differs")]
    median, worst = statistics.median(gaps), percentile(gaps, 0.99)
    goal = GOALS[fault]
    met = median <= goal[0] and worst <= goal[1]
    kept = f"{equal} of {len(results)}" + ("" if exact else f", {differs} go on differently")
    print(f"| {fault} | {moment} | {median:.2f} s | {worst:.2f} s | {len(results)} | {kept} | "
          f"{'; '.join(sorted(set(wrong))) or 'none'} | {'yes' if met and not wrong else '**no**'} |", flush=True)
    return met and not wrong


def measure(mesh: Mesh, case: Case, faults, moments, runs: int) -> None:
    mesh.prepare(case.model)
    case.whole = {}
    for long in (False, True):
        path, body = case.body(mesh.asked, long)
        plain = Reader(mesh.asked, path, body)
        begun = time.perf_counter()
        plain.read()
        if plain.error:
            raise RuntimeError(plain.error)
        case.whole[long and not case.exact] = plain.text()
        first = plain.pieces[0][0] - begun
        print(f"undisturbed, {'long' if long else 'short'} prompt: first text after {first * 1e3:.0f} ms, "
              f"{plain.usage['completion_tokens']} tokens in {plain.pieces[-1][0] - begun:.1f} s")
    print(f"\nmodel {case.model}\n\n| fault | when | median | p99 | n | text as undisturbed | repeats, gaps, lost | goal |"
          "\n| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for fault in faults:
        for moment in moments:
            results, tries = [], 0
            while len(results) < runs and tries < 3 * runs:
                tries += 1
                mesh.prepare(case.model)
                run = mid_stream if moment == MOMENTS[1] else before_first
                result = run(mesh, case, fault)
                if result:
                    results.append(result)
            if results:
                row(fault, moment, results, case.exact)
            else:
                print(f"| {fault} | {moment} | | | 0 | every answer was over before the fault | | |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file that writes some 30 to 200 tokens per second")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--fault", action="append", choices=FAULTS)
    parser.add_argument("--moment", action="append", choices=MOMENTS)
    parser.add_argument("--starter-runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    models = Path(tempfile.mkdtemp(prefix="pumasi-bench-models-"))
    try:
        os.link(arguments.model, models / arguments.model.name)
    except OSError:
        shutil.copy(arguments.model, models)
    faults = arguments.fault or list(FAULTS)
    office, mesh = None, None
    if "partition" in faults:
        if os.geteuid() == 0 and shutil.which("ip"):
            office = Office(["asked", "left", "right"])
            office.enter("asked")
        else:
            print("partition is left out: it needs root and iproute2 for network namespaces")
            faults.remove("partition")
    where = "network namespaces at one bridge" if office else "loopback"
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}; three real nodes, {where}, one thread each")
    try:
        mesh = Mesh(arguments.program, models, office)
        mesh.meet()
        cases = [(Case(arguments.model.stem, arguments.tokens), arguments.moment or MOMENTS, arguments.runs)]
        if arguments.starter_runs:
            cases.append((Case(STARTER, STARTER_LETTERS), [MOMENTS[1]], arguments.starter_runs))
        for case, moments, runs in cases:
            measure(mesh, case, faults, moments, runs)
    finally:
        if mesh:
            mesh.remove()
        if office:
            office.remove()
        shutil.rmtree(models, ignore_errors=True)


if __name__ == "__main__":
    main()

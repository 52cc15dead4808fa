"""What a node costs before it does anything: start, memory, meeting, and the way to another node.

Starts real nodes on loopback, each in a data directory of its own, and measures from outside:

- start: from starting the process to `/healthz`, and to the first token of the starter model.
- idle: resident and proportional memory of a node that has not loaded a model.
- meet: from starting a second node that holds an invitation to the moment at which each lists the
  other's model in `/v1/models`.
- hop: time to the first token of the same request placed here and on the other node, alternately,
  the model loaded on both.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK = ["--listen", "127.0.0.1", "--mesh-port", "0", "--data-port", "0", "--join-port", "0"]
PATIENCE_S = 30


def until(what: str, ask, every_s: float = 0.001):
    """Asks until the answer is truthy; the time between two looks bounds the error."""
    end = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(every_s)
    raise TimeoutError(what)


class Node:
    def __init__(self, program: Path, starter: Path, name: str, options: list[str] | None = None):
        self.program, self.name, self.process = program, name, None
        self.folder = Path(tempfile.mkdtemp(prefix=f"pumasi-bench-{name}-"))
        # A model of its own, so that it is seen whose list holds whose models.
        models = self.folder / "more"
        models.mkdir()
        shutil.copy(starter, models / f"{name}-chat.gguf")
        self.options = ["--name", name, "--http", "127.0.0.1:0", "--model-dir", str(models), *LOOPBACK, *(options or [])]

    def start(self) -> float:
        """Starts it; gives the time at which it was started."""
        (self.folder / "node.json").unlink(missing_ok=True)
        with open(self.folder / "log", "w") as log:
            begun = time.perf_counter()
            self.process = subprocess.Popen(
                [self.program, "--data-dir", self.folder, "up", *self.options], stdout=log, stderr=log
            )
        return begun

    def listening(self) -> None:
        def read():
            try:
                return json.loads((self.folder / "node.json").read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                return None

        running = until(f"{self.name} listens", read)
        self.address, self.id = urlsplit(f"http://{running['http']}").netloc, running["node"]

    def get(self, path: str, token: bool = False):
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE_S)
        headers = {"authorization": f"Bearer {(self.folder / 'token').read_text()}"} if token else {}
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            body = response.read()
            return json.loads(body) if response.status == 200 else None
        except ConnectionError:
            return None
        finally:
            connection.close()

    def healthy(self) -> bool:
        return self.get("/healthz") is not None

    def models(self) -> list[str]:
        return [model["id"] for model in (self.get("/v1/models") or {"data": []})["data"]]

    def run(self, *arguments: str, key: str | None = None) -> str:
        """Runs a command of the CLI; `key` is what it reads."""
        command = [self.program, "--data-dir", self.folder, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, input=key).stdout

    def first_token(self, model: str, connection=None, **more) -> float:
        """When the first text of an answer came."""
        connection = connection or http.client.HTTPConnection(self.address, timeout=PATIENCE_S)
        body = {"model": model, "stream": True, "temperature": 0, "max_tokens": 4,
                "messages": [{"role": "user", "content": "upper: bench"}], **more}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{response.status} {response.read()[:300]!r}")
        came = None
        for line in response:
            if came is None and line.startswith(b"data: {"):
                choices = json.loads(line[6:]).get("choices")
                if choices and choices[0]["delta"].get("content"):
                    came = time.perf_counter()
        return came

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def spread(name: str, values: list[float], unit: str) -> dict:
    values = sorted(values)
    result = {"median": statistics.median(values), "best": values[0], "p95": values[int(len(values) * 0.95) - 1],
              "runs": len(values)}
    shown = " · ".join(f"{key} {value:.2f} {unit}" for key, value in result.items() if key != "runs")
    print(f"{name:22} {shown} · {len(values)} runs", flush=True)
    return result


def measure_start(make, runs: int) -> None:
    healthz, token = [], []
    for _ in range(runs):
        node = make("start")
        begun = node.start()
        node.listening()
        until("it is healthy", node.healthy)
        healthz.append((time.perf_counter() - begun) * 1e3)
        token.append((node.first_token("start-chat") - begun) * 1e3)
        node.remove()
    spread("start to /healthz", healthz, "ms")
    spread("start to first token", token, "ms")


def measure_idle(make, settle_s: float) -> None:
    node = make("idle")
    node.start()
    node.listening()
    time.sleep(settle_s)
    rollup = (Path("/proc") / str(node.process.pid) / "smaps_rollup").read_text()
    values = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in rollup.splitlines()[1:]}
    print(f"{'idle memory':22} resident {values['Rss']:.1f} MiB · proportional {values['Pss']:.1f} MiB"
          f" · after {settle_s:.0f} s", flush=True)
    node.remove()


def measure_meeting(make, runs: int) -> None:
    times = []
    for _ in range(runs):
        first = make("first")
        first.start()
        first.listening()
        token = json.loads(first.run("invite", "--json"))["token"]
        second = make("second")
        second.run("join", token)
        begun = second.start()
        second.listening()
        seen = lambda: "second-chat" in first.models() and "first-chat" in second.models()  # noqa: E731
        until("each lists the other's model", seen)
        times.append((time.perf_counter() - begun) * 1e3)
        first.remove()
        second.remove()
    spread("start to in the mesh", times, "ms")


def measure_hop(make, runs: int) -> None:
    here, there = make("here", ["--discovery=false", "--yield=none"]), make("there", ["--discovery=false", "--yield=none"])
    for node in (here, there):
        node.start()
        node.listening()
    there.run("join", json.loads(here.run("invite", "--json"))["token"])
    until("they met", lambda: "there-chat" in here.models())
    connection = http.client.HTTPConnection(here.address, timeout=PATIENCE_S)
    times = {here.id: [], there.id: []}
    for index in range(runs + 5):
        for node, list_ in times.items():
            begun = time.perf_counter()
            took = here.first_token("starter-chat", connection, pumasi={"only": [node]}) - begun
            # The first ones load the models and open the connection.
            if index >= 5:
                list_.append(took * 1e3)
    local = spread("first token here", times[here.id], "ms")
    remote = spread("first token there", times[there.id], "ms")
    print(f"{'hop':22} there − here = {remote['median'] - local['median']:.2f} ms (medians) · "
          f"there ÷ here = {remote['median'] / local['median']:.2f}", flush=True)
    here.remove()
    there.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--starter", type=Path, default=Path("engines/llama/starter/starter-chat.gguf"))
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--hops", type=int, default=200)
    arguments = parser.parse_args()

    def make(name: str, options: list[str] | None = None) -> Node:
        return Node(arguments.program, arguments.starter, name, options)

    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}; real processes on loopback")
    measure_start(make, arguments.runs)
    measure_idle(make, 10)
    measure_meeting(make, arguments.runs)
    measure_hop(make, arguments.hops)


if __name__ == "__main__":
    main()

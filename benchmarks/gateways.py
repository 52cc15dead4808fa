"""Gateways under load: what their process tree costs a request, and how long one takes."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from node import Node, until

TICKS = os.sysconf("SC_CLK_TCK")
GATEWAY_CORE, LOAD_CORE = 0, 1
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1750000000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Neighbours lend each other a day's work. " * 8},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 30, "completion_tokens": 80, "total_tokens": 110},
    }
)
WRK = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer sk-any"
wrk.body = [==[{body}]==]
"""


def body(model: str, stream: bool = False) -> str:
    said = "Please summarise what neighbours did for each other in the village this spring. " * 6
    messages = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": said}]
    request = {"model": model, "messages": messages, "max_tokens": 80, "temperature": 0.7}
    return json.dumps(request | ({"stream": True} if stream else {}))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def tree(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in task.read_text().split())
            except FileNotFoundError:
                pass
    return found


def processor_s(pid: int) -> float:
    total = 0
    for one in tree(pid):
        try:
            words = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(words[11]) + int(words[12])
        except FileNotFoundError:
            pass
    return total / TICKS


def answers(url: str, text: str | None = None) -> bool:
    data = text.encode() if text else None
    headers = {"content-type": "application/json", "authorization": "Bearer sk-any"}
    try:
        request = urllib.request.Request(url, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


class Nginx:
    """A mock service, or the bare proxy."""

    def __init__(
        self, folder: Path, name: str, core: int, location: str, upstream: str = "", locations: str = "", log: bool = False
    ):
        self.port, self.home, self.core = free_port(), folder / name, core
        home, kept = self.home, f"{folder / name}/access.log" if log else "off"
        home.mkdir()
        (home / "nginx.conf").write_text(
            f"""
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log {kept}; keepalive_requests 1000000000; keepalive_timeout 600s; client_max_body_size 10m;
  client_body_buffer_size 64k; client_body_temp_path {home}/b; proxy_temp_path {home}/p;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  {upstream}
  server {{ listen 127.0.0.1:{self.port}; {locations} location / {{ {location} }} }}
}}"""
        )
        self.url = f"http://127.0.0.1:{self.port}"
        self.again()

    def again(self) -> subprocess.Popen:
        """Starts it, on the same port."""
        command = ["nginx", "-p", str(self.home), "-c", str(self.home / "nginx.conf")]
        self.process = start(self.core, command, self.home)
        until(f"{self.home.name} answers", lambda: answers(self.url, "{}"), 0.05)
        return self.process

    def asked(self) -> int:
        """Requests that its log has."""
        return (self.home / "access.log").read_text().count("\n")


def start(core: int, command: list, folder: Path, **environment) -> subprocess.Popen:
    with open(folder / f"{Path(str(command[0])).name}.log", "w") as log:
        return subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            stdout=log,
            stderr=log,
            env=os.environ | environment,
            start_new_session=True,
        )


def stop(process: subprocess.Popen) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for pid in tree(process.pid):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                pass
        try:
            process.wait(10)
            return
        except subprocess.TimeoutExpired:
            pass


class Gateway:
    def __init__(self, name: str, process: subprocess.Popen, url: str, model: str, text: str | None = None):
        self.name, self.process, self.url, self.model = name, process, url, model
        self.text = text or body(model)
        # Others whose processor time counts, too.
        self.beside: list[subprocess.Popen] = []
        self.cost, self.latency, self.requests, self.errors = {}, {}, {}, 0

    def spent_s(self) -> float:
        return sum(processor_s(process.pid) for process in (self.process, *self.beside))

    def load(self, folder: Path, connections: int, seconds: int) -> None:
        script = folder / f"{self.name.replace('/', '-')}.lua"
        script.write_text(WRK.format(body=self.text))
        before = self.spent_s()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, self.url]
        output = subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), *map(str, command)], capture_output=True, text=True, check=True
        ).stdout
        count = int(re.search(r"(\d+) requests in", output).group(1))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
        self.errors += int(bad.group(1)) if bad else 0
        spent = self.spent_s() - before
        self.cost.setdefault(connections, []).append(spent / max(count, 1) * 1e6)
        self.requests.setdefault(connections, []).append(count / seconds)
        self.latency.setdefault(connections, []).append([us(output, "50%"), us(output, "99%")])


def us(output: str, share: str) -> float:
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", output).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def node_on_its_core(program: Path, name: str = "router") -> Node:
    """A node that says nothing to a terminal and shares its core with nobody."""
    starter = Path(__file__).parent.parent / "engines/llama/starter/starter-chat.gguf"
    node = Node(program, starter, name, ["--discovery=false", "--yield=none", "--log", "warn"])
    os.sched_setaffinity(0, {GATEWAY_CORE})
    node.start()
    os.sched_setaffinity(0, range(os.cpu_count()))
    node.listening()
    until("the node answers", lambda: node.get("/healthz") is not None, 0.05)
    return node


def pumasi(program: Path, mock: str) -> Gateway:
    node = node_on_its_core(program)
    node.run("providers", "add", "openai-compatible", "--id", "lab", "--no-key", "--model", "m", "--base", f"{mock}/v1")
    gateway = Gateway("pumasi", node.process, f"http://{node.address}/v1/chat/completions", "lab/m")
    gateway.node = node
    return gateway


def through_another(program: Path, mock: str) -> Gateway:
    """Two nodes on one core: the first has no provider and asks that of the second, over the encrypted data plane."""
    front, back = node_on_its_core(program, "front"), node_on_its_core(program, "back")
    back.run("providers", "add", "openai-compatible", "--id", "lab", "--no-key", "--model", "m", "--base", f"{mock}/v1")
    back.run("join", json.loads(front.run("invite", "--json"))["token"])
    until("the provider of the other node is seen", lambda: "lab/m" in front.models(), 0.05)
    gateway = Gateway("second node", front.process, f"http://{front.address}/v1/chat/completions", "lab/m")
    gateway.beside = [back.process]
    gateway.node = front
    return gateway


def ready(gateway: Gateway) -> bool:
    """Waits until it answers; one that does not takes no part."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if answers(gateway.url, gateway.text):
            return True
        time.sleep(0.2)
    print(f"{gateway.name} does not answer and takes no part", flush=True)
    return False


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")


def returns(answer: str | dict) -> str:
    """What has nginx give one fixed answer."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return f"default_type application/json; return 200 '{text.replace(chr(39), '')}';"


@contextmanager
def bench(name: str):
    """A folder, and a list of processes; at the end, also by SIGTERM, these are ended and that is removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder, started = Path(tempfile.mkdtemp(prefix=f"pumasi-bench-{name}-")), []
    try:
        yield folder, started
    finally:
        for process in started:
            if process.poll() is None:
                stop(process)
        shutil.rmtree(folder, ignore_errors=True)

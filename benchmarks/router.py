"""What the router costs beside other gateways, in one run.

A mock service (nginx that answers every request with one chat completion) and the load (wrk) run on one
core, the gateway alone on another. Each gateway gets the same body over kept-alive connections; rounds are
interleaved, so that a slow minute of the machine falls on all. Measured for each gateway:

- processor time per request: user and system time of its whole process tree, divided by what wrk counted;
- latency at one connection, as wrk tells it;
- streams: how much later frames arrive than without a gateway (`stream-meter`).

The ratio to nginx, which does nothing but proxy, is what is reported.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
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
    """The mock, or the bare proxy."""

    def __init__(self, folder: Path, name: str, core: int, location: str, upstream: str = ""):
        self.port, home = free_port(), folder / name
        home.mkdir()
        (home / "nginx.conf").write_text(
            f"""
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_max_body_size 10m;
  client_body_buffer_size 64k; client_body_temp_path {home}/b; proxy_temp_path {home}/p;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  {upstream}
  server {{ listen 127.0.0.1:{self.port}; location / {{ {location} }} }}
}}"""
        )
        self.process = start(core, ["nginx", "-p", str(home), "-c", str(home / "nginx.conf")], home)
        self.url = f"http://127.0.0.1:{self.port}"
        until(f"{name} answers", lambda: answers(self.url, "{}"), 0.05)


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
    def __init__(self, name: str, process: subprocess.Popen, url: str, model: str):
        self.name, self.process, self.url, self.model = name, process, url, model
        self.cost, self.latency, self.requests, self.errors = {}, {}, {}, 0

    def load(self, folder: Path, connections: int, seconds: int) -> None:
        script = folder / f"{self.name}.lua"
        script.write_text(WRK.format(body=body(self.model)))
        before = processor_s(self.process.pid)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, self.url]
        output = subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), *map(str, command)], capture_output=True, text=True, check=True
        ).stdout
        count = int(re.search(r"(\d+) requests in", output).group(1))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
        self.errors += int(bad.group(1)) if bad else 0
        spent = processor_s(self.process.pid) - before
        self.cost.setdefault(connections, []).append(spent / max(count, 1) * 1e6)
        self.requests.setdefault(connections, []).append(count / seconds)
        self.latency.setdefault(connections, []).append([us(output, "50%"), us(output, "99%")])


def us(output: str, share: str) -> float:
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", output).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def pumasi(program: Path, folder: Path, mock: str, kind: str = "openai-compatible") -> Gateway:
    starter = Path(__file__).parent.parent / "engines/llama/starter/starter-chat.gguf"
    node = Node(program, starter, "router", ["--discovery=false", "--yield=none", "--log", "warn"])
    os.sched_setaffinity(0, {GATEWAY_CORE})
    node.start()
    os.sched_setaffinity(0, range(os.cpu_count()))
    node.listening()
    until("the node answers", lambda: node.get("/healthz") is not None, 0.05)
    node.run("providers", "add", kind, "--id", "lab", "--no-key", "--model", "m", "--base", f"{mock}/v1")
    gateway = Gateway("pumasi", node.process, f"http://{node.address}/v1/chat/completions", "lab/m")
    gateway.node = node
    return gateway


def python_gateways(folder: Path, venv: Path, mock: str) -> list[Gateway]:
    """Those of the venv that are installed."""
    found, bin_ = [], venv / "bin"
    if (bin_ / "litellm").exists():
        port, config = free_port(), folder / "litellm.yaml"
        entry = {"model": "openai/m", "api_base": f"{mock}/v1", "api_key": "x"}
        config.write_text(json.dumps({"model_list": [{"model_name": "m", "litellm_params": entry}]}))
        command = [bin_ / "litellm", "--config", config, "--port", port, "--host", "127.0.0.1", "--num_workers", "1"]
        allow = {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        found.append(("litellm", start(GATEWAY_CORE, command, folder, **allow), port))
    for name, module in (("sglang-router", "sglang_router.launch_router"), ("vllm-router", "vllm_router.launch_router")):
        if list(venv.glob(f"lib/*/site-packages/{module.split('.')[0]}")):
            port = free_port()
            command = [bin_ / "python", "-m", module, "--worker-urls", mock, "--policy", "round_robin"]
            command += ["--port", port, "--host", "127.0.0.1", "--log-level", "error"]
            found.append((name, start(GATEWAY_CORE, command, folder), port))
    return [
        Gateway(name, process, f"http://127.0.0.1:{port}/v1/chat/completions", "m") for name, process, port in found
    ]


def streams(meter: Path, gateway: Gateway | None, service: str, count: int, seconds: int) -> dict:
    url = gateway.url if gateway else f"{service}/v1/chat/completions"
    text = body(gateway.model if gateway else "m", stream=True)
    before = processor_s(gateway.process.pid) if gateway else 0
    command = ["taskset", "-c", str(LOAD_CORE), meter, "read", url, str(count), str(seconds), text]
    measured = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if gateway:
        measured["us_per_frame"] = (processor_s(gateway.process.pid) - before) / max(measured["frames"], 1) * 1e6
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--venv", type=Path, default=Path("/nonexistent"), help="with Python gateways")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of each measurement")
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 1000])
    arguments = parser.parse_args()
    meter = arguments.program.parent / "stream-meter"
    folder = Path(tempfile.mkdtemp(prefix="pumasi-bench-router-"))
    started = []
    # So that what was started is ended, too, when this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        mock = Nginx(folder, "mock", LOAD_CORE, f"default_type application/json; return 200 '{ANSWER.replace(chr(39), '')}';")
        started.append(mock.process)
        upstream = f"upstream up {{ server 127.0.0.1:{mock.port}; keepalive 128; keepalive_requests 1000000000; }}"
        passing = 'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";'
        proxy = Nginx(folder, "proxy", GATEWAY_CORE, passing, upstream)
        started.append(proxy.process)
        # Without a gateway: for the latency; the processor time is the mock's own.
        direct = Gateway("(direct)", mock.process, f"{mock.url}/v1/chat/completions", "m")
        gateways = [direct, Gateway("nginx", proxy.process, f"{proxy.url}/v1/chat/completions", "m")]
        ours = pumasi(arguments.program, folder, mock.url)
        started.append(ours.process)
        gateways.append(ours)
        others = python_gateways(folder, arguments.venv, mock.url)
        started.extend(gateway.process for gateway in others)
        gateways.extend(others)
        gateways = [gateway for gateway in gateways if ready(gateway)]
        print(
            f"{os.cpu_count()} cores, {cpu()}, load {os.getloadavg()[0]:.1f}; gateway on core {GATEWAY_CORE}, mock and"
            f" load on core {LOAD_CORE}; {arguments.rounds} rounds of {arguments.seconds} s; body"
            f" {len(body('m'))} bytes, answer {len(ANSWER)} bytes",
            flush=True,
        )
        for _ in range(arguments.rounds):
            for connections in (32, 1):
                for gateway in gateways:
                    gateway.load(folder, connections, arguments.seconds)
        report(gateways)
        report_streams(meter, folder, started, arguments)
    finally:
        for process in started:
            if process.poll() is None:
                stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def ready(gateway: Gateway) -> bool:
    """Waits until it answers; one that does not takes no part."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if answers(gateway.url, body(gateway.model)):
            return True
        time.sleep(0.2)
    print(f"{gateway.name} does not answer and takes no part", flush=True)
    return False


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")


def report(gateways: list[Gateway]) -> None:
    nginx = next(gateway for gateway in gateways if gateway.name == "nginx")
    base = {c: statistics.median(nginx.cost[c]) for c in (32, 1)}
    print(f"{'':14} {'us/request c=32':>16} {'÷ nginx':>8} {'req/s':>8} {'us c=1':>8} {'÷ nginx':>8} {'p50':>7} {'p99':>7} {'errors':>7}")
    for gateway in gateways:
        cost = {c: statistics.median(gateway.cost[c]) for c in (32, 1)}
        p50, p99 = (statistics.median(pair[i] for pair in gateway.latency[1]) for i in (0, 1))
        print(
            f"{gateway.name:14} {cost[32]:16.1f} {cost[32] / base[32]:8.2f} {statistics.median(gateway.requests[32]):8.0f}"
            f" {cost[1]:8.1f} {cost[1] / base[1]:8.2f} {p50:7.0f} {p99:7.0f} {gateway.errors:7}",
            flush=True,
        )


def report_streams(meter: Path, folder: Path, started: list, arguments) -> None:
    served = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), meter, "serve"], stdout=subprocess.PIPE, text=True
    )
    started.append(served)
    service = served.stdout.readline().strip()
    ours = pumasi(arguments.program, folder, service)
    started.append(ours.process)
    for count in arguments.streams:
        direct = streams(meter, None, service, count, 10)
        through = streams(meter, ours, service, count, 10)
        rss = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{ours.process.pid}/status").read_text()).group(1))
        print(
            f"{count} streams, a frame each 20 ms: direct p50 {direct['p50_us']} p99 {direct['p99_us']} us;"
            f" through p50 {through['p50_us']} p99 {through['p99_us']} us; {through['us_per_frame']:.1f} us of"
            f" processor a frame; {through['frames']} frames; {rss // 1024} MiB resident afterwards",
            flush=True,
        )


main()

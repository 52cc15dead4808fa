"""What the router costs beside other gateways, in one run.

A mock service (nginx that answers every request with one chat completion) and the load (wrk) run on one
core, the gateway alone on another. Each gateway gets the same body over kept-alive connections; rounds are
interleaved, so that a slow minute of the machine falls on all. Measured for each gateway:

- processor time per request: user and system time of its whole process tree, divided by what wrk counted; of the
  way through a second node that of both nodes;
- latency at one connection, as wrk tells it;
- streams: how much later frames arrive than without a gateway (`stream-meter`).

The ratio to nginx, which does nothing but proxy, is what is reported.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
from pathlib import Path

from gateways import (
    ANSWER, GATEWAY_CORE, LOAD_CORE, Gateway, Nginx, bench, body, cpu, free_port, pumasi, ready, returns, start,
    through_another,
)


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
    before = gateway.spent_s() if gateway else 0
    command = ["taskset", "-c", str(LOAD_CORE), meter, "read", url, str(count), str(seconds), text]
    measured = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if gateway:
        measured["us_per_frame"] = (gateway.spent_s() - before) / max(measured["frames"], 1) * 1e6
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--venv", type=Path, default=Path("/nonexistent"), help="with Python gateways")
    parser.add_argument("--rounds", type=int, default=3, help="of requests; 0: streams only")
    parser.add_argument("--seconds", type=int, default=6, help="of each measurement")
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 1000])
    arguments = parser.parse_args()
    meter = arguments.program.parent / "stream-meter"
    with bench("router") as (folder, started):
        if arguments.rounds:
            requests(folder, started, arguments)
        report_streams(folder, meter, started, arguments)


def requests(folder: Path, started: list, arguments) -> None:
    mock = Nginx(folder, "mock", LOAD_CORE, returns(ANSWER))
    started.append(mock.process)
    upstream = f"upstream up {{ server 127.0.0.1:{mock.port}; keepalive 128; keepalive_requests 1000000000; }}"
    passing = 'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";'
    proxy = Nginx(folder, "proxy", GATEWAY_CORE, passing, upstream)
    started.append(proxy.process)
    # Without a gateway: for the latency; the processor time is the mock's own.
    direct = Gateway("(direct)", mock.process, f"{mock.url}/v1/chat/completions", "m")
    gateways = [direct, Gateway("nginx", proxy.process, f"{proxy.url}/v1/chat/completions", "m")]
    ours = pumasi(arguments.program, mock.url)
    started.append(ours.process)
    gateways.append(ours)
    second = through_another(arguments.program, mock.url)
    started.extend([second.process, *second.beside])
    gateways.append(second)
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


def report_streams(folder: Path, meter: Path, started: list, arguments) -> None:
    served = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), meter, "serve"], stdout=subprocess.PIPE, text=True
    )
    started.append(served)
    service = served.stdout.readline().strip()
    ours = pumasi(arguments.program, service)
    started.append(ours.process)
    passing = f'proxy_pass {service}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;'
    proxy = Nginx(folder, "streams", GATEWAY_CORE, passing)
    started.append(proxy.process)
    nginx = Gateway("nginx", proxy.process, f"http://127.0.0.1:{proxy.port}/v1/chat/completions", "m")
    for count in arguments.streams:
        for gateway in (None, nginx, ours):
            before = resident(gateway)
            seen = streams(meter, gateway, service, count, arguments.seconds)
            line = f"{count} streams, a frame each 20 ms, {gateway.name if gateway else 'direct'}:"
            line += f" p50 {seen['p50_us']} p99 {seen['p99_us']} us late; {seen['frames']} frames"
            if gateway:
                grown = (resident(gateway) - before) / count
                line += f"; {seen['us_per_frame']:.1f} us of processor a frame; {grown:.0f} KiB grown a stream"
            print(line, flush=True)


def resident(gateway: Gateway | None) -> int:
    """Peak resident memory of its process tree so far, KiB."""
    if not gateway:
        return 0
    pid = gateway.process.pid
    pids = [pid, *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    texts = [Path(f"/proc/{one}/status").read_text() for one in pids]
    return sum(int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) for text in texts)


main()

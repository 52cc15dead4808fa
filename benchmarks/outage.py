"""One of two services is killed while requests come at full load: how many of them fail.

Two services (nginx, one fixed answer) list the same model. The load (wrk, 32 connections) asks a node for it, which
sends all to the first. That one is killed (SIGKILL, its whole process group) in the middle and comes back later.
Counted: answers that are no 200, and errors of sockets, as wrk tells them; and which service answered how many
requests, as their logs say.
"""

import argparse
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from gateways import ANSWER, LOAD_CORE, WRK, Nginx, answers, bench, body, cpu, node_on_its_core, returns, tree
from node import until


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--seconds", type=int, default=15, help="of load: killed after a third, back after two")
    arguments = parser.parse_args()
    with bench("outage") as (folder, started):
        services = [Nginx(folder, name, LOAD_CORE, returns(ANSWER), log=True) for name in ("first", "second")]
        started.extend(service.process for service in services)
        node = node_on_its_core(arguments.program)
        started.append(node.process)
        for name, service in zip(("a", "b"), services):
            where = ["--id", name, "--no-key", "--model", "m", "--base", f"{service.url}/v1"]
            node.run("providers", "add", "openai-compatible", *where)
        url = f"http://{node.address}/v1/chat/completions"
        until("it answers", lambda: answers(url, body("m")), 0.1)
        script = folder / "load.lua"
        script.write_text(WRK.format(body=body("m")))
        command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", "-c32", f"-d{arguments.seconds}s", "--latency", "-s", script, url]
        load = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
        started.append(load)
        third = arguments.seconds / 3
        time.sleep(third)
        for pid in tree(services[0].process.pid):
            os.kill(pid, signal.SIGKILL)
        services[0].process.wait()
        time.sleep(third)
        started.append(services[0].again())
        output = load.communicate()[0]
        count = int(re.search(r"(\d+) requests in", output).group(1))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
        broken = re.search(r"Socket errors: (.*)", output)
        slowest = re.search(r"Latency\s+\S+\s+\S+\s+(\S+)", output).group(1)
        asked = [service.asked() for service in services]
        print(
            f"{os.cpu_count()} cores, {cpu()}, load {os.getloadavg()[0]:.1f}: {count} requests in {arguments.seconds} s;"
            f" failed: {bad.group(1) if bad else 0}; errors of sockets: {broken.group(1) if broken else 'none'};"
            f" slowest {slowest}; the first answered {asked[0]}, the second {asked[1]}",
            flush=True,
        )


main()

"""What several edges and replicas cost, in 6 minutes, into out/cluster.json.

Run as `python -m evidence.bench.cluster`.

All nodes share this machine's cores, so that no throughput of a real cluster can be measured here:
what is, is the time that a processor spends on a request, and how long the steps of a release take.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bluegreen.config import defaults
from bluegreen.config.settings import Color, other
from evidence.bench.errors import BenchError
from evidence.bench.figures import timed
from evidence.lab import cluster, postgres
from evidence.lab.cluster import Cluster, Node
from evidence.lab.host import must
from evidence.lab.processes import everything_below
from evidence.lab.stacks import VERSIONS
from evidence.lab.swarms import SwarmStack, removed

OUT = Path(__file__).resolve().parents[2] / "out"
NODES, ROUNDS, SECONDS, CONNECTIONS = 3, 3, 6, 16
REPLICAS = (3, 6, 12)
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure; return the exit code."""
    if not shutil.which("wrk"):
        raise BenchError("wrk is not on PATH (Debian: apt-get install wrk)")
    images = [defaults.EDGE_IMAGE, defaults.TOOLS_IMAGE, defaults.CLIENT_IMAGES["postgres"]]
    images += [f"{defaults.IMAGE}:{version}" for version in VERSIONS.values()]
    with (
        cluster.running(list(dict.fromkeys(images)), NODES) as made,
        postgres.running(made.manager.docker, made.manager.address) as server,
    ):
        found = {
            "edges": [_with_edges(made, server, count) for count in range(1, NODES + 1)],
            "replicas": [_with_replicas(made, server, count) for count in REPLICAS],
            "edge_cpu_us_per_request": _processor_time(made),
        }
    OUT.mkdir(exist_ok=True)
    (OUT / "cluster.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    return 0


def _tell(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _releases(stack: SwarmStack) -> dict[str, Any]:
    """Seconds of a whole update, and of its parts, when both colors run already."""
    whole, switch, gate = [], [], []
    color: Color = "blue"
    for _ in range(ROUNDS):
        color = other(color)
        stack.configure(active_color=color)
        whole.append(timed(stack.up))
        switch.append(stack.outputs()["switch"]["switch_seconds"])
        gate.append(_gate_seconds(stack))
    named = {"update_s": whole, "switch_s": switch, "gate_s": gate}
    return {name: round(median(values), 2) for name, values in named.items()}


def _gate_seconds(stack: SwarmStack) -> float:
    exported = json.loads(stack.pulumi("stack", "export").output)
    for resource in exported["deployment"]["resources"]:
        if resource["urn"].endswith("::gate"):
            return float(resource["outputs"]["passed_after_ms"]) / 1000
    raise BenchError("the stack has no gate")


def _with_edges(made: Cluster, server: postgres.Server, count: int) -> dict[str, Any]:
    _tell(f"{count} edges")
    edges = [{"name": node.name, "host": node.host} for node in made.nodes[:count]]
    return {"edges": count} | _of_a_stack(made, server, edges=edges)


def _with_replicas(made: Cluster, server: postgres.Server, count: int) -> dict[str, Any]:
    _tell(f"{count} replicas")
    return {"replicas": count} | _of_a_stack(made, server, replicas=count)


def _of_a_stack(made: Cluster, server: postgres.Server, **config: Any) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="bluegreen-bench-") as folder,
        removed(Path(folder), made, standby="keep", bake={"seconds": 0}, **config) as stack,
    ):
        stack.secret("database_url", server.of_its_own(stack.name).url)
        stack.up()
        stack.up(active_color="green")
        stack.up(active_color="blue")
        return _releases(stack)


def _processor_time(made: Cluster) -> dict[str, float]:
    """Microseconds that an edge's nginx spends on a small request, its upstream another node's."""
    _tell("processor time of an edge")
    image, _, tag = defaults.EDGE_IMAGE.partition(":")
    script = "printf 'events {} http { access_log off; server { listen 80; return 200 ok; } }'"
    command = ["sh", "-c", f"{script} >/tmp/n.conf; exec nginx -c /tmp/n.conf -g 'daemon off;'"]
    config: dict[str, Any] = {
        "image": image,
        "blue_version": tag,
        "green_version": None,
        "port": 80,
        "data_path": "",
        "command": command,
        "health": {"path": "/"},
        "replicas": 1,
        "placement": {"constraints": [f"node.hostname=={made.nodes[-1].name}"]},
    }
    with (
        tempfile.TemporaryDirectory(prefix="bluegreen-bench-") as folder,
        removed(Path(folder), made, **config) as stack,
    ):
        stack.up()
        found = sorted(_microseconds(stack, made.manager) for _ in range(ROUNDS))
    return {"min": found[0], "median": found[len(found) // 2], "max": found[-1]}


def _microseconds(stack: SwarmStack, node: Node) -> float:
    pid = int(node.docker("inspect", "-f", "{{.State.Pid}}", stack.edge(node)))
    before = _cpu_seconds(pid)
    told = must(*(*node.space.enter, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", stack.url))
    requests = next(int(line.split()[0]) for line in told.splitlines() if "requests in" in line)
    return round((_cpu_seconds(pid) - before) / requests * 1e6, 1)


def _cpu_seconds(pid: int) -> float:
    total = 0
    for each in everything_below(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


if __name__ == "__main__":
    sys.exit(main())

"""The demo's story on a Swarm: nodes on this one machine, several replicas, an edge on each.

All of it is made for the demo and gone afterwards. Run as
`python -m evidence.demo.cluster [SWITCHES [NODES]]`.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import evidence.load as load
from bluegreen.config import defaults
from bluegreen.config.settings import other
from evidence.bench.chart import draw
from evidence.demo.story import NEW, OLD, OUT, DemoFailed, phase, target, tell
from evidence.lab import cluster, postgres
from evidence.lab.swarms import PACE, SwarmStack, removed

REPLICAS, DRAIN, LEAST_NODES = 3, 8, 2
NEEDED = ("dockerd", "ip", "nsenter", "unshare")


def main(arguments: Sequence[str]) -> int:
    """Run the demo; return the exit code."""
    numbers = [int(each) for each in arguments if each.isdecimal()]
    switches, nodes = [*numbers, *(2, LEAST_NODES)[len(numbers) :]]
    if len(numbers) < len(arguments) or not switches or nodes < LEAST_NODES:
        print(
            "usage: python -m evidence.demo.cluster [SWITCHES [NODES]]; "
            f"at least {LEAST_NODES} nodes"
        )
        return 2
    again = "nothing is left of it; `make cluster-demo` starts over"
    return tell(lambda: run(switches, nodes), again)


def run(switches: int, nodes: int) -> int:
    """The demo's story."""
    missing = [each for each in NEEDED if not shutil.which(each)]
    if os.geteuid() != 0 or missing:
        what = f"not found on this machine: {', '.join(missing)}" if missing else "you are not root"
        raise DemoFailed(
            f"it makes namespaces and daemons of its own, for which it needs root and "
            f"{', '.join(NEEDED)}: {what}; nothing was changed"
        )
    images = [defaults.EDGE_IMAGE, defaults.TOOLS_IMAGE, defaults.CLIENT_IMAGES["postgres"]]
    images += [f"{defaults.IMAGE}:{version}" for version in (OLD, NEW)]
    with ExitStack() as ends:
        with phase(f"a Swarm of {nodes} nodes, each with its own Docker daemon"):
            made = ends.enter_context(cluster.running(list(dict.fromkeys(images)), nodes))
        manager = made.manager
        server = ends.enter_context(postgres.running(manager.docker, manager.address))
        folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="cluster-demo-"))
        stack = removed(Path(folder), made, standby="keep", drain_timeout=DRAIN)
        return release(ends.enter_context(stack), server, switches)


def release(stack: SwarmStack, server: postgres.Server, switches: int) -> int:
    """Switch there and back under load, and tell what was lost."""
    nodes = stack.cluster.nodes
    stack.secret("database_url", server.url)
    with phase(f"blue {OLD} up: {REPLICAS} replicas behind {len(nodes)} edges"):
        stack.up(bake={"seconds": 2})
    plan = load.Plan(drain_timeout=DRAIN, pace=PACE, seconds=load.plan.MOST_SECONDS)
    color = stack.config["active_color"]
    with stack.loads(plan, target(stack.url)) as loads:
        for number in range(1, switches + 1):
            color = other(color)
            with phase(f"switch {number}: {color} {stack.config[f'{color}_version']}"):
                stack.up(active_color=color)
            if not stack.agree(color):
                raise DemoFailed(f"the edges serve {[stack.serves(node) for node in nodes]}")
    reports = [running.report for running in loads]
    for node, report in zip(nodes, reports, strict=True):
        print(f"\nThe edge on {node.name}:\n{report.summary()}")
        for kind in ("svg", "png"):
            draw(report, OUT / f"cluster-demo-{node.name}.{kind}", f"Edge on {node.name}")
    pictures = ", ".join(str(OUT / f"cluster-demo-{node.name}.svg") for node in nodes)
    print(f"\nThe same as pictures: {pictures} (and .png)")
    requests, failed = (
        sum(getattr(r, what) for r in reports) for what in ("requests", "failed_total")
    )
    print(
        f"demo: {switches} switches of {len(nodes)} edges and 2 × {REPLICAS} replicas, "
        f"{requests:,} requests, {failed:,} failed"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Stacks of one's own on a cluster of one's own: `lab.stacks` for more than one machine."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import evidence.load as load
from bluegreen.docker.facts import LABEL
from bluegreen.edge.state import holder_of
from evidence.lab.cluster import Cluster, Node
from evidence.lab.host import LabFailed
from evidence.lab.processes import wait_for
from evidence.lab.stacks import VERSIONS, Stack, remove

# What several replicas on 2 cores can be asked for, besides the machine's other work.
PACE = 0.15


class SwarmStack(Stack):
    """A stack whose colors are services, with an edge on each node of the cluster."""

    def __init__(self, folder: Path, cluster: Cluster, **config: Any) -> None:
        """Make it; nothing runs yet."""
        self.cluster = cluster
        edges = [{"name": node.name, "host": node.host} for node in cluster.nodes]
        usual: dict[str, Any] = {
            "platform": "swarm",
            "replicas": 3,
            "edges": edges,
            "green_version": VERSIONS["green"],
            "drain_timeout": 5,
        }
        super().__init__(folder, **usual | config)
        self.provider["docker:host"] = cluster.manager.host
        self.configure()

    def edge(self, node: Node) -> str:
        """The name of the edge's container there."""
        return f"{self.service}-edge-{node.name}"

    def ask_edge(self, node: Node, path: str = "/-/bluegreen") -> str:
        """What an edge answers on its public port, whoever runs nginx there."""
        asked = ("curl", "-s", "-m", "10", f"http://127.0.0.1{path}")
        return node.docker("exec", holder_of(self.edge(node)), *asked)

    def page(self, node: Node) -> str:
        """What users get of an edge; "" when they get nothing."""
        with suppress(LabFailed):
            return self.ask_edge(node, "/")
        return ""

    def serves(self, node: Node) -> tuple[str | None, int]:
        """Color and generation that an edge says it serves; (None, 0) when it says nothing."""
        with suppress(LabFailed, ValueError):
            said = json.loads(self.ask_edge(node))
            return said["color"], said["generation"]
        return None, 0

    def agree(self, color: str) -> bool:
        """Whether all edges serve this color, in one generation."""
        said = [self.serves(node) for node in self.cluster.nodes]
        return len(set(said)) == 1 and said[0][0] == color

    def await_agreement(self, color: str, seconds: float) -> None:
        """Wait until all edges serve this color.

        Raises:
            LabFailed: they do not; with what each serves, and what runs there.
        """
        try:
            wait_for(lambda: self.agree(color), seconds, f"{color} on all edges")
        except LabFailed as error:
            seen = [
                f"{node.name}: serves {self.serves(node)}\n{node.docker('ps', '-a')}"
                for node in self.cluster.nodes
            ]
            raise LabFailed("\n".join([str(error), *seen])) from None

    def replicas(self, color: str) -> str:
        """How many of a color run, and how many shall: 3/3; "" when there is no such service."""
        name = f"{self.service}-{color}"
        rows = self.cluster.manager.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
        counts = dict(row.split()[:2] for row in rows.splitlines())
        return counts.get(name, "")

    @contextmanager
    def loads(
        self, plan: load.Plan, target: load.Target | None = None
    ) -> Iterator[list[load.Running]]:
        """Load on every edge, each from its own node, where it is 127.0.0.1."""
        target = target or load.Target(self.url)
        with ExitStack() as stack:
            yield [
                stack.enter_context(load.running(target, plan, within=node.space.enter))
                for node in self.cluster.nodes
            ]

    def remove(self) -> None:
        """Remove all that it made, on every node."""
        manager = self.cluster.manager.docker
        mine = ("--filter", f"label={LABEL}={self.service}", "-q")
        for kind in ("service", "secret", "config"):
            if found := manager(kind, "ls", *mine).split():
                manager(kind, "rm", *found)
        for node in reversed(self.cluster.nodes):  # the manager last, as it has the network
            scope = "swarm" if node is self.cluster.manager else "local"
            remove(self.service, node.docker, scope)


@contextmanager
def removed(folder: Path, cluster: Cluster, **config: Any) -> Iterator[SwarmStack]:
    """A stack that is gone afterwards, also when the test failed."""
    stack = SwarmStack(folder, cluster, **config)
    try:
        yield stack
    finally:
        stack.remove()


def plan(drain_timeout: float, **more: Any) -> load.Plan:
    """Six kinds of client for each edge."""
    return load.Plan(drain_timeout=drain_timeout, pace=PACE, **more)

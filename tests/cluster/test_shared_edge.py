"""Services with stacks of their own on edges that they share, one on each node of a Swarm."""

from collections.abc import Iterator
from typing import Any

import pytest

import evidence.load as load
from evidence.lab.cluster import Cluster
from evidence.lab.swarms import SwarmStack, plan, removed
from tests.cluster.conftest import StackMaker

OF_A_SERVICE = (
    *("active_color", "blue_version", "green_version", "preview_port", "bake", "health"),
    "replicas",
)
OF_AN_EDGE = ("http_port", "preview_port", "edges")
# Both are the node itself, for the load.
A, B = "localhost", "127.0.0.1"


@pytest.fixture
def edge(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwarmStack]:
    """Edges without services, gone after all that is on them."""
    config: dict[str, Any] = dict.fromkeys(OF_A_SERVICE)
    with removed(tmp_path_factory.mktemp("edge"), cluster, kind="edge", **config) as stack:
        stack.up()
        yield stack


def live(edge: SwarmStack, host: str) -> set[str]:
    """The colors that a host's users get, of all edges."""
    words = ("curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%header{x-served-by}")
    return {
        node.docker("exec", edge.edge(node), *words, "-H", f"Host: {host}", "http://127.0.0.1/")
        for node in edge.cluster.nodes
    }


def test_services_share_the_edges_and_a_release_of_one_costs_neither_a_request(
    edge: SwarmStack, make_stack: StackMaker
) -> None:
    """Each is switched in all edges; it leaves alone, and an edge that has one is not destroyed."""
    theirs: dict[str, Any] = dict.fromkeys(OF_AN_EDGE) | {"edge": edge.name, "replicas": 2}
    a, b = (make_stack(beside=edge, hosts=[host], **theirs) for host in (A, B))
    for stack in (a, b):
        stack.up()
    targets = [load.Target(f"http://{host}:{edge.http_port}") for host in (A, B)]
    drain = plan(a.config["drain_timeout"])
    with edge.loads(drain, targets[0]) as on_a, edge.loads(drain, targets[1]) as on_b:
        a.up(active_color="green")
    for running in (*on_a, *on_b):
        assert running.report.failed_total == 0, running.report.summary()
    assert (live(edge, A), live(edge, B)) == ({"green"}, {"blue"})
    for stack in (edge, a, b):
        done = stack.pulumi("preview", "--expect-no-changes")
        assert done.code == 0, done.output
    said = edge.pulumi("destroy", "--yes", "--skip-preview")
    assert said.code != 0
    names = ", ".join(sorted((a.service, b.service)))
    assert f"still has services: {names}" in said.output
    assert a.pulumi("destroy", "--yes", "--skip-preview").code == 0
    assert (live(edge, A), live(edge, B)) == ({""}, {"blue"})
    for stack in (b, edge):
        done = stack.pulumi("destroy", "--yes", "--skip-preview")
        assert done.code == 0, done.output
    for node in edge.cluster.nodes:
        assert edge.service not in node.docker("ps", "-a")

"""What dies in mid-switch leaves all edges on one color, and the next run converges."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bluegreen.config import defaults
from bluegreen.config.settings import Color, other
from evidence.lab.cluster import Node
from evidence.lab.host import LabFailed
from evidence.lab.processes import wait_for
from evidence.lab.stacks import VERSIONS
from evidence.lab.swarms import SwarmStack
from tests.cluster.conftest import live

BAKE, QUICK = {"seconds": 8}, {"seconds": 1}


@pytest.fixture
def stack(shared: SwarmStack) -> SwarmStack:
    """The one that the tests here hand on."""
    return shared


@contextmanager
def baking(stack: SwarmStack, target: Color) -> Iterator["subprocess.Popen[bytes]"]:
    """A release of this color, from the moment that all edges have switched."""
    stack.configure(active_color=target, bake=BAKE)
    process = stack.start(stack.command("up", "--yes", "--skip-preview"))
    try:
        wait_for(lambda: "baking" in stack.started_log.read_text(), 60, "the bake")
        assert stack.agree(target)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def container_of(node: Node, name: str) -> int:
    """The first process of a container there, as this host sees it."""
    found = node.docker("ps", "-q", "--filter", f"name={name}").split()[0]
    return int(node.docker("inspect", "-f", "{{.State.Pid}}", found))


def kill_replica(stack: SwarmStack) -> None:
    """Kill -9 of a replica of the target, which is live while it bakes."""
    worker = stack.cluster.nodes[1]
    os.kill(container_of(worker, f"{stack.service}-{live(stack)}"), signal.SIGKILL)


def kill_edge(stack: SwarmStack) -> None:
    """Docker kill of an edge: it stays down."""
    worker = stack.cluster.nodes[1]
    worker.docker("kill", stack.edge(worker))


@pytest.mark.parametrize("strike", [kill_replica, kill_edge])
def test_what_is_killed_in_mid_switch_takes_all_edges_back(
    stack: SwarmStack, strike: Callable[[SwarmStack], None]
) -> None:
    """And the same command again makes the new color live everywhere."""
    old = live(stack)
    with baking(stack, other(old)) as process:
        strike(stack)
        assert process.wait(60) != 0
    said = stack.started_log.read_text()
    assert f"{old} {VERSIONS[old]} serves again" in said, said
    assert live(stack) == old
    stack.up(bake=QUICK)
    assert stack.agree(other(old))


def test_a_driver_that_is_killed_takes_all_edges_back(stack: SwarmStack) -> None:
    """From within each edge, with nobody else needed."""
    old = live(stack)
    with baking(stack, other(old)) as process:
        os.killpg(process.pid, signal.SIGKILL)
    stack.await_agreement(old, 15)
    done = stack.bluegreen("recover")
    assert done.code == 0, done.output
    stack.up(bake=QUICK)
    assert stack.agree(other(old))


def test_a_node_whose_daemon_stops_in_mid_switch_takes_all_edges_back(stack: SwarmStack) -> None:
    """While it is down a release is refused, in the preview already; then it goes through."""
    worker, old = stack.cluster.nodes[1], live(stack)
    with baking(stack, other(old)) as process:
        worker.daemon.stop()
        assert process.wait(90) != 0
    try:
        assert live(stack) == old, stack.started_log.read_text()
        said = stack.pulumi("preview").output
        assert "1 of 2 edges answer, edges_required is 2:" in said
        assert stack.edge(worker) in said
    finally:
        worker.daemon.start()
        wait_for(stack.cluster.ready, 60, "all nodes")
    stack.await_agreement(old, 150)
    stack.up(bake=QUICK)
    assert stack.agree(other(old))


def spread(stack: SwarmStack) -> Color:
    """The live color, with a replica on each node: a Swarm whose node was away does not see to it.

    Raises:
        LabFailed: not even a release spreads them.
    """
    listing = ("service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}}")
    for _ in range(3):
        color = live(stack)
        nodes = stack.cluster.manager.docker(*listing, f"{stack.service}-{color}").split()
        if len(set(nodes)) == len(stack.cluster.nodes):
            return color
        stack.up(active_color=other(color), bake=QUICK)
    raise LabFailed("the replicas are not spread over the nodes")


def test_a_cut_between_the_nodes_in_mid_switch_takes_all_edges_back(stack: SwarmStack) -> None:
    """Each edge goes on with the replicas of the old color that it reaches."""
    worker, old = stack.cluster.nodes[1], spread(stack)
    try:
        with baking(stack, other(old)) as process:
            worker.cut_off()
            assert process.wait(60) != 0
        assert stack.agree(old), stack.started_log.read_text()
        for node in stack.cluster.nodes:
            assert "stand-in" in stack.page(node)
    finally:
        worker.connect()
        wait_for(stack.cluster.ready, 60, "all nodes")
    stack.up(bake=QUICK)
    assert stack.agree(other(old))


def test_an_edge_that_is_away_follows_before_it_serves(stack: SwarmStack) -> None:
    """With edges_required: 1 a release goes on without it; it never answers from the old color."""
    stack.up(edges_required=1)
    worker, new = stack.cluster.nodes[1], other(live(stack))
    worker.daemon.stop()
    try:
        said = stack.up(active_color=new).output
        assert f"without {stack.edge(worker)}" in said
        assert live(stack) == new
    finally:
        worker.daemon.start()
    seen: set[str | None] = set()
    deadline = time.monotonic() + 30
    while new not in seen and time.monotonic() < deadline:
        seen.add(stack.serves(worker)[0])
    assert seen <= {None, new}
    wait_for(stack.cluster.ready, 60, "all nodes")
    assert stack.agree(new)
    stack.up()  # Docker may have left nginx's own container down, with the holder in its place
    assert stack.agree(new)
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_an_edge_that_is_alone_with_an_old_config_serves_nobody(stack: SwarmStack) -> None:
    """It says so with 503 until it sees the others, as they may have switched meanwhile."""
    stack.up(edges_required=1)
    color, (manager, worker) = live(stack), stack.cluster.nodes
    manager.docker("stop", "-t", "1", stack.edge(manager))
    worker.docker("restart", "-t", "1", stack.edge(worker))
    wait_for(lambda: "is waiting for the other edges" in stack.page(worker), 15, "the page")
    assert stack.serves(worker) == (None, 0)
    manager.docker("start", stack.edge(manager))
    stack.await_agreement(color, 30)


def test_the_gate_names_the_replica_its_node_and_its_log(stack: SwarmStack) -> None:
    """One replica of another version, behind a name that mostly answers well, does not pass."""
    manager, worker = stack.cluster.manager, stack.cluster.nodes[1]
    image, old = f"{defaults.IMAGE}:{stack.name}", live(stack)
    new = other(old)
    manager.docker("tag", f"{defaults.IMAGE}:12.4.0", image)
    worker.docker("tag", f"{defaults.IMAGE}:12.3.0", image)
    try:
        said = stack.up_fails(
            active_color=new, **{f"{new}_version": stack.name}, health={"version": "12.4.0"}
        )
    finally:
        for node in stack.cluster.nodes:
            node.docker("rmi", image)
    assert "on node-2" in said, said
    assert "reports version 12.3.0, wanted 12.4.0" in said
    assert "    | " in said
    assert stack.agree(old)


def test_a_replica_that_fails_to_start_fails_the_gate_at_once(stack: SwarmStack) -> None:
    """With its log, and long before the gate's time is over."""
    begun, old = time.monotonic(), live(stack)
    said = stack.up_fails(
        active_color=other(old), env={"STANDIN_EXIT_AFTER": "0"}, health={"timeout": 120}
    )
    assert time.monotonic() - begun < 60
    assert "did not pass the health gate: replica" in said, said
    assert f"Nothing was switched: {old} {VERSIONS[old]} keeps serving" in said
    assert stack.agree(old)

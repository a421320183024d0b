"""Releases from a machine that is none of the hosts, by ssh alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.lab import ssh
from evidence.lab.cluster import Cluster
from evidence.lab.stacks import Stack, remove
from tests.cluster.conftest import StackMaker

DOCKER_PORTS = {2375, 2376}


@pytest.fixture(scope="module")
def client(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of somebody in the hub, whose ssh reaches every node."""
    with ssh.serving(cluster, tmp_path_factory.mktemp("ssh")) as environment:
        yield environment


def refuse_open_ports(cluster: Cluster) -> None:
    """No node may listen where Docker would."""
    for node in cluster.nodes:
        ports = re.findall(r":(\d+) ", node.space.run("ss", "-Hltn"))
        assert DOCKER_PORTS.isdisjoint(map(int, ports)), ports


def test_a_release_by_ssh_needs_no_open_docker_port(
    make_stack: StackMaker, client: dict[str, str], cluster: Cluster
) -> None:
    """Gate, switch, logs and all, on several nodes from a third machine."""
    stack = make_stack()
    hosts = {node.name: f"ssh://{ssh.USER}@{node.address}" for node in cluster.nodes}
    stack.provider["docker:host"] = hosts[cluster.manager.name]
    stack.configure(edges=[{"name": name, "host": host} for name, host in hosts.items()])
    stack.within, stack.environment = cluster.from_hub, stack.environment | client
    stack.up()
    stack.up(active_color="green")
    assert stack.agree("green")
    assert stack.outputs()["urls"] == {
        node.name: f"http://{node.address}:{stack.http_port}" for node in cluster.nodes
    }
    said = stack.up_fails(active_color="blue", env={"STANDIN_EXIT_AFTER": "0"})
    assert "STANDIN_EXIT_AFTER is set" in said, "the failed replica's log"
    assert stack.agree("green")
    assert "drift     none" not in stack.bluegreen("status").output
    refuse_open_ports(cluster)


def test_a_single_container_is_released_by_ssh_too(
    tmp_path: Path, client: dict[str, str], cluster: Cluster
) -> None:
    """The one-machine mode, with the machine elsewhere."""
    stack, host = Stack(tmp_path, green_version="12.4.0"), cluster.manager
    stack.provider["docker:host"] = f"ssh://{ssh.USER}@{host.address}"
    stack.within, stack.environment = cluster.from_hub, stack.environment | client
    try:
        stack.up()
        stack.up(active_color="green")
        edge = f"{stack.service}-edge"
        assert '"green"' in host.docker("exec", edge, "curl", "-s", "http://127.0.0.1/-/bluegreen")
        refuse_open_ports(cluster)
    finally:
        remove(stack.service, host.docker)

"""Certificates by ACME on several edges: whichever the server comes to, it finds its answer."""

import shutil

from evidence.lab.acme import acme_server
from evidence.lab.cluster import Cluster
from evidence.lab.host import LabFailed, free_ports
from evidence.lab.processes import wait_for
from evidence.lab.swarms import SwarmStack
from tests.cluster.conftest import StackMaker

HOST = "shop.example.com"


def issued(stack: SwarmStack) -> list[bool]:
    """Whether each edge has a certificate of this server for the host."""
    asked = f"curl -skv --connect-to ::127.0.0.1:443 https://{HOST}/ 2>&1 >/dev/null; true"
    return [
        "issuer: CN=Pebble" in node.docker("exec", stack.edge(node), "sh", "-c", asked)
        for node in stack.cluster.nodes
    ]


def test_each_edge_gets_a_certificate_though_the_server_asks_one_of_them(
    make_stack: StackMaker, cluster: Cluster
) -> None:
    """What the other one's answer is, it is asked for. A second look shows no change."""
    manager, worker = cluster.nodes
    stack = make_stack(hosts=[HOST], https_port=free_ports(1)[0])
    with acme_server(
        [HOST],
        stack.http_port,
        address=manager.address,
        found_at=worker.address,
        run=manager.docker,
    ) as server:
        shutil.copy(server.ca, stack.folder / "ca.pem")
        account = {"email": "ops@example.com", "server": server.url, "ca": "ca.pem"}
        stack.up(tls={"acme": account})
        try:
            wait_for(lambda: issued(stack) == [True, True], 60, "both certificates")
        except LabFailed as error:
            said = [
                node.docker("logs", f"{stack.service}-acme-{node.name}") for node in cluster.nodes
            ]
            raise LabFailed("\n".join([str(error), *said])) from None
        assert stack.pulumi("preview", "--expect-no-changes").code == 0
        told = stack.bluegreen("status", "--check").output
        for node in cluster.nodes:
            assert f" in {stack.edge(node)}" in told
        assert told.count(f"{HOST} until ") == len(cluster.nodes), told

"""Releases on a Swarm of two nodes, with an edge on each."""

import json

import evidence.load as load
from evidence.lab.processes import wait_for
from evidence.lab.swarms import SwarmStack, plan
from tests.cluster.conftest import StackMaker, live


def lost_nothing(loads: list[load.Running]) -> bool:
    """Whether no request failed on any edge; tells them if some did."""
    for running in loads:
        assert running.report.failed_total == 0, running.report.summary()
        assert running.report.requests > 1000
    return True


def test_switches_lose_no_request_on_any_edge(make_stack: StackMaker) -> None:
    """Six kinds of client on both edges; the standby color is small until it is switched to."""
    stack = make_stack(standby="keep", standby_replicas=1)
    stack.up()
    with stack.loads(plan(stack.config["drain_timeout"])) as loads:
        stack.up(active_color="green")
        assert stack.agree("green")
        assert stack.replicas("green") == "3/3"
        stack.up(active_color="blue", replicas=2)
        assert stack.agree("blue")
        assert stack.replicas("blue") == "2/2"
        wait_for(lambda: stack.replicas("green") == "1/1", 30, "a smaller standby")
    assert lost_nothing(loads)
    assert set(loads[0].report.by_color) == {"blue", "green"}


def test_scaling_in_place_loses_no_request(shared: SwarmStack) -> None:
    """A replica that goes closes its WebSockets, as nobody else has them: these are left out."""
    color = live(shared)
    with shared.loads(plan(shared.config["drain_timeout"], websocket=0)) as loads:
        for replicas in (6, 2):
            shared.configure(replicas=replicas)
            assert f"to {replicas} replicas, in place" in shared.pulumi("preview").output
            shared.up()
            count = f"{replicas}/{replicas}"
            wait_for(lambda count=count: shared.replicas(color) == count, 30, count)  # type: ignore[misc]
    assert lost_nothing(loads)
    assert shared.pulumi("preview", "--expect-no-changes").code == 0


def test_a_release_leaves_nothing_to_change_and_destroy_leaves_nothing(
    make_stack: StackMaker,
) -> None:
    """No difference afterwards, also after a refresh; the old color's services and secrets go.

    Files and secrets reach the replicas as Swarm's configs and secrets: nobody who may look at a
    service reads them, and the service gets them by __FILE.
    """
    password = "hunter2-never-shown"
    stack = make_stack(limits={"memory": 300, "cpus": 0.5}, reservations={"cpus": 0.1},
                       placement={"constraints": ["node.platform.os==linux"],
                                  "spread": ["node.labels.zone"]},
                       grafana_ini="grafana.ini")  # fmt: skip
    (stack.folder / "grafana.ini").write_text("[standin]\nmotto = one of several\n")
    stack.secret("env.GF_SECURITY_ADMIN_PASSWORD", password)
    shown = stack.up().output
    stack.configure(active_color="green")
    said = stack.pulumi("preview", "--diff").output
    assert f"3 replicas of {stack.service}-green" in said
    assert "nginx in 2 edges (node-1, node-2) at once to green" in said
    shown += said + stack.up().output
    assert stack.replicas("blue") == ""
    for words in ([], ["--refresh"]):
        done = stack.pulumi("preview", "--expect-no-changes", "--diff", *words)
        assert done.code == 0, done.output
        shown += done.output
    manager = stack.cluster.manager
    inspected = manager.docker("service", "inspect", f"{stack.service}-green")
    shown += inspected + stack.pulumi("stack", "export").output
    assert password not in shown
    assert "GF_SECURITY_ADMIN_PASSWORD__FILE=/run/secrets/" in inspected
    assert "one of several" in stack.ask_edge(manager, "/")
    login = json.dumps({"user": "admin", "password": password})
    answer = manager.docker(
        *("exec", stack.edge(manager), "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"),
        *("-H", "Content-Type: application/json", "-d", login, "http://127.0.0.1/login"),
    )
    assert answer == "200"
    done = stack.pulumi("destroy", "--yes", "--skip-preview")
    assert done.code == 0, done.output
    for kind in ("service", "secret", "config", "network"):
        assert stack.service not in manager.docker(kind, "ls")
    for node in stack.cluster.nodes:
        assert stack.service not in node.docker("ps", "-a")

"""Releases on a Swarm of two nodes, with an edge on each."""

import json

import evidence.load as load
from evidence.lab.processes import wait_for
from evidence.lab.swarms import SwarmStack, plan
from tests.cluster.conftest import StackMaker


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


def test_scaling_in_place_loses_no_request(stack: SwarmStack) -> None:
    """A replica that goes closes its WebSockets, as nobody else has them: these are left out."""
    with stack.loads(plan(stack.config["drain_timeout"], websocket=0)) as loads:
        for replicas in (6, 2):
            stack.configure(replicas=replicas)
            assert f"to {replicas} replicas, in place" in stack.pulumi("preview").output
            stack.up()
            count = f"{replicas}/{replicas}"
            wait_for(lambda count=count: stack.replicas("blue") == count, 30, count)  # type: ignore[misc]
    assert lost_nothing(loads)
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_a_release_leaves_nothing_to_change_and_destroy_leaves_nothing(
    make_stack: StackMaker,
) -> None:
    """No difference afterwards, also after a refresh; the old color's services and secrets go."""
    stack = make_stack(limits={"memory": 300, "cpus": 0.5}, reservations={"cpus": 0.1},
                       placement={"constraints": ["node.platform.os==linux"],
                                  "spread": ["node.labels.zone"]})  # fmt: skip
    stack.up()
    stack.configure(active_color="green")
    said = stack.pulumi("preview").output
    assert f"3 replicas of {stack.service}-green" in said
    assert "nginx in 2 edges (node-1, node-2) at once to green" in said
    stack.up()
    assert stack.replicas("blue") == ""
    for words in ([], ["--refresh"]):
        done = stack.pulumi("preview", "--expect-no-changes", "--diff", *words)
        assert done.code == 0, done.output
    done = stack.pulumi("destroy", "--yes", "--skip-preview")
    assert done.code == 0, done.output
    manager = stack.cluster.manager.docker
    for kind in ("service", "secret", "config", "network"):
        assert stack.service not in manager(kind, "ls")
    for node in stack.cluster.nodes:
        assert stack.service not in node.docker("ps", "-a")


def test_secrets_and_files_reach_the_replicas_as_swarm_secrets_and_configs(
    make_stack: StackMaker,
) -> None:
    """Nobody who may look at a service reads them; the service gets them by __FILE."""
    password = "hunter2-never-shown"
    stack = make_stack(grafana_ini="grafana.ini", replicas=1)
    (stack.folder / "grafana.ini").write_text("[standin]\nmotto = one of several\n")
    path = "bluegreen:env.GF_SECURITY_ADMIN_PASSWORD"
    done = stack.pulumi("config", "set", "--secret", "--path", path, password)
    assert done.code == 0, done.output
    shown = stack.pulumi("preview", "--diff").output
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.code == 0, done.output
    manager = stack.cluster.manager
    inspected = manager.docker("service", "inspect", f"{stack.service}-blue")
    shown += done.output + inspected + stack.pulumi("stack", "export").output
    assert password not in shown
    assert "GF_SECURITY_ADMIN_PASSWORD__FILE=/run/secrets/" in inspected
    assert "one of several" in stack.ask_edge(manager, "/")
    login = json.dumps({"user": "admin", "password": password})
    answer = manager.docker(
        *("exec", stack.edge(manager), "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"),
        *("-H", "Content-Type: application/json", "-d", login, "http://127.0.0.1/login"),
    )
    assert answer == "200"

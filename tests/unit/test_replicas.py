"""Each of several replicas: which there are, what each says, and which one failed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import Shell
from bluegreen.platforms.swarm import replicas as replicas_module
from bluegreen.platforms.swarm.replicas import Replicas
from bluegreen.platforms.swarm.tasks import read_services, read_tasks
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_health

NOW = datetime.now(UTC)
URL = "http://shop-green:3000/api/health"


def task(number: int, state: str = "running", **more: Any) -> dict[str, Any]:
    """A task as `docker inspect --type task` tells it."""
    told = {
        "ID": f"t{number}",
        "Slot": number,
        "NodeID": "n1",
        "CreatedAt": (NOW - timedelta(seconds=1)).isoformat(),
        "DesiredState": "running",
        "Status": {"State": state},
        "Spec": {"ContainerSpec": {"Image": "new"}},
        "NetworksAttachments": [attached("shop", f"10.0.1.{number}")],
    }
    return told | more


def attached(network: str, address: str) -> dict[str, Any]:
    """How a task tells of a network that it is on."""
    return {"Network": {"Spec": {"Name": network}}, "Addresses": [f"{address}/24"]}


class Swarm:
    """A Swarm with a service whose tasks a test makes."""

    def __init__(self, docker: FakeDocker) -> None:
        self._docker = docker
        docker.does("inspect", 'cat "$here/tasks"')
        docker.does("node", "echo n1 node-1")
        docker.does("info", f"echo {NOW.isoformat()}")
        self.changed(seconds_ago=2)
        self.has(task(1), task(2))

    def has(self, *tasks: dict[str, Any]) -> None:
        """Let it have these tasks."""
        part = self._docker.folder / "tasks.part"
        part.write_text(json.dumps(tasks))
        part.replace(self._docker.folder / "tasks")  # at once, as it may be read meanwhile

    def changed(self, seconds_ago: float) -> None:
        """Let the service have been changed then."""
        moment = json.dumps((NOW - timedelta(seconds=seconds_ago)).isoformat())
        spec = json.dumps([{"Spec": {"TaskTemplate": {"ContainerSpec": {"Image": "new"}}}}])
        self._docker.does(
            "service",
            f"""case "$*" in *UpdatedAt*) echo '{moment}';; inspect*) echo '{spec}';;
            ps*) echo t;; logs*) echo boom;; esac""",
        )

    def answers(self, script: str) -> None:
        """Let curl in the edges do this; the URL is the last word."""
        self._docker.put("curl", f"#!/bin/sh\nfor url; do :; done\n{script}\n")


@pytest.fixture
def swarm(fake_docker: FakeDocker) -> Swarm:
    """A Swarm with two replicas that run."""
    return Swarm(fake_docker)


@pytest.mark.parametrize("turned", [False, True])
def test_a_replica_is_asked_where_the_edges_reach_it(swarm: Swarm, *, turned: bool) -> None:
    """Behind an edge that is shared, on its network, whichever is told first."""
    both = [attached("shop", "10.0.1.1"), attached("edge", "10.0.9.1")]
    swarm.has(task(1, NetworksAttachments=both[::-1] if turned else both), task(2))
    addresses = [each.address for each in read_tasks(Docker(), "shop-green")]
    assert addresses == ["10.0.9.1", "10.0.1.2"]


GOOD = 'printf \'HTTP/1.1 200 OK\\r\\n\\r\\n{"database": "ok", "version": "12.4.0"}\''
OLD = GOOD.replace("12.4.0", "12.3.0")


def ask(wanted: int = 2) -> Any:
    """Ask all replicas from two edges."""
    with Shell("shop-edge-a") as a, Shell("shop-edge-b") as b:
        replicas = Replicas("shop-green", wanted, Docker())
        return replicas.ask({"edge-a": a, "edge-b": b}, URL, make_health(), 5)


def test_tasks_are_told_with_node_and_address(swarm: Swarm) -> None:
    """As the gate names them."""
    first, _ = read_tasks(Docker(), "shop-green")
    assert (first.name, first.address, first.runs) == ("replica 1 on node-1", "10.0.1.1", True)


def test_all_replicas_are_asked_from_all_edges(swarm: Swarm, fake_docker: FakeDocker) -> None:
    """At their own addresses, not by the name that they share."""
    swarm.answers(f'echo "$url" >> "${{0%/*}}/urls"; {GOOD}')
    answer = ask()
    assert not answer.complaint
    assert answer.version == "12.4.0"
    asked = (fake_docker.folder / "urls").read_text().split()
    assert sorted(asked) == [f"http://10.0.1.{number}:3000/api/health" for number in (1, 1, 2, 2)]


def test_one_of_another_version_is_named(swarm: Swarm) -> None:
    """However well the others answer."""
    swarm.answers(f"case $url in *.2:*) {OLD};; *) {GOOD};; esac")
    answer = ask()
    assert "replica 2 on node-1 (asked from edge-a): reports version 12.3.0" in answer.complaint
    assert answer.wrong_version


def test_too_few_are_no_pass(swarm: Swarm) -> None:
    """And the one that is missing is named, with what the Swarm says of it."""
    waits = task(3, "pending", NodeID="", Status={"State": "pending", "Err": "no suitable node"})
    swarm.has(task(1), task(2), waits)
    swarm.answers(GOOD)
    assert ask(3).complaint == ("2 of 3 replicas run; replica 3 is pending: no suitable node")


def test_tasks_that_are_to_go_do_not_count(swarm: Swarm) -> None:
    """Of a service that was scaled down, or made anew."""
    swarm.has(task(1), task(2), task(3, DesiredState="shutdown"))
    swarm.answers(GOOD)
    assert not ask(2).complaint


def test_tasks_of_an_older_spec_do_not_count(swarm: Swarm) -> None:
    """They are about to go, also before the Swarm has come to say so."""
    swarm.has(task(1), task(2, Spec={"ContainerSpec": {"Image": "old"}}))
    swarm.answers(GOOD)
    assert ask(2).complaint == "1 of 2 replicas run"


def test_more_than_are_wanted_pass_if_all_are_well(swarm: Swarm) -> None:
    """Somebody has scaled by hand, or an autoscaler."""
    swarm.answers(GOOD)
    assert not ask(1).complaint


def failed(number: int, seconds_ago: float) -> dict[str, Any]:
    """A task that failed."""
    return task(
        number,
        CreatedAt=(NOW - timedelta(seconds=seconds_ago)).isoformat(),
        DesiredState="shutdown",
        Status={"State": "failed", "Err": "task: non-zero exit (1)"},
    )


@pytest.mark.parametrize(
    ("changed", "made", "dies"), [(2, 1, True), (2, 30, False), (60, 1, False), (60, 30, False)]
)
def test_a_failure_counts_if_it_is_of_this_release(
    swarm: Swarm, changed: float, made: float, dies: bool
) -> None:
    """One of a try before this one may be mended."""
    swarm.changed(changed)
    swarm.has(task(1), failed(2, made))
    with Replicas("shop-green", 2, Docker(), tries=1) as replicas:
        assert replicas.died.wait(0.5) == dies
        if dies:
            assert replicas.why() == "replica 2 on node-1 failed: task: non-zero exit (1)"
            assert replicas.log_tail() == "    | boom"


def test_what_the_gate_has_forgiven_does_not_fail_the_switch(swarm: Swarm) -> None:
    """From then on each failure counts, and none from before."""
    swarm.has(task(1), failed(2, 1), task(2))
    with Replicas("shop-green", 2, Docker()) as replicas:
        assert not replicas.died.wait(0.3)


def test_a_failure_may_be_forgiven_once(swarm: Swarm) -> None:
    """One that waits for another is started again by the Swarm; then it is told, and no more."""
    swarm.has(task(1), failed(2, 1), task(2, "starting"))
    swarm.answers(GOOD)
    with Replicas("shop-green", 2, Docker(), tries=2) as replicas:
        assert not replicas.died.wait(0.3)
        swarm.has(task(1), failed(2, 1), failed(2, 0) | {"ID": "t2b"})
        assert replicas.died.wait(5)


def test_a_failure_while_it_is_watched_is_noticed(
    swarm: Swarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By asking again and again: a Swarm tells nobody."""
    monkeypatch.setattr(replicas_module, "PULSE", 0.01)
    swarm.changed(60)
    with Replicas("shop-green", 2, Docker()) as replicas:
        assert not replicas.died.wait(0.3)
        swarm.has(task(1), failed(2, 0))
        assert replicas.died.wait(5)


def test_services_are_told_as_containers_are(fake_docker: FakeDocker) -> None:
    """By part, with labels and how many run."""
    spec = {"Spec": {"Name": "shop-green", "Labels": {"a": "b"}}}
    script = f"case $1 in ls) echo 'shop-green 2/3';; inspect) echo '[{json.dumps(spec)}]';; esac"
    fake_docker.does("service", script)
    found = read_services(Docker(), "shop", "bluegreen.service=shop")
    assert found == {"green": {"a": "b", "state": "running (2/3 replicas)"}}

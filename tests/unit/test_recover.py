"""What recover takes away, and what it leaves; pulumi and Docker are a test's own."""

import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bluegreen.cli import recover as recovery
from bluegreen.cli.checkpoint import mend
from bluegreen.cli.errors import CommandError
from bluegreen.cli.lock import find_lock
from bluegreen.cli.project import Project
from bluegreen.cli.recover import examine, recover
from bluegreen.config.settings import Docker, Place
from bluegreen.docker.facts import read_things
from bluegreen.edge.services import Service
from bluegreen.edge.state import State
from bluegreen.errors import BluegreenError
from bluegreen.plan.situation import Situation
from bluegreen.platforms import named
from tests.unit.conftest import FakeDocker

PENDING = {
    "type": "creating",
    "resource": {"urn": "docker:index/container::green", "inputs": {"name": "bluegreen-dev-green"}},
}


class FakeStack:
    """A stack that keeps what is done to it."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state, self.done = state, list[str]()

    def cancel(self) -> None:
        """As the Automation API's."""
        self.done.append("cancel")

    def export_stack(self) -> Any:
        """As the Automation API's."""
        return SimpleNamespace(version=3, deployment=self.state)

    def import_stack(self, given: Any) -> None:
        """As the Automation API's."""
        self.state = given.deployment
        self.done.append("import")


@pytest.fixture(autouse=True)
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file backend's folder."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setattr(recovery, "LATE_SECONDS", 0.3)
    return tmp_path / ".pulumi"


IDENTITY = {"type": "pulumi-python:dynamic/bluegreen:Identity", "id": "ours"}


def make(
    edge: State | None = None, unknown: bool = False, **state: Any
) -> tuple[Project, FakeStack]:
    """A project whose stack has this state."""
    resources = [IDENTITY, *state.pop("resources", [])]
    stack = FakeStack({"resources": resources, **state})
    there = Situation(
        "bluegreen-dev",
        states={"bluegreen-dev-edge": edge},
        unknown={"the local Docker": "no answer"} if unknown else {},
    )
    project = SimpleNamespace(
        name="dev",
        namespace="bluegreen",
        service="bluegreen-dev",
        stack=stack,
        docker=Docker(),
        dockers=[Docker()],
        places=lambda: (Place("bluegreen-dev-edge", Docker()),),
        platform=named("container"),
        look=lambda: replace(there, things=read_things(Docker(), "bluegreen-dev")),
        serves=lambda: "blue 12.3.0 serves",
        drain_timeout=7,
        is_edge=False,
    )
    return cast("Project", project), stack


def lock(backend: Path, pid: int, project: str = "bluegreen", text: str = "") -> Path:
    """A lock on stack dev."""
    path = backend / "locks" / "organization" / project / "dev" / f"{pid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"pid": pid, "username": "me", "hostname": socket.gethostname()}
    path.write_text(text or json.dumps(said))
    return path


def dead_process() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


def row(identity: str, name: str, owner: str = "ours") -> str:
    """A line of a listing, as a shell prints it."""
    return rf"printf '{identity}\t{name}\t\t{owner}\t\t\n'"


def has(
    fake: FakeDocker, *containers: str, network: str = "", volumes: str = "", owner: str = "ours"
) -> None:
    """Let Docker have these."""
    rows = [row(f"id-{name}", f"bluegreen-dev-{name}", owner) for name in containers]
    fake.does("ps", "\n".join(rows))
    listed = row(network, "bluegreen-dev", owner) if network else ":"
    fake.does("network", f'[ "$1" != ls ] || {listed}')
    rows = [row(f"bluegreen-dev-{each}", f"bluegreen-dev-{each}") for each in volumes.split()]
    fake.does(
        "volume", '[ "$1" = ls ] || exit 0; case "$*" in *-q*) exit;; esac\n' + "\n".join(rows)
    )
    fake.does("rm", "")


def removed(fake: FakeDocker) -> list[str]:
    """What was removed."""
    return [words.split()[-1] for words in fake.asked() if " rm " in f" {words}"]


def test_there_is_nothing_to_do_for_a_stack_that_is_well(fake_docker: FakeDocker) -> None:
    """At any time, and nothing is written."""
    has(fake_docker, "blue")
    project, stack = make(resources=[{"id": "id-blue"}])
    assert recover(project) == []
    assert stack.done == []


def test_a_dead_updates_lock_and_leftovers_are_taken_away(
    fake_docker: FakeDocker, backend: Path
) -> None:
    """Pulumi's lock for the import comes before anything is removed."""
    lock(backend, dead_process())
    has(fake_docker, "blue", "green", network="n1")
    project, stack = make(resources=[{"id": "id-blue"}], pending_operations=[PENDING])
    done = recover(project)
    assert stack.done == ["cancel", "import"]
    assert stack.state["pending_operations"] == []
    assert "removed the lock of process" in done[0]
    assert done[-2:] == [
        "removed container bluegreen-dev-green, left by a killed update",
        "removed network bluegreen-dev, left by a killed update",
    ]
    assert removed(fake_docker) == ["id-green", "n1"]


def test_what_nginx_serves_is_never_removed(fake_docker: FakeDocker) -> None:
    """Nor the edge that serves it, nor the network and config that it needs, nor any data."""
    has(fake_docker, "blue", "green", "edge", network="n1")
    has(fake_docker, "blue", "green", "edge", network="n1", volumes="edge-config")
    project, _ = make(State("green", "12", 3, "then", "abc"))
    recover(project)
    assert removed(fake_docker) == ["id-blue"]


@pytest.mark.parametrize("relieved", [True, False])
def test_an_nginx_whose_replacement_was_killed_goes_only_while_its_relief_serves(
    fake_docker: FakeDocker, relieved: bool
) -> None:
    """The next update could not make it otherwise; what it serves gets its drain."""
    has(fake_docker, "blue", "edge", network="n1")
    fake_docker.does("exec", f"exit {0 if relieved else 1}")
    fake_docker.does("stop", "")
    project, _ = make(State("blue", "12", 3, "then", "abc"), resources=[{"id": "id-blue"}])
    recover(project)
    assert removed(fake_docker) == (["id-edge"] if relieved else [])
    stopped = [words for words in fake_docker.asked() if "stop " in words]
    assert bool(stopped) is relieved
    assert all("-t 7 bluegreen-dev-edge" in words for words in stopped)


@pytest.mark.parametrize(
    ("services", "goes"),
    [
        ([], True),
        ([Service("shop", None, ())], True),
        ([Service("shop", State("blue", "12", 3, "then", "abc"), ())], False),
        (None, False),
    ],
)
def test_the_nginx_of_a_shared_edge_stays_while_it_may_serve_anybody(
    fake_docker: FakeDocker,
    monkeypatch: pytest.MonkeyPatch,
    services: list[Service] | None,
    goes: bool,
) -> None:
    """It has no color of its own to be known by; one that cannot be asked may have services."""

    def asked(place: Place) -> list[Service]:
        if services is None:
            raise BluegreenError(f"{place.container} does not answer")
        return services

    monkeypatch.setattr(recovery, "read_services", asked)
    has(fake_docker, "edge", network="n1")
    fake_docker.does("exec", "exit 1")
    fake_docker.does("stop", "")
    project, _ = make()
    cast("Any", project).is_edge = True
    recover(project)
    assert removed(fake_docker) == (["id-edge", "n1"] if goes else [])


def test_what_another_state_made_is_told_and_left(fake_docker: FakeDocker) -> None:
    """Its edge and its warm standby are somebody's; only the names are the same."""
    has(fake_docker, "blue", "edge", network="n1", owner="theirs")
    project, stack = make(None)
    with pytest.raises(CommandError, match=r"another stack created it \(theirs\)") as refused:
        recover(project)
    assert refused.value.code == 2
    assert stack.done == []
    assert removed(fake_docker) == []


def test_nothing_is_removed_while_anything_could_not_be_asked(fake_docker: FakeDocker) -> None:
    """What cannot be seen may be what serves."""
    has(fake_docker, "green")
    project, _ = make(None, unknown=True)
    with pytest.raises(
        CommandError, match="not everything could be asked: the local Docker: no answer"
    ):
        recover(project)
    assert removed(fake_docker) == []


def test_an_edge_that_never_served_goes_with_its_config(fake_docker: FakeDocker) -> None:
    """A first release was killed as it made it; data stay all the same."""
    has(fake_docker, "edge", network="n1", volumes="edge-config")
    project, _ = make(None)
    recover(project)
    assert removed(fake_docker) == ["id-edge", "n1", "bluegreen-dev-edge-config"]


def test_what_a_provider_makes_late_is_waited_for(fake_docker: FakeDocker) -> None:
    """It outlives its engine, and ends what it was asked for."""
    has(fake_docker)
    fake_docker.does(
        "ps", f'[ -e "$0.late" ] && {row("id-green", "bluegreen-dev-green")}; touch "$0.late"'
    )
    project, _ = make(pending_operations=[PENDING])
    assert "removed container bluegreen-dev-green, left by a killed update" in recover(project)


@pytest.mark.parametrize("holder", ["a process that lives", "nobody knows who"])
def test_a_lock_that_may_be_a_living_updates_stays(
    fake_docker: FakeDocker, backend: Path, holder: str
) -> None:
    """Not even a release looks for leftovers then: they may be that update's own."""
    has(fake_docker, "green")
    lock(backend, os.getpid(), text="" if holder == "a process that lives" else "{")
    project, stack = make()
    for act in (recover, examine):
        with pytest.raises(CommandError, match="which is not known to be dead"):
            act(project)
    assert stack.done == []
    assert removed(fake_docker) == []


def test_a_process_that_is_dead_and_not_yet_noticed_is_dead(backend: Path) -> None:
    """A zombie holds nothing."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    lock(backend, process.pid)
    found = find_lock(make()[0])
    assert found is not None
    assert found.dead
    process.wait()


def test_a_living_updates_lock_counts_more_than_a_dead_ones(backend: Path) -> None:
    """And another project's none at all."""
    lock(backend, os.getpid(), project="another")
    assert find_lock(make()[0]) is None
    lock(backend, dead_process())
    lock(backend, os.getpid())
    found = find_lock(make()[0])
    assert found is not None
    assert not found.dead


@pytest.mark.parametrize("copy", ["the one before", "the last update's", "none"])
def test_a_state_that_is_not_whole_is_put_back(backend: Path, copy: str) -> None:
    """A full disk has cut it short: the newest copy that is whole takes its place."""
    stacks, history = backend / "stacks" / "bluegreen", backend / "history" / "bluegreen" / "dev"
    stacks.mkdir(parents=True)
    history.mkdir(parents=True)
    whole = json.dumps({"version": 3, "checkpoint": {"stack": copy}})
    (stacks / "dev.json").write_text("")
    (stacks / "dev.json.bak").write_text(whole if copy == "the one before" else "{")
    (history / "dev-3.checkpoint.json").write_text("")
    (history / "dev-2.checkpoint.json").write_text(whole if copy == "the last update's" else "")
    assert bool(mend("bluegreen", "dev")) == (copy != "none")
    assert (stacks / "dev.json").read_text() == ("" if copy == "none" else whole)


def test_a_state_that_is_whole_stays(backend: Path) -> None:
    """Whatever the copies say."""
    stacks = backend / "stacks" / "bluegreen"
    stacks.mkdir(parents=True)
    (stacks / "dev.json").write_text('{"checkpoint": {}}')
    (stacks / "dev.json.bak").write_text('{"checkpoint": {"old": 1}}')
    assert mend("bluegreen", "dev") == []
    assert (stacks / "dev.json").read_text() == '{"checkpoint": {}}'


def test_notes_beside_the_state_that_a_kill_cut_short_are_removed(backend: Path) -> None:
    """Pulumi would read nothing with them there, and does well without them."""
    stacks = backend / "stacks" / "bluegreen"
    stacks.mkdir(parents=True)
    (stacks / "dev.json").write_text('{"checkpoint": {}}')
    (stacks / "dev.json.attrs").write_text("")
    assert mend("bluegreen", "dev") == ["removed dev.json.attrs, which was incomplete"]
    assert not (stacks / "dev.json.attrs").exists()
    (stacks / "dev.json.attrs").write_text('{"md5": "x"}')
    assert mend("bluegreen", "dev") == []

"""The guard: which updates are refused, and what the refusal says."""

import hashlib
import io
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bluegreen.config.settings import COLORS, Settings
from bluegreen.docker.facts import STACK_LABEL, Container, Thing
from bluegreen.edge.render import render, stamp
from bluegreen.edge.state import State, read_state
from bluegreen.errors import GuardRefused
from bluegreen.plan.fingerprint import Fingerprint, digest_of, fingerprint_color, fingerprint_edge
from bluegreen.plan.ownership import StackState, keyed
from bluegreen.plan.planned import Plan
from bluegreen.plan.situation import Previous, Situation
from bluegreen.plan.update import plan_update
from bluegreen.platforms import of
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_settings

BOTH = {"green_version": "12.3.0"}
KEEP = BOTH | {"standby": "keep"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two files of settings and a folder to build from."""
    (tmp_path / "a.ini").write_text("[server]")
    (tmp_path / "b.ini").write_text("[database]")
    (tmp_path / "own.conf").write_text("location / { proxy_pass http://{{ upstream }}; }")
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "Dockerfile").write_text("FROM scratch")
    return tmp_path


def planned(settings: Settings, root: Path) -> dict[str, Fingerprint]:
    """What the program plans, as it does it."""
    found = {"edge": fingerprint_edge(settings, settings.edges[0])}
    for color in settings.declared:
        found[color] = fingerprint_color(settings, color, "shop-dev", root)
    return found


def state(color: str) -> State:
    """What an edge says that serves this color."""
    return State(color=color, version="12", generation=3, since="then", config="abc")


@pytest.fixture(autouse=True)
def no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is read only where the outputs do not explain what Docker has."""
    monkeypatch.setattr("bluegreen.plan.update.read_state", lambda _stack: StackState())


def situation_of(
    settings: Settings, root: Path, edge: State | None = None, **changed: Any
) -> Situation:
    """What there is after an update with these settings."""
    made_of = planned(settings, root)
    running = {
        part: Container("running", keyed("k", digest_of(each)) if part in COLORS else "")
        for part, each in made_of.items()
    }
    versions = {str(color): settings.versions[color] for color in settings.declared}
    left = Previous(settings.active_color, made_of, name="shop-dev", key="k", versions=versions)
    facts: dict[str, Any] = {
        "previous": left,
        "states": {"shop-dev-edge": edge or state(settings.active_color)},
        "containers": running,
    }
    return Situation("shop-dev", **facts | changed)


def check(
    root: Path, before: dict[str, Any], after: dict[str, Any], edge: State | None = None
) -> Plan:
    """Let the guard look at an update from one config to another."""
    old, new = make_settings(root, **before), make_settings(root, **before | after)
    edge = edge or State(old.active_color, old.versions[old.active_color], 3, "then", "abc")
    return plan_update(new, situation_of(old, root, edge), "dev", root)


# Each row: config before, what is changed in it, and a part of the refusal.
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (BOTH, {"blue_version": "12.4.1"}, "grafana/grafana:12.4.0 → grafana/grafana:12.4.1"),
    (BOTH, {"image": "own/app"}, "image: grafana/grafana:12.4.0 → own/app:12.4.0"),
    (BOTH, {"build": {"context": "service"}}, "image: grafana/grafana:12.4.0 → shop-dev-blue:"),
    (BOTH, {"port": "8080"}, "port: 3000 → 8080"),
    (BOTH, {"blue_port": "3003"}, "blue_port: 127.0.0.1:0 → 127.0.0.1:3003"),
    (BOTH | {"blue_port": "3003"}, {"direct_address": "10.0.0.1"}, "blue_port: 127.0.0.1:3003 → "),
    (BOTH, {"command": ["run"]}, "command changes"),
    (BOTH, {"data_path": "/data"}, "data_path: /var/lib/grafana → /data"),
    (BOTH, {"data_path": ""}, "data_path: /var/lib/grafana → , env changes:"),
    (BOTH, {"grafana_ini": "a.ini"}, "grafana_ini changes"),
    (BOTH | {"grafana_ini": "a.ini"}, {"grafana_ini": "b.ini"}, "grafana_ini changes"),
    (BOTH, {"env": {"A": "b"}}, "env changes"),
    (BOTH, {"limits": {"memory": 256}}, "limits: 0 MB, 0 CPUs → 256 MB, 0 CPUs"),
    (BOTH, {"user": "472"}, "user:  → 472"),
    (KEEP, {"blue_version": "12.4.1"}, "blue is live and would be replaced"),
    (BOTH, {"subnet": "10.87.3.0/28"}, "subnet: None → 10.87.3.0/28"),
    (BOTH | {"subnet": "10.87.3.0/28"}, {"subnet": ""}, "subnet: 10.87.3.0/28 → None"),
    (BOTH, {"http_port": "8080"}, "http_port: 0.0.0.0:80 → 0.0.0.0:8080"),
    (BOTH, {"http_address": "127.0.0.1"}, "http_port: 0.0.0.0:80 → 127.0.0.1:80"),
    (BOTH, {"preview_port": "8081"}, "preview_port: 127.0.0.1:0 → 127.0.0.1:8081"),
    (BOTH, {"active_color": "green", "http_port": "81"}, "the edge would be replaced"),
    (KEEP, {"green_version": "12.5.0"}, "green is on standby and runs 12.3.0, but"),
    (KEEP, {"active_color": "green", "blue_version": "12.5.0"}, "blue is on standby and runs"),
]


@pytest.mark.parametrize(("before", "after", "part"), REFUSED, ids=[str(a) for _, a, _ in REFUSED])
def test_what_would_interrupt_users_is_refused_by_name(
    project: Path,
    before: dict[str, Any],
    after: dict[str, Any],
    part: str,
) -> None:
    """What the live color runs, and the edge, are not replaced under their users."""
    with pytest.raises(GuardRefused) as refused:
        check(project, {"image": "grafana/grafana"} | before, after)
    assert part in str(refused.value)


ALLOWED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (BOTH, {}),
    (BOTH, {"active_color": "green"}),
    (BOTH, {"active_color": "green", "green_version": "12.5.0", "env": {"A": "b"}}),
    (BOTH, {"active_color": "green", "blue_version": ""}),
    (BOTH, {"green_version": "12.5.0"}),
    (BOTH, {"green_version": ""}),
    (BOTH, {"standby": "keep"}),
    (KEEP, {"standby": "remove"}),
    (KEEP, {"green_port": "3004"}),
    (KEEP, {"active_color": "green", "image": "own/app"}),
    (BOTH, {"bake": {"seconds": 99}, "drain_timeout": "99", "health": {"passes": 9}}),
    (BOTH, {"service_template": "own.conf"}),
    (BOTH, {"blue_version": "12.4.1", "allow_in_place": "true"}),
    (BOTH, {"http_port": "8080", "allow_in_place": "true"}),
]


@pytest.mark.parametrize(("before", "after"), ALLOWED, ids=[str(after) for _, after in ALLOWED])
def test_what_interrupts_nobody_is_let_pass(
    project: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Releases, the idle color's affairs and what travels with the switch are free."""
    check(project, before, after)


def test_the_first_update_is_never_refused(project: Path) -> None:
    """Nobody is served yet."""
    plan_update(make_settings(project), Situation("shop-dev"), "dev", project)


def test_the_refusal_says_all_reasons_and_both_ways_out(project: Path) -> None:
    """What, why, what instead, and how to do it all the same; nothing was touched."""
    with pytest.raises(GuardRefused) as refused:
        check(project, {"image": "own/app"}, {"blue_version": "12.4.1", "http_port": "8080"})
    assert str(refused.value) == (
        "this update is refused; nothing was touched; blue 12.4.0 keeps serving:\n"
        "  - blue is live and would be replaced, because "
        "image: own/app:12.4.0 → own/app:12.4.1: users would be interrupted. Next: release it on "
        "the idle color instead (`bluegreen deploy`, or set active_color, not blue_version)\n"
        "  - the edge would be replaced, because http_port: 0.0.0.0:80 → 0.0.0.0:8080: "
        "users are not served in the meantime. Next: plan a maintenance window, and set "
        "allow_in_place for it\n"
        "To do it anyway: pulumi config set allow_in_place true"
    )


def test_no_value_of_env_is_in_a_fingerprint_or_in_the_refusal(project: Path) -> None:
    """Fingerprints are outputs, refusals are in CI logs, and env has secrets."""
    secret = make_settings(project, env={"GF_PASSWORD": "hunter2"})
    fingerprint = fingerprint_color(secret, "blue", "shop-dev", project)
    assert "hunter2" not in str(fingerprint)
    assert hashlib.sha256(b"hunter2").hexdigest() != fingerprint["env"]
    before = {"env": {"GF_PASSWORD": "hunter2"}}
    with pytest.raises(GuardRefused) as refused:
        check(project, before, {"env": {"GF_PASSWORD": "hunter3"}})
    assert "hunter" not in str(refused.value)
    assert "GF_PASSWORD" not in str(refused.value)


def test_what_nginx_serves_counts_more_than_what_the_outputs_say(project: Path) -> None:
    """After an update that died behind its switch, green is the color to be left alone."""
    with pytest.raises(GuardRefused, match="green is live, and was created from another config"):
        check(project, KEEP, {"active_color": "green", "green_version": "12.5.0"}, state("green"))


def test_an_edge_that_could_not_be_asked_is_not_one_that_serves_nothing(project: Path) -> None:
    """Nothing is planned on a guess."""
    settings = make_settings(project)
    gaps: list[dict[str, Any]] = [{"unknown": {"the local Docker": "no"}}, {"troubles": {"e": "x"}}]
    for missing in gaps:
        there = situation_of(settings, project, states={}, **missing)
        with pytest.raises(GuardRefused, match="Docker could not be asked what runs"):
            plan_update(settings, there, "dev", project)


def test_a_renamed_stack_is_told_how_to_keep_what_it_has(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all of it would be made anew under the new name, with empty data."""
    settings = make_settings(project)
    before = situation_of(settings, project)
    monkeypatch.setattr(
        "bluegreen.plan.update.read_state", lambda _stack: StackState(prefix="shop-dev")
    )
    renamed = Situation("shop-prod", before.previous)
    with pytest.raises(GuardRefused, match="`pulumi config set name shop-dev --stack prod` keeps"):
        plan_update(settings, renamed, "prod", project)


def test_what_another_state_made_is_named_and_left_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A colleague's shell lacks the backend's variable: an empty state, and everything runs."""
    settings = make_settings(project)
    edge = Thing("container", "c1", "shop-dev-edge", labels={STACK_LABEL: "theirs"})
    monkeypatch.setattr("bluegreen.plan.update.read_state", lambda _stack: StackState(owner="ours"))
    there = Situation("shop-dev", things=(edge,), states={"shop-dev-edge": state("blue")})
    with pytest.raises(GuardRefused) as refused:
        plan_update(settings, there, "dev", project)
    assert "container shop-dev-edge: Docker has it, this stack's state does not" in str(
        refused.value
    )
    assert "another stack created it (theirs)" in str(refused.value)
    assert "`bluegreen recover --rebuild-state --stack dev`" in str(refused.value)


def test_a_color_on_standby_stays_as_it_was_released(project: Path) -> None:
    """Whatever changes in the config meanwhile: it is released anew when its turn comes."""
    plan = check(project, KEEP, {"green_port": "3004"})
    assert {"blue", "green", "edge"} <= plan.unchanged
    plan = check(project, KEEP, {"active_color": "green", "env": {"A": "b"}})
    assert "green" not in plan.unchanged
    assert {"blue", "edge"} <= plan.unchanged


def test_no_standby_is_started_beside_what_is_live(project: Path) -> None:
    """`standby: keep` keeps the outgoing color of a release; there is none yet."""
    assert check(project, BOTH, {"standby": "keep"}).settings.declared == ("blue",)


@pytest.mark.parametrize(
    ("live", "edge", "told"),
    [
        ("", None, ""),
        ("", state("blue"), ""),
        ("blue", state("blue"), ""),
        ("blue", state("green"), "nginx serves green 12, the stack's outputs say blue"),
        ("blue", None, "nginx serves no color, the stack's outputs say blue"),
    ],
)
def test_drift_says_how_nginx_differs_from_the_outputs(
    live: str, edge: State | None, told: str
) -> None:
    """And is empty when it does not, or when nothing was released yet."""
    assert drift(live, edge, {"edge": "running", "blue": "running"}) == told


def drift(live: str, edge: State | None, runs: dict[str, str]) -> str:
    """What is told of a stack whose outputs say that a color is live."""
    containers = {part: Container(state, "") for part, state in runs.items()}
    states = {"shop-edge": edge}
    there = Situation("shop", Previous(live=live), states=states, containers=containers)
    return there.drift(make_settings())


def folder_tar(path: Path, **files: str) -> Path:
    """What `docker cp` gives of a folder with these files."""
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"shop-dev/{name.replace('_', '.')}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_the_edge_is_asked_through_docker_cp(fake_docker: FakeDocker, tmp_path: Path) -> None:
    """Which also answers for a container that is stopped."""
    settings = make_settings()
    rendered = render(settings, "green", "shop-dev", tmp_path, of(settings).upstream)
    config = stamp(rendered, rendered, 5, "then")
    tar = folder_tar(tmp_path / "tar", nginx_conf=config, stable_conf=config, green="")
    fake_docker.does("cp", f"cat '{tar}'")
    found, trouble = read_state(settings.docker, "shop-dev-edge", "shop-dev")
    assert found
    assert not trouble
    assert (found.color, found.generation) == ("green", 5)
    assert fake_docker.asked() == ["cp shop-dev-edge:/etc/bluegreen/services/shop-dev -"]


@pytest.mark.parametrize(
    ("files", "generation"),
    [
        ({"nginx_conf": "green 6", "stable_conf": "blue 5"}, 5),  # loaded, and nobody is led to it
        ({"nginx_conf": "green 6", "stable_conf": "blue 5", "green": ""}, 6),
        ({"nginx_conf": "blue 6", "stable_conf": "blue 5"}, 6),
        ({"stable_conf": "blue 5"}, None),  # nginx has nothing of it
        ({"nginx_conf": "", "stable_conf": "blue 5"}, None),  # it waits to learn what is live
    ],
)
def test_what_serves_is_what_nginx_is_led_to(
    fake_docker: FakeDocker, tmp_path: Path, files: dict[str, str], generation: int | None
) -> None:
    """Also in the middle of a switch."""
    header = r"# bluegreen color=\1 version=12 generation=\2 since=then config=abc"
    texts = {name: re.sub(r"(\w+) (\d)", header, text) for name, text in files.items()}
    tar = folder_tar(tmp_path / "tar", **texts)
    fake_docker.does("cp", f"cat '{tar}'")
    found, _ = read_state(make_settings().docker, "shop-dev-edge", "shop-dev")
    assert (found.generation if found else None) == generation


@pytest.mark.parametrize(
    ("kernel", "named"), [("5.10.0-28-amd64", "Linux 5.10"), ("", "an unknown kernel")]
)
def test_where_the_kernel_hands_nothing_over_replacing_nginx_is_asked_for(
    project: Path, fake_docker: FakeDocker, kernel: str, named: str
) -> None:
    """Some connections would be reset: whoever runs it says so, or allows it."""
    fake_docker.does("version", f"echo {kernel}")
    change = {"edge_image": "nginx:1.31.0"}
    before, after = make_settings(project, **BOTH), make_settings(project, **BOTH | change)
    situation = situation_of(before, project)
    with pytest.raises(GuardRefused, match=f"nginx would be replaced in edge on {named}"):
        plan_update(after, situation, "dev", project)
    allowed = replace(after, allow_in_place=True)
    assert "nginx   is replaced" in plan_update(allowed, situation, "dev", project).words


def test_an_edge_from_before_switches_were_files_says_what_it_serves(
    fake_docker: FakeDocker, tmp_path: Path
) -> None:
    """By its whole config, as it did then: who replaces it has to know."""
    config = "# bluegreen color=green version=12 generation=5 since=then config=abc\nevents {}\n"
    tar = folder_tar(tmp_path / "tar", nginx_conf=config)
    missing = "case $1 in */services/*) echo 'Could not find the file x' >&2; exit 1 ;; esac\n"
    fake_docker.does("cp", f"{missing}cat '{tar}'")
    found, trouble = read_state(make_settings().docker, "shop-dev-edge", "shop-dev")
    assert not trouble
    assert found == State("green", "12", 5, "then", "abc")


def test_an_edge_that_is_not_there_serves_nothing(
    fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But without a docker command nobody knows what it serves."""
    fake_docker.does("cp", "echo 'No such container' >&2; exit 1")
    assert read_state(make_settings().docker, "shop-dev-edge", "shop-dev") == (None, "")
    monkeypatch.setenv("PATH", "/nonexistent")
    found, trouble = read_state(make_settings().docker, "shop-dev-edge", "shop-dev")
    assert (found, bool(trouble)) == (None, True)


@pytest.mark.parametrize("change", [{"edge_image": "nginx:1.31.0"}, {"log_to_docker": True}])
def test_what_nginx_is_made_of_changes_without_a_gap(
    project: Path, fake_docker: FakeDocker, change: dict[str, Any]
) -> None:
    """The holder of its ports stays; the plan says it, and nobody has to allow it."""
    fake_docker.does("version", "echo 5.14.0-generic")
    before, after = make_settings(project, **BOTH), make_settings(project, **BOTH | change)
    plan = plan_update(after, situation_of(before, project), "dev", project)
    assert "edge" not in plan.unchanged
    assert "edge-holder" in plan.unchanged
    (said,) = [line for line in plan.words.splitlines() if "nginx   is replaced" in line]
    assert "is replaced in edge without a gap" in said


def test_an_edge_from_before_switches_were_files_is_replaced_once_and_named(
    project: Path,
) -> None:
    """For some seconds nobody is served: whoever runs it chooses the moment."""
    settings = make_settings(project, **BOTH)
    there = situation_of(settings, project)
    running = {part: dict(each) for part, each in (there.previous.running or {}).items()}
    del running["edge"]["switch"]
    there = replace(there, previous=replace(there.previous, running=running))
    said = "the edge is from before switches were made by a file"
    with pytest.raises(GuardRefused, match=said) as refused:
        plan_update(settings, there, "dev", project)
    assert "would be replaced, because" not in str(refused.value), "one reason is enough"
    plan = plan_update(replace(settings, allow_in_place=True), there, "dev", project)
    assert not {"edge", "edge-holder"} & plan.unchanged
    assert "blue" in plan.unchanged


@pytest.mark.parametrize("remade", [False, True])
def test_an_update_that_died_after_its_switch_is_guarded_by_the_containers_label(
    project: Path, remade: bool
) -> None:
    """Green serves, and no output tells what it was made of: its label does."""
    wanted = make_settings(project, active_color="green", green_version="12.5.0")
    made_of = {} if remade else planned(wanted, project)["green"]
    runs = {
        "green": Container("running", keyed("k", digest_of(made_of))),
        "edge": Container("running", ""),
    }
    before = planned(make_settings(project), project)
    for previous in (Previous(key="k"), Previous("blue", before, key="k", name="shop-dev")):
        there = Situation("shop-dev", previous, {"shop-dev-edge": state("green")}, containers=runs)
        if remade:
            with pytest.raises(GuardRefused, match="green is live, and was created from"):
                plan_update(wanted, there, "dev", project)
        else:
            assert "green" in plan_update(wanted, there, "dev", project).unchanged


GONE = (
    "no color is released; green 12.3.0, on standby, is gone. It is not started again beside blue: "
    "until the next release, a rollback has to start it first"
)


@pytest.mark.parametrize(
    ("gone", "recorded", "words"),
    [
        pytest.param(True, True, GONE, id="gone"),
        pytest.param(True, False, "", id="never there"),
        pytest.param(False, True, "", id="there"),
    ],
)
def test_a_standby_that_is_gone_is_told_and_stays_gone(
    project: Path, gone: bool, recorded: bool, words: str
) -> None:
    """It would start beside the live color, ungated; and "as the config says" would be untrue."""
    settings = make_settings(project, **KEEP)
    there = situation_of(settings, project, State("blue", "12.4.0", 3, "then", "abc"))
    if not recorded:
        previous = replace(there.previous, versions={"blue": "12.4.0"})
        there = replace(there, previous=previous)
    if gone:
        containers = {part: each for part, each in there.containers.items() if part != "green"}
        there = replace(there, containers=containers)
    plan = plan_update(settings, there, "dev", project)
    assert plan.words == words
    assert ("green" in plan.settings.declared) != gone


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ({"edge": "running", "blue": "running"}, ""),
        ({"edge": "running", "blue": "exited"}, "the container of blue is exited"),
        ({"edge": "running"}, "the container of blue is gone"),
        ({"edge": "exited", "blue": "running"}, "the container of edge is exited"),
    ],
)
def test_a_container_that_serves_no_more_is_drift(runs: dict[str, str], told: str) -> None:
    """Else `pulumi up` would say "unchanged" while nobody is served."""
    assert drift("blue", state("blue"), runs) == told

"""What the program refuses before it declares anything, in the preview already."""

from pathlib import Path
from typing import Any

import pytest

from bluegreen.config.settings import Color
from bluegreen.edge.render import render, stamp
from bluegreen.platforms import of
from tests.program.harness import FIRST, NAME, Run, edge_tar, refusal, run_program
from tests.unit.conftest import FakeDocker
from tests.unit.examples import ROOT, make_settings

BOTH_WAYS = pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])


def serve(docker: FakeDocker, color: Color) -> None:
    """Let the edge say that this color is live."""
    settings = make_settings(**FIRST)
    rendered = render(settings, color, NAME, ROOT, of(settings).upstream)
    config = stamp(rendered, rendered, 3, "then")
    (docker.folder / "tar").write_bytes(edge_tar(config))
    docker.does("cp", f"cat '{docker.folder}/tar'")
    rows = [rf"printf 'id-{each}\t{NAME}-{each}\trunning\t\t\t\n'" for each in ("edge", color)]
    docker.does("ps", "\n".join(rows))


@pytest.fixture
def released(docker: FakeDocker) -> dict[str, Any]:
    """The outputs of a first release of blue, which the edge serves."""
    outputs = run_program(FIRST).outputs
    serve(docker, "blue")
    return outputs


def gate_of(run: Run) -> str:
    """What the gate is told of drift."""
    drift: str = run.inputs("gate")["drift"]
    return drift


@BOTH_WAYS
def test_changing_the_live_color_in_place_is_refused(
    released: dict[str, Any], preview: bool
) -> None:
    """Nothing is declared, and the message is the whole of what is shown."""
    said = refusal({**FIRST, "blue_version": "12.4.1"}, previous=released, preview=preview)
    assert said.startswith(
        "this update is refused; nothing was touched; blue 12.4.0 keeps serving:\n"
    )
    assert "blue is live and would be replaced" in said
    assert ":12.4.0 → " in said
    assert said.endswith("To do it anyway: pulumi config set allow_in_place true")


@BOTH_WAYS
def test_replacing_the_edge_is_refused(released: dict[str, Any], preview: bool) -> None:
    """Nobody would be served meanwhile."""
    said = refusal({**FIRST, "http_port": 8080}, previous=released, preview=preview)
    assert "the edge would be replaced, because http_port: 0.0.0.0:80 → 0.0.0.0:8080" in said


@BOTH_WAYS
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"active_color": "green"},
        {"active_color": "green", "green_version": "12.5.0", "env": {"A": "b"}},
        {"green_version": "12.5.0", "standby": "keep"},
        {"bake": {"seconds": 60}},
        {"blue_version": "12.4.1", "allow_in_place": True},
    ],
    ids=str,
)
def test_a_release_is_let_pass(
    released: dict[str, Any], changed: dict[str, Any], preview: bool
) -> None:
    """And shows no drift, as the edge serves what the outputs say."""
    found = run_program({**FIRST, **changed}, previous=released, preview=preview)
    assert gate_of(found) == ""


def test_the_first_update_reads_the_stacks_own_outputs_and_changes_nothing_in_docker(
    docker: FakeDocker,
) -> None:
    """An edge may be there all the same: of a first update that died behind its switch."""
    found = run_program(FIRST)
    assert found.calls == [
        ("pulumi:pulumi:readStackOutputs", {"name": "organization/bluegreen/test"})
    ]
    asked = {" ".join(words.split()[:2]).partition(" bluegreen")[0] for words in docker.asked()}
    assert asked == {"cp", "ps -a", "network ls", "volume ls", "version --format"}


def test_later_updates_ask_the_edge_what_it_serves(
    docker: FakeDocker, released: dict[str, Any]
) -> None:
    """Of the daemon that the docker provider uses."""
    run_program(FIRST, previous=released, docker={"host": "ssh://me@far"})
    asked = f"--host ssh://me@far cp {NAME}-edge:/etc/bluegreen/services/{NAME} -"
    assert asked in docker.asked()


def test_an_edge_that_serves_another_color_makes_the_gate_run(
    docker: FakeDocker, released: dict[str, Any]
) -> None:
    """An update that died behind its switch is put right by the next one."""
    serve(docker, "green")
    found = run_program(FIRST, previous=released)
    assert gate_of(found) == "nginx serves green 12.3.0, the stack's outputs say blue"


def test_an_edge_that_is_gone_makes_the_gate_run(
    docker: FakeDocker, released: dict[str, Any]
) -> None:
    """A container removed by hand is put right as well."""
    docker.does("cp", "exit 1")
    found = run_program(FIRST, previous=released)
    assert gate_of(found) == "nginx serves no color, the stack's outputs say blue"


def test_a_machine_without_docker_is_told_that_nothing_can_be_known(
    released: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be asked is not taken for what is not there."""
    monkeypatch.setenv("PATH", "/nonexistent")
    said = refusal(FIRST, previous=released, preview=True)
    assert "Docker could not be asked what runs" in said
    assert "there is no `docker` command here" in said


@BOTH_WAYS
def test_every_mistake_of_the_config_is_told_at_once(preview: bool) -> None:
    """As the program's own error, not as a traceback."""
    said = refusal({"active_color": "red", "standby": "no", "drain_timeout": 0}, preview=preview)
    assert said.startswith("the stack's config has 3 mistakes; nothing was touched:\n")


@BOTH_WAYS
def test_an_unknown_slot_in_a_stacks_own_template_is_told_like_any_mistake(
    tmp_path: Path, preview: bool
) -> None:
    """Before anything is declared, by file and slot."""
    template = tmp_path / "own.conf"
    template.write_text("proxy_pass http://{{ upstrem }};")
    said = refusal({**FIRST, "service_template": str(template)}, preview=preview)
    assert said.startswith("the stack's config has ")
    assert "own.conf: {{ upstrem }} is unknown; allowed: upstream" in said


def test_a_refusal_shows_no_value_of_env(docker: FakeDocker) -> None:
    """Digests are compared, and neither old nor new value is told."""
    before = {**FIRST, "env": {"GF_PASSWORD": "hunter2"}}
    released = run_program(before, secret=("env",)).outputs
    serve(docker, "blue")
    said = refusal({**FIRST, "env": {"GF_PASSWORD": "hunter3"}}, previous=released)
    assert "env changes" in said
    assert "hunter" not in said

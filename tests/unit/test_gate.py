"""The gate as a Pulumi provider: when it runs, what it hands on, and how it fails."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic import ConfigureRequest

from bluegreen.config.settings import Docker
from bluegreen.errors import EdgeUnreachable, GateFailed
from bluegreen.platforms import dynamic
from bluegreen.resources.gate import HealthGateProvider
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_health

GOOD = {"database": "ok", "version": "12.4.0"}
INPUTS: dict[str, Any] = {
    "service": "shop",
    "color": "green",
    "version": "12.4.0",
    "container": "shop-green",
    "container_id": "c1",
    "platform": "container",
    "url": "http://shop-green:3000/api/health",
    "replicas": 1.0,
    "edges": [{"container": "shop-edge", "docker": asdict(Docker())}],
    "edges_required": 1.0,
    "health": asdict(make_health(timeout=30)) | {"passes": 3.0, "timeout": 30.0},  # as Pulumi does
    "docker": asdict(Docker()),
    "drift": "",
}
OUTPUTS: dict[str, Any] = {
    "attempts": 4,
    "ready_after_ms": 100,
    "passed_after_ms": 1100,
    "reported_version": "12.4.0",
    "passed_at": "2031-01-02T03:04:05.000+00:00",
}


@pytest.fixture
def provider() -> HealthGateProvider:
    """The provider."""
    return HealthGateProvider()


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ({}, False),
        ({"drift": ""}, False),
        ({"drift": "nginx serves blue 12.3.0, the stack's outputs say green"}, True),
        ({"__provider": "other"}, False),
        ({"color": "blue"}, True),
        ({"version": "12.4.1"}, True),
        ({"container_id": "c2"}, True),
        ({"url": "http://shop-green:3000/healthz"}, True),
        ({"edges": []}, True),
        ({"health": INPUTS["health"] | {"passes": 9}}, True),
        ({"docker": INPUTS["docker"] | {"host": "ssh://far"}}, True),
    ],
    ids=lambda value: str(value)[:50],
)
def test_the_gate_runs_again_for_what_changes_its_verdict(
    provider: HealthGateProvider, changed: dict[str, Any], runs: bool
) -> None:
    """Outputs are no inputs, and the provider's own code is no reason."""
    olds = {**INPUTS, **OUTPUTS, "__provider": "code"}
    news = {**INPUTS, **dict.fromkeys(OUTPUTS), "__provider": "code", **changed}
    assert provider.diff("gate", olds, news).changes is runs


def test_a_drift_that_is_over_is_no_reason_to_run(provider: HealthGateProvider) -> None:
    """The update after the one that put things right shows no change."""
    olds = {**INPUTS, **OUTPUTS, "drift": "nginx serves blue"}
    assert provider.diff("gate", olds, INPUTS).changes is False


class Target:
    """What curl says of the target, and nginx's config of what serves."""

    def __init__(self, folder: Path, docker: FakeDocker) -> None:
        self.folder, self.docker = folder, docker
        self.answers(GOOD)

    def answers(self, body: object, status: int = 200) -> None:
        """Let curl print this."""
        self.prints(f"HTTP/1.1 {status} X\r\n\r\n{json.dumps(body)}")

    def prints(self, text: str) -> None:
        """Let curl print this."""
        (self.folder / "answer").write_text(text, newline="")
        self.docker.put("curl", f"#!/bin/sh\ncat '{self.folder}/answer'\n")

    def serving(self, color: str, version: str) -> None:
        """Let this color be live."""
        (self.folder / "nginx.conf").write_text(
            f"# bluegreen color={color} version={version} generation=3 since=then config=abc\n"
        )
        if color == "green":
            (self.folder / "green").touch()


@pytest.fixture
def target(tmp_path: Path, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A healthy target."""
    monkeypatch.setattr("bluegreen.edge.nginx.folder_of", lambda _: str(tmp_path))
    return Target(tmp_path, fake_docker)


def refusal(provider: HealthGateProvider) -> str:
    """What the gate says when it does not pass."""
    with pytest.raises(GateFailed) as failed:
        provider.create(INPUTS | {"health": asdict(make_health(timeout=0.5))})
    return str(failed.value)


def test_a_gate_that_passes_hands_its_inputs_on_with_what_it_saw(
    provider: HealthGateProvider, target: Target
) -> None:
    """The color above all: the switch takes it from here."""
    created = provider.create(INPUTS)
    assert created.id == "gate"
    assert created.outs
    assert {key: created.outs[key] for key in INPUTS} == INPUTS
    assert created.outs.keys() == INPUTS.keys() | OUTPUTS.keys()
    assert (created.outs["attempts"], created.outs["reported_version"]) == (3, "12.4.0")
    assert 0 <= created.outs["ready_after_ms"] <= created.outs["passed_after_ms"]


def test_an_update_of_the_gate_gives_outputs_too(
    provider: HealthGateProvider, target: Target
) -> None:
    """An update without outputs would leave the switch without its color."""
    updated = provider.update("gate", INPUTS, INPUTS | {"version": "12.4"})
    assert updated.outs
    assert updated.outs["color"] == "green"


@pytest.mark.parametrize(("old_id", "passes"), [("c1", True), ("c0", False)])
def test_a_restart_counts_against_a_new_container_only(
    provider: HealthGateProvider, target: Target, old_id: str, passes: bool
) -> None:
    """A color that has stood by may have restarted long ago."""
    target.docker.does("inspect", "echo running 0 1 false")
    olds = INPUTS | {"container_id": old_id}
    if passes:
        assert provider.update("gate", olds, INPUTS).outs
    else:
        with pytest.raises(GateFailed, match="exited and is being restarted"):
            provider.update("gate", olds, INPUTS)


def test_a_failure_shows_the_log_first_and_says_it_all_in_its_last_line(
    provider: HealthGateProvider, target: Target
) -> None:
    """Asked what, of whom, how often, what came, what serves, what to do."""
    target.answers({"database": "failing"}, 503)
    target.serving("blue", "12.3.0")
    target.docker.does("logs", "echo starting; echo 'no such table' >&2")
    first, *log, last = refusal(provider).splitlines()
    assert first == "The last lines of shop-green's log:"
    assert log == ["    | starting", "    | no such table"]
    assert last.startswith(
        "green 12.4.0 did not pass the health gate: 0 of 3 passes within 0.5 s "
        "(GET http://shop-green:3000/api/health tried "
    )
    assert re.search(r"tried \d+ times in \d\.\d s, last answer", last)
    assert last.endswith(
        'last answer: 503 {"database": "failing"}). Nothing was switched: blue 12.3.0 keeps '
        "serving. Next: fix green_version, its settings or `health` and run `pulumi up` again, "
        "or revert active_color and your other changes."
    )


def test_an_answer_of_many_lines_does_not_break_the_last_line(
    provider: HealthGateProvider, target: Target
) -> None:
    """Error pages are HTML."""
    target.prints("HTTP/1.1 502 X\r\n\r\n<html>\r\n<h1>Bad\nGateway</h1>\r\n</html>\n")
    last = refusal(provider).splitlines()[-1]
    assert last.startswith("green 12.4.0 did not pass the health gate: ")
    assert "last answer: 502 <html> <h1>Bad Gateway</h1> </html>)" in last


def test_a_failed_first_release_says_that_no_color_is_live(
    provider: HealthGateProvider, target: Target
) -> None:
    """And a log without lines is told as empty."""
    target.answers({}, 503)
    said = refusal(provider)
    assert "Nothing was switched: no color is live. Next: " in said
    assert said.startswith("The last lines of shop-green's log:\n    | (empty)\n")


def test_a_container_that_has_exited_fails_the_gate_at_once(
    provider: HealthGateProvider, target: Target
) -> None:
    """With how it ended; its port is not asked any more."""
    target.docker.does("inspect", "echo exited 1 0 false")
    assert re.search(
        r"green 12\.4\.0 did not pass the health gate: its container exited with 1 "
        r"\(GET \S+ tried 0 times in \d\.\d s, last answer: not asked yet\)",
        refusal(provider),
    )


def test_an_edge_that_is_not_there_fails_the_gate_plainly(
    provider: HealthGateProvider, target: Target
) -> None:
    """There is nowhere to ask from."""
    target.docker.does("exec", "echo 'Error: No such container: shop-edge' >&2; exit 1")
    with pytest.raises(GateFailed, match=r"No such container: shop-edge.*docker start shop-edge"):
        provider.create(INPUTS)


@pytest.fixture
def _format_exc_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traceback, "format_exc", traceback.format_exc)


@pytest.mark.usefixtures("_format_exc_is_put_back")
@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (GateFailed("the log\ngreen did not pass"), "the log\ngreen did not pass"),
        (EdgeUnreachable("no edge"), "no edge"),
        (ValueError("a bug of ours"), None),
    ],
)
def test_the_message_takes_the_tracebacks_place_for_errors_meant_for_users_only(
    provider: HealthGateProvider, error: Exception, shown: str | None
) -> None:
    """Pulumi shows what format_exc gives; a bug keeps its traceback."""
    provider.configure(ConfigureRequest({}))  # type: ignore[arg-type]
    try:
        raise error
    except Exception:
        said = traceback.format_exc()
    if shown is None:
        assert said.startswith("Traceback ")
        assert said.endswith("ValueError: a bug of ours\n")
    else:
        assert said == shown


def test_the_provider_is_pickled_by_reference() -> None:
    """In an importable module, without state: an edit of its code shows no change in a preview."""
    assert vars(HealthGateProvider()) == {}
    assert HealthGateProvider.serialize_as_secret_always is False


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("bluegreen.resources.gate", "HealthGateProvider"),
        ("bluegreen.resources.data_step", "DataStepProvider"),
        ("bluegreen.platforms.swarm.scale", "ScaleProvider"),
        ("bluegreen.gate", "HealthGateProvider"),
        ("bluegreen.data.step", "DataStepProvider"),
        ("bluegreen.swarm.scale", "ScaleProvider"),
    ],
)
def test_a_provider_is_found_by_every_name_that_a_state_may_have(module: str, name: str) -> None:
    """`pulumi destroy` loads it by the name in the state, and must not need the program for it."""
    by_name = f"import pickle; print(pickle.loads(b'c{module}\\n{name}\\n.').__name__)"
    done = subprocess.run(
        [sys.executable, "-c", by_name], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{name}\n", done.stderr


def test_a_provider_ends_with_its_engine_however_that_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kill -9 of pulumi leaves no process behind that nobody needs."""
    ended = threading.Event()
    monkeypatch.setattr(dynamic, "ENGINE_PULSE", 0.01)
    monkeypatch.setattr(os, "_exit", lambda _code: ended.set())
    with socket.create_server(("127.0.0.1", 0)) as engine:
        host, port = engine.getsockname()
        dynamic._end_with_the_engine(f"{host}:{port}")
        engine.accept()[0].close()
        assert not ended.is_set()
    assert ended.wait(5)

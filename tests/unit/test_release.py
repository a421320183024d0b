"""Which color `bluegreen deploy` releases; what it runs is a test's own."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bluegreen.cli import release
from bluegreen.cli.progress import Progress
from bluegreen.cli.project import Project
from bluegreen.edge.state import State
from bluegreen.plan.update import PLAN_FILE


def project(active: str, *history: tuple[str, str]) -> Project:
    """A stack whose file and nginx agree on a color, with these updates, the newest first."""
    versions = {"blue_version": "12.3.0", "green_version": "12.4.0"}
    updates = [
        SimpleNamespace(result=result, config={"active_color": SimpleNamespace(value=color)})
        for color, result in history
    ]
    made = SimpleNamespace(
        create=lambda: None,
        edge=lambda: State(active, versions[f"{active}_version"], 3, "then", "abc"),
        file=SimpleNamespace(data={}, active_color=active, get=lambda key: versions.get(key, "")),
        history=lambda: updates,
        ours=lambda config: config,
    )
    return cast("Project", made)


@pytest.mark.parametrize(
    ("history", "released"),
    [
        ([("green", "succeeded"), ("blue", "succeeded")], ("blue", "12.4.0")),
        ([("blue", "failed"), ("green", "succeeded")], ("blue", "12.4.0")),
        ([("blue", "succeeded")], ("green", "12.4.0")),
        ([("green", "failed"), ("blue", "succeeded")], ("green", "12.4.0")),
        ([], ("green", "12.4.0")),
    ],
)
def test_the_same_command_ends_an_update_that_was_killed_behind_its_switch(
    monkeypatch: pytest.MonkeyPatch, history: list[tuple[str, str]], released: tuple[str, str]
) -> None:
    """Green is live, and no update that ended well says so; else it goes to the idle color."""
    asked: list[Any] = []
    monkeypatch.setattr(release, "release", lambda _p, *what, **_more: asked.append(what[:2]))
    release.deploy(project("green", *history), "12.4.0", Progress(quiet=True), yes=True, git=False)
    assert asked == [released]


def test_what_a_preview_is_told_is_not_told_to_the_update_after_it(tmp_path: Path) -> None:
    """The plan's file is gone by then, and the update would fail to write it."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    shop = Project(tmp_path, "dev")
    workspace = SimpleNamespace(env_vars={"MINE": "1"})

    def preview(**_how: Any) -> None:
        file = Path(workspace.env_vars[PLAN_FILE])
        file.write_text('{"words": ["release blue"], "refused": false, "reasons": []}')

    shop.__dict__["stack"] = SimpleNamespace(workspace=workspace, preview=preview)
    assert shop.preview(lambda _event: None).words == ["release blue"]
    assert workspace.env_vars == {"MINE": "1"}
    assert PLAN_FILE not in os.environ


@pytest.mark.parametrize(("severity", "told"), [("info#err", True), ("debug", False)])
def test_what_a_provider_says_is_told_and_what_the_sdk_debugs_is_not(
    capsys: pytest.CaptureFixture[str], severity: str, *, told: bool
) -> None:
    """Both come without a resource, while a phase is under way."""
    progress = Progress()
    urn = "urn:pulumi:dev::shop::pulumi-python:dynamic/bluegreen:HealthGate::gate"
    events: dict[str, Any] = dict.fromkeys(
        ("resource_pre_event", "res_outputs_event", "res_op_failed_event", "diagnostic_event")
    )
    begun = SimpleNamespace(metadata=SimpleNamespace(urn=urn, op="update"))
    said = SimpleNamespace(message="attempt 1", urn="", severity=severity)
    for event in ({"resource_pre_event": begun}, {"diagnostic_event": said}):
        progress(cast("Any", SimpleNamespace(**events | event)))
    assert ("attempt 1" in capsys.readouterr().out) is told

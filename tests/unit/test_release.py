"""Which color `bluegreen deploy` releases; what it runs is a test's own."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bluegreen.cli import release
from bluegreen.cli.progress import Progress
from bluegreen.cli.project import Project
from bluegreen.edge.state import State


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

"""The fault matrix: what makes a row green, and how a release's boundaries are read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import evidence.load as load
from evidence.chaos import matrix, rows
from evidence.chaos.fault import Fault, Scene, TooLate
from evidence.chaos.kills import Length, at_moment
from evidence.chaos.release import boundaries_in, boundaries_said
from evidence.chaos.rows import RECOVER, SAME, Row
from evidence.chaos.trial import judge

GOOD: dict[str, Any] = {
    "started": 0.0,
    "seconds": 10.0,
    "requests": 1000,
    "by_color": {"blue": 500, "green": 500},
    "writes": load.Writes(sent=100, acknowledged=100, verified=True),
}
FAILED = {"failed": {"fresh": {"refused": 3}}, "failures": {4: {"fresh refused": 3}}}


def nothing(_scene: Scene) -> None:
    """Do no harm."""


FAULT = Fault("a fault", nothing)
SPARED = Fault("a fault", nothing, spared="a reason", outage=1)


def report(**changed: Any) -> load.Report:
    """A load's report; nothing went wrong in it but what is changed."""
    return load.Report(**GOOD | changed)


def test_a_trial_without_any_loss_has_no_problem() -> None:
    """Both colors served, all was answered, every acknowledged write is there."""
    assert judge(FAULT, report()) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (FAILED, "requests failed, but none may"),
        ({"by_color": {"blue": 500, "red": 1}}, "answers came from neither color"),
        ({"writes": load.Writes(100, 100, 1, 0, verified=True)}, "acknowledged writes"),
        ({"writes": load.Writes(100, 100, 0, 1, verified=True)}, "acknowledged writes"),
        ({"writes": load.Writes(100, 100)}, "acknowledged writes"),
    ],
)
def test_whatever_users_must_not_meet_is_a_problem(changed: dict[str, Any], told: str) -> None:
    """A failed request, a strange color, a write that is lost, doubled or was not looked for."""
    assert told in judge(FAULT, report(**changed))[0]


def test_a_trial_without_a_report_is_no_success() -> None:
    """But for a first release, before which nothing serves."""
    assert judge(FAULT, None)
    assert not judge(Fault("a fault", nothing, first=True), None)


def test_a_fault_that_costs_requests_is_bounded_and_never_costs_a_write() -> None:
    """What is spared is spared for so many seconds, and no longer."""
    assert judge(SPARED, report(**FAILED)) == []
    longer = FAILED | {"failures": {second: {"fresh refused": 1} for second in range(3)}}
    assert "in 3 seconds, allowed: 1" in judge(SPARED, report(**longer))[0]
    lost = FAILED | {"writes": load.Writes(100, 100, 1, 0, verified=True)}
    assert "acknowledged writes" in judge(SPARED, report(**lost))[0]


def event(kind: str, op: str, name: str) -> dict[str, Any]:
    """One of the engine's events."""
    urn = f"urn:pulumi:t::bluegreen::bluegreen:index:Service$docker:x::{name}"
    return {kind: {"metadata": {"op": op, "urn": urn}}}


def test_the_boundaries_of_a_release_are_the_engines_events() -> None:
    """Colors by their role; steps that change nothing are none."""
    said = {"urn": "urn:pulumi:t::p::command:local:Command::switch", "message": "baking, 3 s left"}
    events = [
        event("resourcePreEvent", "same", "edge"),
        event("resourcePreEvent", "create", "image-green"),
        event("resOutputsEvent", "create", "green"),
        event("resourcePreEvent", "update", "gate"),
        {"diagnosticEvent": said},
        event("resourcePreEvent", "delete", "blue"),
    ]
    assert list(boundaries_in(iter(events), "green")) == [
        "create image of target begun",
        "create target done",
        "update gate begun",
        "baking",
        "delete outgoing begun",
    ]


def test_the_command_tells_the_same_boundaries_in_its_own_words() -> None:
    """It keeps the engine's events to itself."""
    lines = [
        "green container …",
        "green container done, 0.6 s",
        "gate …",
        "  baking, 3 s left: 0 of 427 requests answered 5xx",
        "blue retired …",
        "green 12.4.0 is live",
    ]
    assert list(boundaries_said(lines, "green")) == [
        "create target begun",
        "create target done",
        "update gate begun",
        "baking",
        "delete outgoing begun",
    ]


class FakeRelease:
    """A release whose engine is gone already."""

    engine = 0
    slept: float

    def sleep_until(self, at_ms: float) -> None:
        """Note it."""
        self.slept = at_ms


class FakeScene:
    """A scene with such a release."""

    def __init__(self) -> None:
        self.release = FakeRelease()

    def strike(self, act: Callable[[], object]) -> None:
        """Do it."""
        act()


def test_a_kill_that_comes_too_late_is_no_trial() -> None:
    """The next ones come sooner; each in the middle of its share of a release."""
    length, scene = Length(4000), FakeScene()
    fault = at_moment(40, 40, length)
    with pytest.raises(TooLate):
        fault.act(cast("Scene", scene))
    assert scene.release.slept == 3950
    assert length.milliseconds < 4000


def test_every_fault_has_a_name_of_its_own_and_what_is_spared_a_reason_and_a_bound() -> None:
    """By its name it is played again."""
    names = [fault.name for fault in matrix.named()]
    assert len(names) == len(set(names))
    for fault in matrix.named():
        assert bool(fault.spared) == bool(fault.outage), fault.name


def test_the_matrix_is_written_as_it_is_read(tmp_path: Path) -> None:
    """Skipped and red rows say why; what says nothing is left out."""
    found = [
        Row("one", 1200, 300, 0, 0, True, SAME),
        Row("two", 1300, 300, 2, 0, True, RECOVER, spared="a reason", failing_seconds=1),
        Row("three", 1, 3, 1, 1, False, rows.NOTHING, problems=("a problem",)),
        rows.skipped("four", "only root can make this fault"),
    ]
    path = tmp_path / "out" / "chaos.json"
    rows.write(found, path)
    assert rows.read(path) == found
    verdicts = [each["verdict"] for each in json.loads(path.read_text())]
    assert verdicts == ["green", "green", "red", "skipped"]
    assert rows.summary(found).startswith(
        "chaos: 4 rows, 2 green, 1 red, 1 skipped; 603 requests, 3 failed"
    )

"""Which copy of the data each color runs on, and what the preview says of it."""

from typing import Any

import pytest

from bluegreen.config.settings import Settings
from bluegreen.data.plan import DataPlan, describe_data, plan_data
from bluegreen.data.snapshots import copy_name, moment_of
from bluegreen.docker.facts import Container
from bluegreen.edge.state import State
from bluegreen.errors import ConfigError
from tests.unit.examples import make_settings

URL = "postgres://grafana:secret@db/grafana"
EDGE = State("blue", "12.4.0", 3, "2031-01-02T00:00:00+00:00", "abc")
NEW = "20310102-030405-000006"


def settings(mode: str, target: str = "green", **data: Any) -> Settings:
    """Settings of a mode, with green to be released."""
    more: dict[str, Any] = {"data": {"mode": mode} | data, "green_version": "12.5.0"}
    if mode == "external":
        more |= {"database_url": URL}
    return make_settings(active_color=target, secrets=["database_url"], **more)


def planned(found: Settings, live: str = "blue", copy: str = "") -> DataPlan:
    """The plan while a color is live on a copy."""
    return plan_data(found, live, {live: Container("running", "", copy)}, "", NEW)


def test_both_colors_share_one_volume() -> None:
    """And a snapshot of it is taken first."""
    assert planned(settings("shared")) == DataPlan({"blue": "", "green": ""}, "", "snapshot")


def test_a_clone_is_made_for_the_target_alone() -> None:
    """The outgoing color keeps what it has."""
    plan = planned(settings("clone"), copy="a")
    assert plan == DataPlan({"green": NEW, "blue": "a"}, "a", "clone", True)


def test_an_update_without_a_release_keeps_the_live_clone() -> None:
    """By the live container's label, whatever the stack's outputs say."""
    found = plan_data(settings("clone", "blue"), "blue", {"blue": Container("", "", "a")}, "b", NEW)
    assert (found.copies["blue"], found.act, found.changes) == ("a", "", False)


def test_a_way_back_takes_the_copy_that_is_named() -> None:
    """`first` is the volume that the data began in."""
    plan = planned(settings("clone", copy="first"), copy="a")
    assert (plan.copies["green"], plan.act, plan.changes) == ("", "", True)


def test_two_colors_never_run_on_one_clone() -> None:
    """A name left over in the config is told."""
    with pytest.raises(ConfigError, match=r"data.copy: a is what blue runs on"):
        planned(settings("clone", copy="a"), copy="a")


def test_an_external_database_is_checked_also_for_the_first_release() -> None:
    """A wrong password is told before anything is started."""
    assert plan_data(settings("external"), "", {}, "", NEW).act == "check"
    assert plan_data(settings("shared"), "", {}, "", NEW).act == ""


def test_nothing_is_done_when_nothing_starts() -> None:
    """No snapshot without a release."""
    assert planned(settings("shared")).due(False).act == ""
    assert planned(settings("shared")).due(True).act == "snapshot"


@pytest.mark.parametrize(
    ("found", "copy", "words"),
    [
        (settings("shared"), "", ["shared: both colors use volume s-data;", "a snapshot is taken"]),
        (
            make_settings(active_color="green", green_version="1", data_path="/data"),
            "",
            ["writes continue if its SQLite databases are in WAL mode; if not, writes wait"],
        ),
        (settings("clone"), "", ["clone: green starts on a copy of volume s-data", "503 with"]),
        (
            settings("clone", block_writes=False, allow_loss=True),
            "",
            ["what is written to blue from then on is LOST"],
        ),
        (settings("external", dump=True), "", ["PostgreSQL database grafana on db:5432", "dumped"]),
        (make_settings(active_color="green", green_version="1", data_path=""), "", ["none: "]),
        (
            settings("shared", copy="20310101-000000-000000-r111111"),
            "",
            ["since 2031-01-01T00:00:00+00:00 is NOT in it, and stays in volume s-data"],
        ),
    ],
)
def test_the_preview_says_it_in_one_line(found: Settings, copy: str, words: list[str]) -> None:
    """Where the data is, what is done, what is lost; never the password."""
    said = describe_data(found, "s", planned(found, copy=copy), EDGE, {})
    for word in words:
        assert word in said
    assert "\n" not in said
    assert "secret" not in said


def test_a_rollback_says_since_when_writes_are_left_behind() -> None:
    """The moment at which users left the copy that is gone back to."""
    found = settings("clone", copy="a")
    recorded = {"before": "a", "at": "2031-01-01T00:00:00.5+00:00"}
    said = describe_data(found, "s", planned(found, copy="b"), EDGE, recorded)
    assert "what was written since 2031-01-01T00:00:00.5+00:00 is NOT in it" in said
    restored = describe_data(found, "s", planned(found, copy="b"), EDGE, {"before": "a"})
    assert "what was written since 2031-01-02T00:00:00+00:00 is NOT in it" in restored


def test_a_copys_name_tells_the_moment_of_its_snapshot() -> None:
    """A clone's does not: it is made before its moment is known."""
    assert moment_of(copy_name("20310101-000000-500000")) == "2031-01-01T00:00:00.500000+00:00"
    assert moment_of(copy_name()) == ""

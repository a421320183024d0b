"""Data that is gone is missed before anything starts; what is not known is not gone."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from bluegreen.config.parts import MODES
from bluegreen.config.settings import Docker, Settings
from bluegreen.data import modes, tools
from bluegreen.data.missing import missing_data
from bluegreen.data.plan import plan_data
from bluegreen.data.snapshots import RELEASE, Store
from bluegreen.docker.facts import Container
from bluegreen.edge.state import State
from bluegreen.errors import DataFailed
from tests.unit.conftest import FakeDocker
from tests.unit.examples import ROOT, make_settings

EDGE = State("blue", "12.4.0", 3, "2031-01-02T00:00:00+00:00", "abc")
NEW = "20310102-030405-000006"
URL = "postgres://grafana:secret@db/grafana"
SNAPSHOT = {
    "id": "20310101-000000-000000",
    "at": "2031-01-01T00:00:00+00:00",
    "color": "green",
    "version": "12.3.0",
    "reason": RELEASE,
}


@pytest.fixture
def docker(fake_docker: FakeDocker) -> FakeDocker:
    """A Docker that has no volume but that of the snapshots, with one in it."""
    fake_docker.does(
        "volume",
        'case "$*" in *shop-dev-snapshots*) exit 0 ;; esac; '
        'echo "Error: No such volume: x" >&2; exit 1',
    )
    listed = json.dumps({"snapshots": [SNAPSHOT]})
    fake_docker.does("run", f"cat >/dev/null; echo '{listed}'")
    return fake_docker


def settings(mode: str, **data: Any) -> Settings:
    """Settings of a mode, with green to be released."""
    more: dict[str, Any] = {"data": {"mode": mode} | data, "green_version": "12.5.0"}
    more |= {"database_url": URL} if mode == "external" else {}
    more |= {"data_path": ""} if mode == "none" else {}
    return make_settings(active_color="green", secrets=["database_url"], **more)


def reasons(
    found: Settings,
    *,
    live: str = "blue",
    copy: str = "",
    recorded: Mapping[str, str] | None = None,
    known: Collection[str] = (),
    runs: bool = True,
) -> list[str]:
    """Why an update is refused, whose live color runs on a copy of the data."""
    containers = {live: Container("running", "", copy)} if live and runs else {}
    told = {"mode": found.data.mode, "copy": copy, "before": "", "at": ""} if live else {}
    plan = plan_data(found, live, containers, copy, NEW)
    return missing_data(
        found,
        "shop-dev",
        "dev",
        plan,
        live=live,
        edge=EDGE if live else None,
        recorded=told | dict(recorded or {}),
        containers=containers,
        known=known,
    )


def test_a_rollback_names_what_is_gone_since_when_and_what_can_be_restored(
    docker: FakeDocker,
) -> None:
    """All of it in one reason; nothing was made by asking."""
    found = settings("clone", copy="first")
    (reason,) = reasons(
        found,
        copy="b",
        recorded={"before": "", "at": "2030-12-31T00:00:00+00:00"},
        known={"shop-dev-data-b", "shop-dev-data-c", "shop-dev-edge-config"},
    )
    assert "volume shop-dev-data does not exist, and green would run on it" in reason
    assert "it had the data as of 2030-12-31T00:00:00+00:00" in reason
    assert "green 12.3.0 at 2031-01-01T00:00:00+00:00: " in reason
    assert "`bluegreen snapshot restore 20310101-000000-000000 --stack dev`" in reason
    assert "volume shop-dev-data-c: `copy: c` in `data`" in reason
    assert "edge-config" not in reason
    assert not [line for line in docker.asked() if "create" in line]


@pytest.mark.parametrize(
    ("found", "more", "words"),
    [
        (settings("shared"), {"runs": False}, "shop-dev-data does not exist, and green would run"),
        (settings("shared", copy="x"), {}, "shop-dev-data-x does not exist, and green would run"),
        (settings("shared", copy="x"), {"live": ""}, "shop-dev-data-x does not exist"),
        (settings("clone"), {"runs": False, "copy": "a"}, "data-a does not exist, and green would"),
    ],
)
def test_each_kind_of_data_is_missed(
    docker: FakeDocker, found: Settings, more: dict[str, Any], words: str
) -> None:
    """A shared volume, a copy that is named, and what a clone would be made of."""
    (reason,) = reasons(found, **more)
    assert words in reason


@pytest.mark.parametrize(
    ("found", "more"),
    [
        (settings("shared"), {"live": ""}),
        (settings("clone"), {"live": ""}),
        (settings("clone", copy="first"), {"live": ""}),
        (settings("shared"), {"runs": False, "recorded": {"mode": "none"}}),
        (settings("shared"), {}),
        (settings("clone"), {"copy": "a"}),
        (settings("external"), {"runs": False}),
        (settings("none"), {"runs": False}),
        (settings("shared"), {"runs": False, "known": {"shop-dev-data"}}),
    ],
)
def test_what_was_never_there_or_is_in_use_is_not_missed(
    docker: FakeDocker, found: Settings, more: dict[str, Any]
) -> None:
    """A first release, a new mode, a volume of a container that is there."""
    assert reasons(found, **more) == []


def test_a_docker_that_does_not_answer_says_nothing_of_what_is_gone(
    fake_docker: FakeDocker,
) -> None:
    """Unknown is not none: the update fails elsewhere, and says why."""
    fake_docker.does("volume", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
    assert reasons(settings("shared"), runs=False) == []


def test_no_container_is_run_on_a_volume_that_is_gone(docker: FakeDocker) -> None:
    """Docker would make it: it is looked for before each run."""
    with pytest.raises(DataFailed, match="volume shop-dev-data does not exist"):
        tools.run(Docker(), "image", ["true"], "", {"/data": "shop-dev-data"}, service="shop-dev")
    assert not [line for line in docker.asked() if line.startswith("run")]


def test_who_finds_another_at_work_on_the_snapshots_says_so_and_waits(
    docker: FakeDocker, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first try does not wait, so that it can be told."""
    manifest = json.dumps(SNAPSHOT)
    waits = """case "$*" in *'"wait": true'*) ;; *) exit 75 ;; esac"""
    docker.does("run", f"cat >/dev/null; {waits}; echo '{manifest}'")
    assert Store(Docker(), "image", "shop-dev").verify(SNAPSHOT["id"]).version == "12.3.0"
    assert "another snapshot of this stack is being taken" in capsys.readouterr().err


def test_there_is_a_module_for_each_mode_and_nobody_else_asks_which_it_is() -> None:
    """Only how it is read from the config knows their names."""
    assert set(modes.KINDS) == set(MODES)
    asks = re.compile(r"""mode["')\]]*\s*(==|!=|(not )?in)\s*[("']""")
    files = [
        file
        for file in (ROOT / "bluegreen").rglob("*.py")
        if asks.search(file.read_text()) and "modes" not in file.parts
    ]
    assert [str(file.relative_to(ROOT)) for file in files] == ["bluegreen/config/data.py"]

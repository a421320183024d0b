"""Holding writes back, with an edge whose shell is one of this machine."""

import os
from pathlib import Path

import pytest

from bluegreen.config.settings import Docker
from bluegreen.edge import hold
from bluegreen.edge.hold import Hold
from bluegreen.errors import DataFailed
from evidence.lab.processes import wait_for
from tests.unit.conftest import FakeDocker


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The flags in a folder of the test's own."""
    folder = tmp_path / "shm"
    monkeypatch.setattr(hold, "flags_of", lambda _: str(folder))
    monkeypatch.setattr(hold, "flag_of", lambda _, color: f"{folder}/held-{color}")
    # What waits for the longest hold's end is in the edge there; here it would outlive the test.
    script = hold._HOLD.replace(f"sleep {hold.MOST_SECONDS}", "sleep 20")
    monkeypatch.setattr(hold, "_HOLD", script)
    return folder


def answering(docker: FakeDocker, *statuses: str) -> None:
    """An nginx whose count of writes answers these, the last for good."""
    (docker.folder / "answers").write_text("\n".join(statuses))
    docker.put(
        "curl",
        f'#!/bin/sh\ncd {docker.folder}; head -n 1 answers | tr -d "\\n"\n'
        "[ $(wc -l <answers) -gt 0 ] && sed -i 1d answers; true\n",
    )


def test_both_colors_writes_are_held_until_it_lets_go(fake_docker: FakeDocker, flags: Path) -> None:
    """By a file each, with the token in it that a switch must name."""
    answering(fake_docker, "204")
    held = Hold("edge", "shop", Docker())
    assert {file.read_text().strip() for file in flags.glob("held-*")} == {held.token}
    assert {file.name for file in flags.iterdir()} == {"held-blue", "held-green"}
    held.let_go()
    assert list(flags.iterdir()) == []


def test_what_a_switch_has_taken_over_is_not_let_go(fake_docker: FakeDocker, flags: Path) -> None:
    """The switch lets go itself, when it is confirmed or has gone back."""
    answering(fake_docker, "204")
    held = Hold("edge", "shop", Docker())
    (flags / "held-blue").write_text("of the switch\n")
    held.let_go()
    assert [file.name for file in flags.iterdir()] == ["held-blue"]


def test_writes_under_way_are_waited_for(fake_docker: FakeDocker, flags: Path) -> None:
    """Three answers in a row that none is."""
    answering(fake_docker, "409", "204", "409", "204")
    Hold("edge", "shop", Docker()).let_go()
    assert not list(flags.iterdir())


def test_a_write_that_does_not_end_keeps_a_clone_from_being_made(
    fake_docker: FakeDocker, flags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said as such; writes go on."""
    monkeypatch.setattr(hold, "UNDER_WAY_SECONDS", 0.2)
    answering(fake_docker, "409")
    with pytest.raises(DataFailed, match=r"a write has been in flight for more than 0\.2 s"):
        Hold("edge", "shop", Docker())
    assert not list(flags.iterdir())


def test_an_nginx_that_cannot_hold_writes_back_is_told(
    fake_docker: FakeDocker, flags: Path
) -> None:
    """It serves no color, say."""
    answering(fake_docker, "000")
    with pytest.raises(DataFailed, match=r"nginx cannot hold writes: .* it answers 000"):
        Hold("edge", "shop", Docker())
    assert not list(flags.iterdir())


def test_a_killed_release_lets_writes_through(fake_docker: FakeDocker, flags: Path) -> None:
    """The shell in the edge hears of the end of whoever opened it."""
    answering(fake_docker, "204")
    if os.fork() == 0:  # the child is the release
        Hold("edge", "shop", Docker())
        os._exit(9)
    os.wait()
    wait_for(lambda: not list(flags.iterdir()), 10, "the end of the hold")

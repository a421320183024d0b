"""News of a container's end, from a fake `docker`."""

import os
from pathlib import Path

import pytest

from bluegreen.docker import watch as watching
from bluegreen.docker.watch import LOG_LINES, Watch
from tests.unit.conftest import FakeDocker


def state(
    fake: FakeDocker, status: str, code: int = 0, restarts: int = 0, oom: bool = False
) -> None:
    """Let `docker inspect` say this."""
    fake.does("inspect", f"echo {status} {code} {restarts} {str(oom).lower()}")


def test_the_end_of_a_container_is_news_at_once(fake_docker: FakeDocker, tmp_path: Path) -> None:
    """`docker wait` returns, and `died` is set."""
    end = tmp_path / "end"
    os.mkfifo(end)
    fake_docker.does("wait", f"read code < '{end}'; echo $code")
    with Watch("shop-green", fresh=True) as watch:
        assert not watch.died.is_set()
        end.write_text("1\n")
        assert watch.died.wait(20)


def test_a_running_container_is_no_news(fake_docker: FakeDocker) -> None:
    """And leaving the block does not look like its end."""
    with Watch("shop-green", fresh=True) as watch:
        pass
    assert not watch.died.wait(0.05)


@pytest.mark.parametrize(
    ("status", "restarts", "fresh", "died"),
    [
        ("running", 0, True, False),
        ("running", 1, True, True),
        ("running", 1, False, False),
        ("restarting", 1, False, True),
        ("exited", 0, False, True),
        ("created", 0, True, True),
        ("dead", 0, False, True),
    ],
)
def test_a_container_that_is_broken_already_is_seen_at_the_start(
    fake_docker: FakeDocker, status: str, restarts: int, fresh: bool, died: bool
) -> None:
    """One restart is a failure of a new container; one that stood by for long may have had it."""
    state(fake_docker, status, 1, restarts)
    with Watch("shop-green", fresh=fresh) as watch:
        assert watch.died.is_set() is died


def restarted(fake: FakeDocker, status: str, created: str, started: str, now: str) -> None:
    """Let it be one that has restarted once, with these times of the day."""
    fake.does(
        "inspect",
        f'case "$*" in *StartedAt*) echo 2031-02-03T{started}Z;; '
        f"*Created*) echo 2031-02-03T{created}Z;; *) {status} ;; esac",
    )
    fake.does("info", f"echo 2031-02-03T{now}Z")


@pytest.mark.parametrize(
    ("created", "started", "died"),
    [
        ("04:05:05.123456789", "04:05:05.8", True),
        ("04:05:00", "04:05:05.8", True),
        ("04:05:00", "04:05:02", False),
        ("?", "?", True),
    ],
)
def test_a_restart_is_forgiven_once_the_container_has_run_for_a_while(
    fake_docker: FakeDocker,
    monkeypatch: pytest.MonkeyPatch,
    created: str,
    started: str,
    died: bool,
) -> None:
    """What ailed it was mended since, a full disk, say: the same command must converge."""
    monkeypatch.setattr(watching, "SETTLE_TIMEOUT", 0.2)
    restarted(fake_docker, "echo running 0 1 false", created, started, "04:05:06.123456789")
    with Watch("shop-green", fresh=True) as watch:
        assert watch.died.is_set() is died


def test_one_that_an_earlier_update_made_is_waited_for(
    fake_docker: FakeDocker, tmp_path: Path
) -> None:
    """Docker takes its time between two starts of what crashes."""
    up = tmp_path / "up"
    status = f"[ -e {up} ] && echo running 0 1 false || echo restarting 1 1 false; touch {up}"
    restarted(fake_docker, status, "04:05:00", "04:05:02", "04:05:06")
    with Watch("shop-green", fresh=True) as watch:
        assert not watch.died.is_set()


def test_a_container_that_is_gone_is_seen_at_the_start(fake_docker: FakeDocker) -> None:
    """Removed by hand, say."""
    fake_docker.does("inspect", "echo 'No such object' >&2; exit 1")
    with Watch("shop-green", fresh=True) as watch:
        assert watch.died.is_set()
        assert watch.why() == "its container is gone"


@pytest.mark.parametrize(
    ("status", "code", "restarts", "oom", "phrase"),
    [
        ("exited", 1, 0, False, "its container exited with 1"),
        ("exited", 137, 0, True, "its container was killed for using too much memory"),
        ("restarting", 1, 3, False, "its container exited and is being restarted"),
        ("running", 0, 1, False, "its container exited and is being restarted"),
        (
            "restarting",
            137,
            1,
            True,
            "its container was killed for using too much memory and is being restarted",
        ),
    ],
)
def test_how_it_ended_is_told_as_a_phrase(
    fake_docker: FakeDocker, status: str, code: int, restarts: int, oom: bool, phrase: str
) -> None:
    """With what helps: the exit code, the restart, the memory."""
    state(fake_docker, status, code, restarts, oom)
    assert Watch("shop-green", fresh=True).why() == phrase


def test_a_kill_for_memory_is_remembered_over_the_restart(fake_docker: FakeDocker) -> None:
    """The container's state forgets it, the daemon's events do not."""
    state(fake_docker, "running", 0, 1, False)
    fake_docker.does("events", "echo oom")
    phrase = "its container was killed for using too much memory and is being restarted"
    assert Watch("shop-green", fresh=True).why() == phrase


def test_the_logs_tail_is_marked_line_by_line(fake_docker: FakeDocker) -> None:
    """Both outputs, so that nobody takes them for words of ours."""
    fake_docker.does("logs", "echo one; echo two >&2")
    assert Watch("shop-green", fresh=True).log_tail() == "    | one\n    | two"
    assert fake_docker.asked() == [f"logs --tail {LOG_LINES} shop-green"]

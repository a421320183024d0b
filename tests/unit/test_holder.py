"""Who holds an edge's ports runs nginx itself where that is not there, and only there."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bluegreen.edge import scripts
from evidence.lab.processes import wait_for


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a holder that runs, of which nothing was heard for long enough."""
    for name in ("etc", "kept"):
        (tmp_path / name).mkdir()
    known = {"ALIVE": f"{tmp_path}/alive", "ETC": f"{tmp_path}/etc", "KEPT": f"{tmp_path}/kept"}
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | known | {"QUIET_SECONDS": "1"})
    running = subprocess.Popen(["sh", "-ec", scripts.hold_ports()], start_new_session=True)
    yield tmp_path
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def heard(holder: Path, what: str, seconds: float, until: Callable[[], bool]) -> bool:
    """Whether it comes to that while nginx gives this sign of life."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        (holder / "alive").write_text(f"{what}\n")
        time.sleep(0.2)
    return until()


# What becomes nginx only after a while; a shell in the background does not take the signal.
STARTS_SLOWLY = """
echo $$ >{folder}/stands-in
sleep 3
exec {python} -c '
import signal, sys
signal.signal(signal.SIGQUIT, lambda *_: sys.exit())
signal.pause()
'
"""


def test_what_stands_in_goes_when_nginx_listens_however_early_that_is(holder: Path) -> None:
    """Otherwise two would have the ports for good, and one of them does not know what is live."""
    start = STARTS_SLOWLY.format(folder=holder, python=sys.executable)
    (holder / "kept" / "bluegreen-start.sh").write_text(start)
    stands_in = holder / "stands-in"
    wait_for(stands_in.exists, 10, "the holder to stand in")
    pid = int(stands_in.read_text())

    def gone() -> bool:
        return "Z" in status_of(pid)

    assert not heard(holder, "starting", 5, gone)
    assert heard(holder, "listens", 10, gone)


def status_of(pid: int) -> str:
    """Of a process; a zombie for one that is not there."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


def test_nobody_stands_in_for_an_nginx_that_is_starting(holder: Path) -> None:
    """However long the holder waited for it, and however long it takes."""
    time.sleep(2.5)  # longer than it bears with silence
    (holder / "alive").write_text("starting\n")
    (holder / "kept" / "bluegreen-start.sh").write_text(f"touch {holder}/stands-in")
    assert not heard(holder, "starting", 3, (holder / "stands-in").exists)

"""Processes of an experiment: found by descent, ended by id, and events awaited."""

import os
import signal
import time
from collections.abc import Callable, Iterable

from evidence.lab.host import LabFailed

POLL = 0.02
# Before a command: it is told to end when the thread that started it does, killed or not.
MORTAL = ("setpriv", "--pdeathsig", "TERM")


def words(pid: int) -> str:
    """A process's command line, "" when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().replace("\0", " ")
    except OSError:
        return ""


def everything_below(pid: int) -> list[int]:
    """A process and all its descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop(0))
        queue += children.get(found[-1], [])
    return [each for each in found if words(each)]


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to each, by its id; kill -9 unless told otherwise."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_for(event: Callable[[], object], seconds: float = 60, what: str = "it") -> None:
    """Ask until it is so.

    Raises:
        LabFailed: it was not within these seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if event():
            return
        now = time.monotonic()
        if now > deadline:
            raise LabFailed(f"{what} did not come to be within {seconds:g} s")
        # What is dear to ask, such as a container, is asked less often: to wait must cost little
        # on a machine whose load is what is measured.
        time.sleep(max(POLL, 3 * (now - asked)))

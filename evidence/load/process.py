"""The load in a process of its own, so that a busy caller does not slow it down.

The child is ``python -m evidence.load --controlled``: it answers a line ``snapshot`` on its
standard input with a report on one line, and ``stop``, or the end of the input, with the last.
"""

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import LoadError
from .options import as_arguments
from .plan import Plan, Target
from .report import Report

UNDER_WAY = "under way"
UNDER_WAY_SECONDS = 20.0
SNAPSHOT_SECONDS = 10.0
SETTLE_SECONDS = 60.0


class Running:
    """A load that runs in its own process."""

    def __init__(self, process: subprocess.Popen[str], plan: Plan, complaints: IO[str]) -> None:
        """Take over a started child."""
        self._process = process
        self._plan = plan
        self._complaints = complaints
        self._report: Report | None = None

    @property
    def report(self) -> Report:
        """The final report, after the stop; the counts so far before."""
        return self._report or self.snapshot()

    def snapshot(self) -> Report:
        """Return the counts so far."""
        return Report.from_json(self._ask("snapshot", SNAPSHOT_SECONDS))

    def stop(self) -> Report:
        """Stop; return the final report."""
        if self._report is None:
            # The clients finish what they have asked for, then the writes are looked for.
            limit = max(self._plan.timeout, self._plan.slow_timeout) + SETTLE_SECONDS
            self._report = Report.from_json(self._ask("stop", limit))
        return self._report

    def wait_under_way(self) -> None:
        """Return when every kind of client has met a first fate, good or bad."""
        said = self._read_line(UNDER_WAY_SECONDS)
        if said != UNDER_WAY:
            raise LoadError(f"the load said {said!r} instead of {UNDER_WAY!r}")

    def _ask(self, command: str, limit: float) -> str:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._gone() from error
        return self._read_line(limit)

    def _read_line(self, limit: float) -> str:
        stdout = self._process.stdout
        assert stdout is not None
        # One line is asked for at a time, so that nothing can be waiting in Python's own buffer.
        readable, _, _ = select.select([stdout], [], [], limit)
        if not readable:
            raise LoadError(f"the load's process said nothing for {limit:g} s")
        line = stdout.readline()
        if not line:
            raise self._gone()
        return line.rstrip("\n")

    def _gone(self) -> LoadError:
        code = self._process.wait()
        self._complaints.seek(0)
        return LoadError(f"the load's process ended with {code}: {self._complaints.read()[-2000:]}")


@contextmanager
def running(
    target: Target | str, plan: Plan | None = None, within: Sequence[str] = ()
) -> Iterator[Running]:
    """Run a load beside the block; its report is there when the block is left.

    `within` is a command that the load's process is started through, such as nsenter: the
    target is on the machine that it enters.
    """
    target = target if isinstance(target, Target) else Target(target)
    plan = plan or Plan()
    code = str(Path(__file__).parents[2])
    paths = [code, *filter(None, [os.environ.get("PYTHONPATH")])]
    # A file and not a pipe: nobody reads it until the end, and a full pipe would stop the child.
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            [
                *within,
                sys.executable,
                "-m",
                "evidence.load",
                "--controlled",
                *as_arguments(target, plan),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            # Ctrl-C is for the caller, which then stops the load and still gets its report.
            start_new_session=True,
        ) as process,
    ):
        load = Running(process, plan, complaints)
        try:
            load.wait_under_way()
            yield load
            load.stop()
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Make sure that the child is gone, whatever happened to the caller."""
    process.terminate()
    deadline = time.monotonic() + 2.0
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    # What was still on its way to a child that is gone is of no use to anybody.
    with suppress(OSError):
        if process.stdin:
            process.stdin.close()

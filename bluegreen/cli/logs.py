"""The edge's log, read where nginx writes it: one JSON object for each request."""

import json
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.project import Project
from bluegreen.config.settings import COLORS, Place
from bluegreen.docker.shell import ask, command, environment
from bluegreen.edge.state import LOGS

_STATUS = re.compile(r"[1-5](xx|\d\d)")
RECENT = 10  # lines that --follow begins with


class Filter:
    """Which lines are wanted."""

    def __init__(self, service: str, color: str = "", status: str = "") -> None:
        """Those of this service ("" = of all); of this color, with this status, if given.

        Raises:
            CommandError: there is no such color or status.
        """
        mistakes = []
        if color and color not in COLORS:
            mistakes.append(f"--color {color}: allowed: {' or '.join(COLORS)}")
        if status and not _STATUS.fullmatch(status):
            mistakes.append(f"--status {status}: allowed: a status such as 404, or a class: 5xx")
        if mistakes:
            raise CommandError("; ".join(mistakes), code=Exit.USAGE)
        self._service, self._color = service, color
        self._status = status.replace("x", "")

    def wants(self, line: str) -> bool:
        """Whether this line is."""
        try:
            entry = json.loads(line)
            service, color, status = entry["service"], entry["color"], str(entry["status"])
        except (ValueError, KeyError, TypeError):
            return False
        # What nginx answered before it knew for whom has no service.
        return (
            (not self._service or service in (self._service, ""))
            and self._color in ("", color)
            and status.startswith(self._status)
        )


def served_by(project: Project) -> str:
    """Whose requests are meant: the service's, or of a shared edge "", all."""
    return "" if project.is_edge else project.service


def read_log(project: Project, wanted: Filter, lines: int) -> list[str]:
    """The last requests, oldest first; of several edges, one after the other.

    Raises:
        CommandError: an edge could not be asked.
    """
    found = [
        line
        for place in project.places()
        for line in _read(place, "access.log").splitlines()
        if wanted.wants(line)
    ]
    return found[-lines:]


def read_errors(project: Project, lines: int) -> list[str]:
    """The last lines of nginx's own error log."""
    found = [line for p in project.places() for line in _read(p, "error.log").splitlines()]
    return found[-lines:]


def _read(place: Place, name: str) -> str:
    script = f"cd {LOGS} && cat {name}.1 {name} 2>/dev/null; true"
    done = ask(place.docker, "exec", place.container, "sh", "-c", script)
    if done.returncode:
        raise CommandError(
            f"the log of {place.container} could not be read: {done.stderr.strip()}",
            todo="`bluegreen doctor` tells whether Docker and the edge answer",
        )
    return done.stdout


def follow(project: Project, wanted: Filter) -> Iterator[str]:
    """Requests as they are logged, in all edges, until this is closed or no edge is left."""
    read: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with ExitStack() as stack:
        places = project.places()
        for place in places:
            tail = ("tail", "-n", str(RECENT), "-F", f"{LOGS}/access.log")
            process = subprocess.Popen(
                command(place.docker, "exec", place.container, *tail),
                env=environment(place.docker),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            threading.Thread(target=_pump, args=(process, read), daemon=True).start()
        open_ones = len(places)
        while open_ones:
            line = read.get()
            if line is None:
                open_ones -= 1
            elif wanted.wants(line):
                yield line.rstrip("\n")


def _pump(process: "subprocess.Popen[str]", read: "queue.SimpleQueue[str | None]") -> None:
    assert process.stdout
    for line in process.stdout:
        read.put(line)
    read.put(None)

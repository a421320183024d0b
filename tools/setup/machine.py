"""The machine as the steps see it: where things lie, what is known, how to run and to tell."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tools.setup.choices import Choices
from tools.setup.commands import Commands
from tools.setup.debian import Debian
from tools.setup.places import Places


class Report:
    """One line per event on stderr; lines of steps that run at the same time stay whole."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            sys.stderr.write(f"toolchain: {line}\n")
            sys.stderr.flush()


@dataclass
class Machine:
    """What every step is given."""

    places: Places
    environ: Mapping[str, str]
    choices: Choices
    commands: Commands
    debian: Debian
    report: Report = field(default_factory=Report)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> Machine:
        """The machine this runs on."""
        places = Places.of(environ)
        commands = Commands(places.logs, environ)
        return cls(places, environ, Choices.load(places.choices), commands, Debian(commands))

    def find(self, program: str) -> str | None:
        """The full path of a program, if there is one of that name."""
        return shutil.which(program, path=self.commands.environ["PATH"])

    def remember(self) -> None:
        """Write down the choices."""
        with self._writing:
            self.choices.save(self.places.choices)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        seconds = time.monotonic() - self._start
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"

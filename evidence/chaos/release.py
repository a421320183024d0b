"""A release under way: its process, and the engine's own events as they come."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bluegreen.config.settings import Color, other
from evidence.lab.host import LabFailed
from evidence.lab.processes import POLL, everything_below, kill, wait_for, words
from evidence.lab.stacks import BLUEGREEN, Stack

UP = "pulumi up"
DEPLOY = "bluegreen deploy"
TIMEOUT = 240
# Of an event's line, before it is parsed: there are thousands of others.
OF_INTEREST = (b'"resourcePreEvent"', b'"resOutputsEvent"', b"baking", b"draining")


def command(stack: Stack, tool: str, version: str) -> list[str]:
    """The command that makes the release, and converges it afterwards."""
    if tool == UP:
        return stack.command("up", "--yes", "--skip-preview")
    where = ["--stack", stack.name, "--dir", str(stack.folder)]
    return [str(BLUEGREEN), "deploy", version, "--yes", *where]


class Release:
    """One release; time counts from the start of Pulumi's update."""

    def __init__(self, stack: Stack, tool: str, target: Color, version: str) -> None:
        """Start it."""
        self._target = target
        # The engine's event log is an option for those who write tools.
        stack.environment["PULUMI_DEBUG_COMMANDS"] = "true"
        log = stack.folder / "events.json"
        log.unlink(missing_ok=True)
        words = command(stack, tool, version)
        if tool == UP:
            words += ["--event-log", str(log)]
        self._stack, self.process = stack, stack.start(words)
        self._log = log if tool == UP else None
        self._seen: list[str] = []
        self._read_up_to = 0
        self.engine = self.process.pid if tool == UP else self._find_engine()
        self.started = time.monotonic()

    def _find_engine(self) -> int:
        """The process of the update, which comes after that of the preview."""
        found: list[int] = []

        def update() -> bool:
            if self.ended:
                raise LabFailed(f"the command ended before its update: {self.said}")
            for pid in everything_below(self.process.pid):
                parts = words(pid).split()
                if parts[:1] == ["pulumi"] and "up" in parts and "--event-log" in parts:
                    found.append(pid)
            return bool(found)

        wait_for(update, 60, "the update of `bluegreen deploy`")
        return found[0]

    @property
    def said(self) -> str:
        """All that it said so far."""
        return self._stack.started_log.read_text(errors="replace")

    @property
    def at_ms(self) -> int:
        """How long the update runs."""
        return round((time.monotonic() - self.started) * 1000)

    @property
    def ended(self) -> bool:
        """Whether the command is over."""
        return self.process.poll() is not None

    def boundaries(self) -> list[str]:
        """The boundaries of steps that it has come to, in order."""
        if self._log is None:
            return list(boundaries_said(self.said.splitlines(), self._target))
        self._seen += boundaries_in(self._new_events(self._log), self._target)
        return list(dict.fromkeys(self._seen))

    def _new_events(self, log: Path) -> Iterator[dict[str, Any]]:
        try:
            with log.open("rb") as file:
                file.seek(self._read_up_to)
                lines = file.read().splitlines(keepends=True)
        except OSError:
            return
        for line in lines:
            if not line.endswith(b"\n"):
                return  # half written
            self._read_up_to += len(line)
            if any(kind in line for kind in OF_INTEREST):
                yield json.loads(line)

    def wait_for(self, boundary: str, seconds: float = 60) -> None:
        """Return as soon as it has come to a boundary.

        Raises:
            LabFailed: it ended before, or did not come there in time.
        """
        deadline = time.monotonic() + seconds
        while boundary not in self.boundaries():
            if self.ended or time.monotonic() > deadline:
                raise LabFailed(
                    f"the release never reached {boundary!r}: {self.boundaries()}\n{self.said}"
                )
            time.sleep(POLL / 4)

    def sleep_until(self, at_ms: float) -> None:
        """Return at this moment of the update."""
        time.sleep(max(0.0, self.started + at_ms / 1000 - time.monotonic()))

    def below(self, part: str) -> list[int]:
        """Ids of its processes that have this in their command line."""
        found = [pid for pid in everything_below(self.process.pid) if part in words(pid)]
        if not found:
            raise LabFailed(f"no process of the release has {part!r} in its command line")
        return found

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT for all of them."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> int:
        """Wait for its end; return the exit code."""
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise LabFailed(f"the release did not end within {TIMEOUT} s: {self.said}") from None

    def close(self) -> None:
        """End what is still there of it; harmless when it has ended."""
        if not self.ended:
            kill(everything_below(self.process.pid))
            self.process.wait()


def boundaries_in(events: Iterator[dict[str, Any]], target: Color) -> Iterator[str]:
    """What the engine's events say of steps that change something, and the switch of itself."""
    roles = {str(target): "target", str(other(target)): "outgoing"}
    for event in events:
        for kind, ending in (("resourcePreEvent", "begun"), ("resOutputsEvent", "done")):
            step = event.get(kind, {}).get("metadata")
            if step and step["op"] not in ("same", "read", "refresh"):
                name = step["urn"].rpartition("::")[2]
                prefix, _, last = name.rpartition("-")
                role = f"{prefix} of {roles[last]}" if prefix and last in roles else name
                yield f"{step['op']} {roles.get(name, role)} {ending}"
        said = event.get("diagnosticEvent", {})
        phase = said.get("message", "").split(",")[0].split(":")[0].strip()
        if said.get("urn", "").endswith("::switch") and phase in ("baking", "draining"):
            yield phase


def boundaries_said(lines: Iterable[str], target: Color) -> Iterator[str]:
    """The same, as far as `bluegreen deploy` tells them; it keeps the engine's events to itself."""
    steps = {
        "network": "create network",
        "edge": "create edge",
        f"image of {target}": "create image of target",
        f"{target} container": "create target",
        "gate": "update gate",
        "switch, bake and drain": "update switch",
        f"{other(target)} retired": "delete outgoing",
    }
    for line in lines:
        step, _, ending = line.partition(" …") if line.endswith(" …") else line.partition(" done,")
        if step in steps and (ending or line.endswith(" …")):
            yield f"{steps[step]} {'done' if ending else 'begun'}"
        for phase in ("baking", "draining"):
            if line.strip().startswith(phase):
                yield phase

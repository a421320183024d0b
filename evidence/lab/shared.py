"""One stack for many experiments, each of which takes it over as the one before left it.

Making a stack costs as much as a release. So a stack is kept for as long as it is as a release
leaves it: one color live, whichever, and nothing else changed. Any other is thrown away, and the
next experiment gets a new one: a failure never reaches the experiment after it.
"""

import hashlib
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx

from bluegreen.config.settings import COLORS, Color, other
from bluegreen.docker.facts import LABEL
from evidence.lab.host import docker
from evidence.lab.stacks import VERSIONS, Stack, remove

# What may be written into without a trace in the state: part of what runs all the same.
_FILES = ("nginx", "__main__.py", "Pulumi.yaml", "grafana.ini")
_TURNS = "bluegreen:active_color"


class Side(NamedTuple):
    """A color and what it carries: "blue 12.3.0" as text, and equal to what `Stack.live` says."""

    color: Color
    version: str

    def __str__(self) -> str:
        """As messages say it."""
        return f"{self.color} {self.version}"


class SharedStack(Stack):
    """A stack of which either color may be live when an experiment begins.

    Attributes:
        old: what serves when the experiment begins.
        new: the idle side, of which no container is there.
    """

    old: Side
    new: Side

    def __init__(self, folder: Path, **config: Any) -> None:
        """Make it; nothing runs yet."""
        both = {f"{color}_version": version for color, version in VERSIONS.items()}
        super().__init__(folder, **both | config)
        self._usual, self._surroundings = dict(self.config), dict(self.environment)
        self.turn("blue")

    @property
    def release(self) -> dict[str, Any]:
        """The config that makes the new side live: `stack.up(**stack.release)`."""
        return {"active_color": self.new.color}

    @property
    def revert(self) -> dict[str, Any]:
        """The config that the experiment began with: `stack.up(**stack.revert)`."""
        none = dict.fromkeys(self.config)
        return none | self._usual | {"active_color": self.old.color}

    def turn(self, live: Color) -> None:
        """Let an experiment begin with this color live, with the usual config and environment."""
        self.old, self.new = (Side(each, VERSIONS[each]) for each in (live, other(live)))
        self.environment = dict(self._surroundings)
        self.provider = {}
        self.configure(**self.revert)


class Keeper:
    """Keeps one stack, and makes it when it is wanted first."""

    def __init__(self, **config: Any) -> None:
        """Keep one with this config; nothing runs yet."""
        self._config, self._kept = config, ExitStack()
        self._stack: SharedStack | None = None
        self._as_made: Any = None

    def take(self) -> SharedStack:
        """The stack for the next experiment; a new one if it is not as a release leaves it."""
        if self._stack and (color := self._usable(self._stack)):
            self._stack.turn(color)
            return self._stack
        self.throw_away()
        folder = Path(self._kept.enter_context(tempfile.TemporaryDirectory(prefix="shared-")))
        stack = SharedStack(folder, **self._config)
        self._kept.callback(remove, stack.service)
        stack.up()
        self._stack, self._as_made = stack, _what_was_released(stack)
        return stack

    def throw_away(self) -> None:
        """Remove it with all that it made: after a failure, nobody knows what it is like."""
        self._stack = None
        self._kept.close()

    def _usable(self, stack: SharedStack) -> Color | None:
        """The color that is live, when all else is as it was made."""
        try:
            color, version = stack.live()
        except (httpx.HTTPError, ValueError):
            return None
        if color not in COLORS or version != VERSIONS[color]:
            return None
        mine = ("--filter", f"label={LABEL}={stack.service}", "--format", "{{.Names}} {{.State}}")
        running = {f"{stack.service}-{each} running" for each in ("edge", "edge-holder", color)}
        if set(docker("ps", "-a", *mine).splitlines()) != running:
            return None
        return (
            color if (released(stack.folder, stack.name), _files(stack)) == self._as_made else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.throw_away()


def released(folder: Path, name: str) -> dict[str, Any] | None:
    """The config of the last update; None when the state is not just as that one left it."""
    state = folder / "state/.pulumi"
    last: dict[str, Any] | None = None
    entry = None
    for entry in sorted(state.rglob(f"{name}-*.history.json")):
        told = json.loads(entry.read_text())
        if told["kind"] != "refresh":
            last = told
    if entry is None or last is None or (last["kind"], last["result"]) != ("update", "succeeded"):
        return None
    left = entry.with_name(entry.name.replace(".history.", ".checkpoint."))
    (now,) = state.glob(f"stacks/*/{name}.json")
    if left.read_bytes() != now.read_bytes() or any(state.glob(f"locks/**/{name}/*.json")):
        return None
    return {key: value for key, value in last["config"].items() if key != _TURNS}


def _what_was_released(stack: Stack) -> tuple[dict[str, Any] | None, dict[Path, str]]:
    """Config and files."""
    return released(stack.folder, stack.name), _files(stack)


def _files(stack: Stack) -> dict[Path, str]:
    """What the program's files are."""
    tops = [stack.folder / name for name in _FILES]
    every = [each for top in tops for each in (top, *top.rglob("*")) if each.is_file()]
    return {each: hashlib.sha256(each.read_bytes()).hexdigest() for each in every}

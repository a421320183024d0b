"""Leftovers: what a killed update made in Docker, and died before the stack's state knew of it.

The next update would make it again and fail, as its name is in use. Asked and never changed here.
"""

import json
import re
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bluegreen.edge import State
from bluegreen.errors import BluegreenError, GuardRefused
from bluegreen.facts import LABEL
from bluegreen.settings import Color, Docker, other
from bluegreen.shell import ask

EXPORT_SECONDS = 30
READ_TRIES, READ_PAUSE = 20, 0.1
LISTINGS = (
    ("container", ("ps", "-a", "--no-trunc"), "{{.ID}} {{.Names}}"),
    ("network", ("network", "ls", "--no-trunc"), "{{.ID}} {{.Name}}"),
    ("volume", ("volume", "ls"), "{{.Name}} {{.Name}}"),
)
SWARM_LISTINGS = tuple(
    (kind, (kind, "ls"), "{{.ID}} {{.Name}}") for kind in ("service", "secret", "config")
)


@dataclass(frozen=True)
class Thing:
    """A container, network or volume of a service; `identity` is what a stack's state calls it.

    Of what a Swarm manages, the state's identity may go on where this one ends.
    """

    kind: str
    identity: str
    name: str
    docker: Docker = field(default_factory=Docker)


def read_things(docker: Docker, service: str) -> list[Thing]:
    """All that a Docker has with the service's label; what cannot be asked is left out."""
    return _read(docker, service, LISTINGS)


def read_swarm_things(docker: Docker, service: str) -> list[Thing]:
    """All that a Swarm has with the service's label, by way of one of its managers."""
    return _read(docker, service, SWARM_LISTINGS)


def _read(
    docker: Docker, service: str, listings: Sequence[tuple[str, tuple[str, ...], str]]
) -> list[Thing]:
    found: list[Thing] = []
    for kind, listing, shape in listings:
        try:
            done = ask(docker, *listing, "--filter", f"label={LABEL}={service}", "--format", shape)
        except BluegreenError:
            continue
        for line in done.stdout.splitlines() if done.returncode == 0 else ():
            identity, _, name = line.partition(" ")
            found.append(Thing(kind, identity, name, docker))
    return found


def unknown_to(state: Mapping[str, Any], things: Iterable[Thing]) -> list[Thing]:
    """Those that a stack's exported state does not know."""
    known = {str(resource.get("id")) for resource in state.get("resources") or []}
    shortened = tuple(kind for kind, _, _ in SWARM_LISTINGS)  # Docker tells these ids so
    return [
        thing
        for thing in things
        if thing.identity not in known
        and not (thing.kind in shortened and any(each.startswith(thing.identity) for each in known))
    ]


def refuse_leftovers(
    stack: str,
    things: Iterable[Thing],
    state: Mapping[str, Any],
    edge: State | None,
    drift: str,
) -> None:
    """Refuse an update that would fail at what a killed one left, and say how to go on.

    Args:
        stack: the stack's name.
        things: what Docker has by the names of what the update is about to make, or has.
        state: the stack's exported state.
        edge: what nginx serves.
        drift: how that differs from the stack's outputs.

    Raises:
        GuardRefused: something is in the way; the message has the command that heals it.
    """
    # A volume is taken as it is.
    left = [thing for thing in unknown_to(state, things) if thing.kind != "volume"]
    if not left:
        return
    names = ", ".join(f"{thing.kind} {thing.name}" for thing in left)
    serves = f"{edge.color} {edge.version} serves" if edge else "no color is live"
    told = f"; {drift}" if drift else ""
    raise GuardRefused(
        f"{names}: Docker has it, the stack's state does not, and it is in the way{told}. "
        f"Nothing was touched, {serves}. Next: {_way_out(stack, left, edge, state)}."
    )


def _way_out(
    stack: str, left: Collection[Thing], edge: State | None, state: Mapping[str, Any]
) -> str:
    again = "then this command again"
    if edge and not any("docker:index/" in each["urn"] for each in state.get("resources") or []):
        return (
            f"if the stack's state was lost, `bluegreen recover --rebuild-state --stack {stack}` "
            f"writes it anew from what runs, {again}"
        )
    if edge and any(thing.name.endswith(f"-{edge.color}") for thing in left):
        return (
            f"release on {other(cast('Color', edge.color))} (set active_color): {edge.color} serves"
        )
    found = re.compile(r".*-edge(-[a-z0-9-]+)?(?<!-blue)(?<!-green)")
    edges = [thing.name for thing in left if found.fullmatch(thing.name)]
    if edge and edges:
        return f"`docker rm -f {edges[0]}`, which interrupts users, {again}"
    return f"`bluegreen recover --stack {stack}`, {again}"


def read_state(stack: str) -> Mapping[str, Any] | None:
    """Export the stack's state; None where that cannot be had."""
    command = ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"]
    for _ in range(READ_TRIES):
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=EXPORT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)
            return found.get("deployment") or {}
        if "checkpoint" not in done.stderr:
            return None
        # The engine writes the state at the same time, as in `guard.read_previous`.
        time.sleep(READ_PAUSE)
    return None

"""Shells in the edges of a stack, opened together, and what is done in all of them at once."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from bluegreen.config.settings import Place
from bluegreen.docker.shell import Shell, ask
from bluegreen.errors import BluegreenError, EdgeUnreachable

T = TypeVar("T")
R = TypeVar("R")
FIRST_ANSWER = 15.0  # seconds, for an edge's shell; by ssh a host that is off may say nothing


@dataclass(frozen=True)
class Opened:
    """Shells in the edges that answer, and what is known of those that do not, by container."""

    shells: Mapping[str, Shell]
    missed: Mapping[str, str]


@contextmanager
def open_edges(places: Sequence[Place], required: int) -> Iterator[Opened]:
    """Open a shell in every edge that answers.

    Raises:
        EdgeUnreachable: fewer than required do.
    """
    each({place.container: place for place in places}, _start)
    with ExitStack() as stack:
        shells = {place.container: stack.enter_context(_shell(place)) for place in places}
        troubles = each(shells, _trouble)
        missed = {name: trouble for name, trouble in troubles.items() if trouble}
        if len(shells) - len(missed) < required:
            only = f" ({len(shells) - len(missed)} of {len(shells)} edges answer)"
            more = only if len(shells) > 1 else ""
            raise EdgeUnreachable("; ".join(missed.values()) + more)
        yield Opened({n: shell for n, shell in shells.items() if n not in missed}, missed)


def _start(place: Place) -> None:
    # One that was killed stays down until it is started; it then follows the others by itself.
    with contextlib.suppress(BluegreenError):  # what ails it is told when its shell is opened
        ask(place.docker, "start", place.container, timeout=FIRST_ANSWER)


def _shell(place: Place) -> Shell:
    return Shell(place.container, place.docker)


def _trouble(shell: Shell) -> str:
    try:
        shell.check("true", timeout=FIRST_ANSWER)
    except BluegreenError as error:
        return str(error)
    return ""


def outcomes(things: Mapping[str, T], act: Callable[[T], R]) -> dict[str, R | BluegreenError]:
    """Do it to all at once; when all have ended, return each result or error."""
    with ThreadPoolExecutor(max(len(things), 1)) as pool:
        done = pool.map(lambda thing: told(act, thing), things.values())
        return dict(zip(things, done, strict=True))


def told(act: Callable[[T], R], thing: T) -> R | BluegreenError:
    """Do it, and return its result or error."""
    try:
        return act(thing)
    except BluegreenError as error:
        return error


def each(things: Mapping[str, T], act: Callable[[T], R]) -> dict[str, R]:
    """Do it to all at once; when all have ended, return the results or raise the first error."""
    found: dict[str, R] = {}
    for name, outcome in outcomes(things, act).items():
        if isinstance(outcome, BluegreenError):
            raise type(outcome)(f"{name}: {outcome}") from outcome
        found[name] = outcome
    return found

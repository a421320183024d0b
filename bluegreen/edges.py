"""All edges of a stack: their shells, opened together, and nginx in all of them as if in one.

An act is done everywhere before the next one begins anywhere, so that no edge takes a config that
another one refuses. Only `confirm` goes edge by edge: the first one that has confirmed decides.
From then on an edge that misses it takes it over from there by itself (see `follow`).
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from bluegreen.edge import HEAD_START, State
from bluegreen.errors import BluegreenError, EdgeUnreachable
from bluegreen.nginx import Nginx
from bluegreen.order import Order
from bluegreen.probe import Answer
from bluegreen.settings import Health, Place
from bluegreen.shell import Shell, ask

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
    if len(places) > 1:
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


def each(things: Mapping[str, T], act: Callable[[T], R]) -> dict[str, R]:
    """Do it to all at once; when all have ended, return the results or raise the first error."""
    with ThreadPoolExecutor(max(len(things), 1)) as pool:
        futures = {name: pool.submit(act, thing) for name, thing in things.items()}
        wait(futures.values())
    found = {}
    for name, future in futures.items():
        try:
            found[name] = future.result()
        except BluegreenError as error:
            raise type(error)(f"{name}: {error}") from error
    return found


def nginx_in(opened: Opened, order: Order) -> "Nginx | Edges":
    """What an order's switch acts on: the one nginx, or all of them."""
    if len(order.places) == 1:
        return Nginx(opened.shells[order.places[0].container], order.health)
    return Edges(opened, order.health, order.drain_timeout)


class Edges:
    """Nginx in every edge. Each act is `Nginx`'s of the same name, done in all of them."""

    def __init__(self, opened: Opened, health: Health, drain_timeout: float) -> None:
        """Use these shells; the drain's time is what followers get too."""
        self._all = {name: Nginx(shell, health) for name, shell in opened.shells.items()}
        self.missed, self._drain_timeout = tuple(opened.missed), drain_timeout
        self._bare: set[str] = set()  # what has no config of a switch yet, and knows no color
        self._followers_drained = 0.0

    def require_version(self) -> None:
        """As Nginx's."""
        each(self._all, Nginx.require_version)

    def claim(self) -> None:
        """As Nginx's."""
        each(self._all, Nginx.claim)

    def state(self) -> State | None:
        """The newest; when not all have the same, its config is called different from any."""
        states = each(self._all, Nginx.state)
        self._bare = {name for name, state in states.items() if not state}
        known = [state for state in states.values() if state]
        newest = max(known, key=lambda state: state.generation, default=None)
        if newest and (self._bare or any(state != newest for state in known)):
            return replace(newest, config="")
        return newest

    def next_generation(self) -> int:
        """As Nginx's."""
        return max(each(self._all, Nginx.next_generation).values())

    def probe(self, color: str, seconds: float) -> None:
        """As Nginx's; before the reload only where a color is known."""
        each(self._known, lambda nginx: nginx.probe(color, seconds))

    def ask(self, color: str, seconds: float = 5) -> Answer:
        """As Nginx's; the first bad answer, if there is one."""
        answers = each(self._known, lambda nginx: nginx.ask(color, seconds))
        for name, answer in answers.items():
            if answer.complaint:
                return replace(answer, seen=f"{name}: {answer.seen}")
        return next(iter(answers.values()))

    @property
    def _known(self) -> dict[str, Nginx]:
        return {name: nginx for name, nginx in self._all.items() if name not in self._bare}

    def hold(self, token: str, live: str, target: str) -> None:
        """As Nginx's."""
        each(self._known, lambda nginx: nginx.hold(token, live, target))

    def let_go(self) -> None:
        """As Nginx's."""
        each(self._all, Nginx.let_go)

    def write(self, config: str) -> None:
        """As Nginx's."""
        each(self._all, lambda nginx: nginx.write(config))

    def arm(self, seconds: float) -> None:
        """As Nginx's."""
        each(self._all, lambda nginx: nginx.arm(seconds))

    def reload(self) -> None:
        """As Nginx's."""
        each(self._all, Nginx.reload)
        self._bare = set()

    def prove(self, color: str | None, generation: int) -> None:
        """As Nginx's."""
        each(self._all, lambda nginx: nginx.prove(color, generation))

    def confirm(self) -> None:
        """Confirm in one edge, which decides; then in the others, and see who follows."""
        first, *others = self._all
        self._all[first].confirm()
        late = []
        for name in others:
            try:
                self._all[name].confirm()
            except BluegreenError:
                late.append(name)  # it takes it over from the first one
        self.missed += tuple(late)
        with contextlib.suppress(BluegreenError):  # nothing that is confirmed is taken back
            followers = [name for name in self.missed if self._all[first].is_followed_by(name)]
            if followers:
                self._followers_drained = time.monotonic() + self._drain_timeout + HEAD_START

    def restore(self) -> str:
        """As Nginx's; what serves where it is not the same everywhere, edge by edge."""
        said = each(self._all, Nginx.restore)
        if len(set(said.values())) == 1:
            return next(iter(said.values()))
        return "; ".join(f"{name}: {phrase}" for name, phrase in said.items())

    def leaving(self) -> int:
        """How many old workers still finish what they serve; a follower's count as one."""
        counts = each(self._all, _leaving)
        return sum(counts.values()) + (time.monotonic() < self._followers_drained)


def _leaving(nginx: Nginx) -> int:
    try:
        return nginx.leaving()
    except EdgeUnreachable:
        return 0  # it has nothing left to drain

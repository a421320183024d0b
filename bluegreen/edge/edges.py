"""All edges of a stack: their shells, opened together, and nginx in all of them as if in one.

An act is done everywhere before the next one begins anywhere, so that no edge takes a config that
another one refuses. The first edge that has confirmed decides: from then on nothing goes back, and
one that misses it takes it over from there by itself (see `follow`).
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from bluegreen.config.settings import Health, Place
from bluegreen.docker.shell import Shell, ask
from bluegreen.edge.nginx import Nginx
from bluegreen.edge.state import HEAD_START, State, newest
from bluegreen.errors import BluegreenError, EdgeUnreachable, SwitchFailed
from bluegreen.health.probe import Answer

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


def outcomes(things: Mapping[str, T], act: Callable[[T], R]) -> dict[str, R | BluegreenError]:
    """Do it to all at once; when all have ended, return each result or error."""

    def told(thing: T) -> R | BluegreenError:
        try:
            return act(thing)
        except BluegreenError as error:
            return error

    with ThreadPoolExecutor(max(len(things), 1)) as pool:
        return dict(zip(things, pool.map(told, things.values()), strict=True))


def each(things: Mapping[str, T], act: Callable[[T], R]) -> dict[str, R]:
    """Do it to all at once; when all have ended, return the results or raise the first error."""
    found: dict[str, R] = {}
    for name, outcome in outcomes(things, act).items():
        if isinstance(outcome, BluegreenError):
            raise type(outcome)(f"{name}: {outcome}") from outcome
        found[name] = outcome
    return found


class Edges:
    """Nginx in every edge. Each act is `Nginx`'s of the same name, done in all of them."""

    def __init__(
        self, opened: Opened, health: Health, drain_timeout: float, required: int = 1
    ) -> None:
        """Use these shells; the drain's time is what followers get too."""
        self._all = {name: Nginx(shell, health) for name, shell in opened.shells.items()}
        self.missed, self._drain_timeout = tuple(opened.missed), drain_timeout
        self._required = required
        self._bare: set[str] = set()  # what has no config of a switch yet, and knows no color
        self._confirmed: set[str] = set()
        self.followed_until = 0.0

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
        last = newest(states.values())
        if last and any(state != last for state in states.values()):
            return replace(last, config="")
        return last

    def next_generation(self) -> int:
        """As Nginx's, and above what an edge may have that does not answer: the clock rises."""
        return max(*each(self._all, Nginx.next_generation).values(), int(time.time()))

    def probe(self, color: str, seconds: float) -> None:
        """As Nginx's; before the reload only where a color is known."""
        each(self._known, lambda nginx: nginx.probe(color, seconds))

    def ask(self, color: str, seconds: float = 5) -> Answer:
        """As Nginx's; the first bad answer, if there is one."""
        self._pulse()
        answers = each(self._known, lambda nginx: nginx.ask(color, seconds))
        for name, answer in answers.items():
            if answer.complaint:
                return replace(answer, seen=f"{name}: {answer.seen}")
        return next(iter(answers.values()))

    @property
    def _known(self) -> dict[str, Nginx]:
        return {name: nginx for name, nginx in self._all.items() if name not in self._bare}

    def _pulse(self) -> None:
        each(self._all, Nginx.pulse)

    def hold(self, token: str, live: str, target: str) -> None:
        """As Nginx's."""
        each(self._known, lambda nginx: nginx.hold(token, live, target))

    def let_go(self) -> None:
        """As Nginx's; where it cannot be done, the edge does it as it follows."""
        outcomes(self._all, Nginx.let_go)

    def write(self, config: str) -> None:
        """As Nginx's."""
        each(self._all, lambda nginx: nginx.write(config))

    def arm(self, seconds: float) -> None:
        """As Nginx's; from here it has to hear of its driver again and again."""
        each(self._all, lambda nginx: nginx.arm(seconds))
        self._pulse()

    def reload(self) -> None:
        """As Nginx's."""
        each(self._all, Nginx.reload)
        self._bare = set()
        self._pulse()

    def prove(self, color: str | None, generation: int) -> None:
        """As Nginx's."""
        each(self._all, lambda nginx: nginx.prove(color, generation))
        self._pulse()

    def confirm(self) -> None:
        """Confirm everywhere. One that has confirmed decides: from there the others take it over.

        Raises:
            BluegreenError: none has, so that all may go back.
            SwitchFailed: too few have, though nothing goes back: an edge that starts could not
                be sure to learn of it, so what is outgoing must not be retired.
        """
        told = outcomes({name: name for name in self._all}, self._confirm_one)
        late = {name: error for name, error in told.items() if isinstance(error, BluegreenError)}
        if not self._confirmed:
            raise next(iter(late.values()))
        self.missed += tuple(late)
        decided = self._all[next(iter(self._confirmed))]
        followers = set()
        for name in self.missed:  # one by one, as one shell asks
            with contextlib.suppress(BluegreenError):
                followers |= {name} if decided.is_followed_by(name) else set()
        if followers:
            self.followed_until = time.monotonic() + self._drain_timeout + HEAD_START
        if len(self._confirmed | followers) < self._required:
            raise SwitchFailed(
                f"{'; '.join(f'{name}: {error}' for name, error in late.items())}: only "
                f"{len(self._confirmed | followers)} of {self._required} edges that are required "
                "have confirmed"
            )

    def _confirm_one(self, name: str) -> None:
        self._all[name].confirm()
        # Also for a thread that nobody waits for any more: what is decided is not taken back.
        self._confirmed.add(name)

    def restore(self) -> str:
        """As Nginx's; what serves where it is not the same everywhere, edge by edge."""
        if self._confirmed:
            return (
                f"it is confirmed in {', '.join(sorted(self._confirmed))} and serves; the others "
                "follow, and nothing was retired"
            )
        said = each(self._all, Nginx.restore)
        if len(set(said.values())) == 1:
            return next(iter(said.values()))
        return "; ".join(f"{name}: {phrase}" for name, phrase in said.items())

    def leaving(self) -> int:
        """How many old workers still finish what they serve; followers count as one."""
        counts = outcomes(self._all, Nginx.leaving)  # one that went away has nothing to drain
        here = sum(count for count in counts.values() if isinstance(count, int))
        return here + (time.monotonic() < self.followed_until)

"""All edges of a stack: nginx in one or several, as if in one.

An act is done everywhere before the next one begins anywhere, so that no edge takes a config that
another one refuses. The first edge that has confirmed decides: from then on nothing goes back, and
one that misses it takes it over from there by itself (see `follow`).
"""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from bluegreen.edge.counts import Count
from bluegreen.edge.nginx import Nginx
from bluegreen.edge.opened import each, outcomes, told
from bluegreen.edge.state import State, newest
from bluegreen.errors import BluegreenError, SwitchFailed
from bluegreen.health.probe import Answer

R = TypeVar("R")
FOLLOW_SECONDS = 2.0  # each edge that was away looks every second


class Edges:
    """Nginx in every edge, as if in one. A single edge is a list of one.

    What there is to say of an edge among several names it; of a single one nothing else is said
    than what its nginx says. Only among several is there something to follow, and so a driver
    that has to be heard of.
    """

    def __init__(
        self,
        every: Mapping[str, Nginx],
        missed: Collection[str] = (),
        *,
        required: int = 1,
        drain_timeout: float = 0,
    ) -> None:
        """Act in these.

        Args:
            every: nginx in each edge that answers, by its container's name.
            missed: the edges that do not.
            required: so many have to confirm.
            drain_timeout: seconds that an edge which follows gets for its drain, too.
        """
        self.missed = tuple(missed)
        self._all, self._drain_timeout, self._required = dict(every), drain_timeout, required
        self._several = len(self._all) + len(self.missed) > 1
        self._confirmed: set[str] = set()
        self._on_trial = False
        self.followed_until = 0.0

    def do(self, act: Callable[[Nginx], object]) -> None:
        """Do it in all. Raises the first error."""
        self._each(act)
        self._pulse()

    def try_to(self, act: Callable[[Nginx], object]) -> None:
        """Do it wherever it can be done."""
        self._outcomes(act)

    def state(self) -> State | None:
        """The newest; when not all have the same, its config is called different from any."""
        states = self._each(lambda nginx: nginx.state())
        last = newest(states.values())
        if last and any(state != last for state in states.values()):
            return replace(last, config="")
        return last

    def next_generation(self) -> int:
        """One that none has had; nor one that does not answer, as the clock rises."""
        rising = max(self._each(lambda nginx: nginx.next_generation()).values())
        return max(rising, int(time.time())) if self._several else rising

    def arm(self, seconds: float) -> None:
        """As Nginx's; from here each of several has to hear of its driver again and again."""
        self._each(lambda nginx: nginx.arm(seconds))
        self._on_trial = True
        self._pulse()

    def counts(self, service: str, color: str) -> Count:
        """What a color has answered so far, in all edges together."""
        counts = self._each(lambda nginx: nginx.counts()).values()
        return sum((each.of(service, color) for each in counts), Count())

    def ask(self, color: str, seconds: float = 5) -> Answer:
        """Ask the color through each; the first bad answer, if there is one."""
        self._pulse()
        answers = self._each(lambda nginx: nginx.ask(color, seconds))
        for name, answer in answers.items():
            if answer.complaint and self._several:
                return replace(answer, seen=f"{name}: {answer.seen}")
            if answer.complaint:
                return answer
        return next(iter(answers.values()))

    def answers(self, color: str, seconds: float) -> bool:
        """Whether the color answers a request for / within these seconds, through each edge."""
        self._pulse()
        return all(self._each(lambda nginx: nginx.answers(color, seconds)).values())

    def confirm(self) -> None:
        """Confirm everywhere. One that has confirmed decides: from there the others take it over.

        Raises:
            BluegreenError: none has, so that all may go back.
            SwitchFailed: too few have, though nothing goes back: an edge that starts could not
                be sure to learn of it, so what is outgoing must not be retired.
        """
        done = self._outcomes(self._confirm_one)
        late = {name: error for name, error in done.items() if isinstance(error, BluegreenError)}
        if not self._confirmed:
            raise next(iter(late.values()))
        self.missed += tuple(late)
        decided = self._all[next(iter(self._confirmed))]
        followers = set()
        for name in self.missed:  # one by one, as one shell asks
            with contextlib.suppress(BluegreenError):
                followers |= {name} if decided.is_followed_by(name) else set()
        if followers:
            self.followed_until = time.monotonic() + self._drain_timeout + FOLLOW_SECONDS
        if len(self._confirmed | followers) < self._required:
            raise SwitchFailed(
                f"{'; '.join(f'{name}: {error}' for name, error in late.items())}: only "
                f"{len(self._confirmed | followers)} of {self._required} required edges have "
                "confirmed"
            )

    def _confirm_one(self, nginx: Nginx) -> None:
        nginx.confirm()
        # Also for a thread that nobody waits for any more: what is decided is not taken back.
        self._confirmed.update(name for name, one in self._all.items() if one is nginx)

    def restore(self, *, flipped: bool) -> str:
        """Go back in all, and say what serves; edge by edge where it is not the same.

        `flipped`: whether users were led to the target.
        """
        if self._confirmed and self._several:
            return (
                f"it is confirmed in {', '.join(sorted(self._confirmed))} and serves; the others "
                "catch up, and nothing was retired"
            )
        said = self._each(lambda nginx: nginx.restore(flipped=flipped))
        if len(set(said.values())) == 1:
            return next(iter(said.values()))
        return "; ".join(f"{name}: {phrase}" for name, phrase in said.items())

    def in_flight(self, color: str) -> bool:
        """Whether this color is serving any request of a user; what follows may be for a while."""
        # One that went away has nothing to drain.
        found = self._outcomes(lambda nginx: nginx.in_flight(color)).values()
        return any(each is True for each in found) or time.monotonic() < self.followed_until

    def _pulse(self) -> None:
        if self._on_trial and self._several:
            self._each(lambda nginx: nginx.pulse())

    def _each(self, act: Callable[[Nginx], R]) -> dict[str, R]:
        if self._several:
            return each(self._all, act)
        # Not in a thread: Ctrl-C is to reach the act.
        return {name: act(nginx) for name, nginx in self._all.items()}

    def _outcomes(self, act: Callable[[Nginx], R]) -> dict[str, R | BluegreenError]:
        if self._several:
            return outcomes(self._all, act)
        return {name: told(act, nginx) for name, nginx in self._all.items()}

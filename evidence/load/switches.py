"""Switches as clients see them: who answered first, and who answered last."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

SWITCH_QUIET_SECONDS = 0.5
"""A color that was not seen for that long and answers again has been switched to."""
STALE_SECONDS = 0.5
"""So long after a switch a new connection may still land on the old color: both nginx workers,
old and new, accept for a moment."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One switch; all times in seconds since the load's start.

    Attributes:
        color: the color that it was switched to.
        first_new: its first answer.
        last_old: the other color's last answer on a fresh connection.
        last_kept: the other color's last answer of all, kept connections included.
    """

    color: str
    first_new: float
    last_old: float
    last_kept: float


class Switches:
    """Recognizes switches by the color of the answers."""

    def __init__(self, kinds: Iterable[str]) -> None:
        """Take the kinds of client whose answers tell a switch."""
        self._kinds = frozenset(kinds)
        self._last: dict[str, float] = {}
        self.seen: list[Seen] = []

    def answer(self, kind: str, color: str, at: float) -> None:
        """Note one answer, by the moment that it was asked for."""
        tells = kind in self._kinds
        if tells:
            away_since = self._last.get(color, -math.inf)
            if at - away_since > SWITCH_QUIET_SECONDS:
                others = [when for name, when in self._last.items() if name != color]
                others_since = max(others, default=-math.inf)
                # Silence and then the same color again is no switch.
                if others_since > away_since:
                    self.seen.append(Seen(color, at, others_since, others_since))
            self._last[color] = max(at, away_since)
        if self.seen and color != self.seen[-1].color:
            last = self.seen[-1]
            self.seen[-1] = replace(last, last_kept=at, last_old=at if tells else last.last_old)

    def first_away(self, color: str | None, at: float) -> float | None:
        """When a connection opened at a moment, on a color, was first left behind; None if never.

        One that is opened on the old color in the moment of a switch is left behind by that one.
        """
        return next(
            (
                each.first_new
                for each in self.seen
                if each.first_new > at - STALE_SECONDS and each.color != color
            ),
            None,
        )

    def is_stale(self, color: str, at: float) -> bool:
        """Whether a connection begun at a moment had to land on another color than it did."""
        if not self.seen:
            return False
        last = self.seen[-1]
        return color != last.color and at > last.first_new + STALE_SECONDS

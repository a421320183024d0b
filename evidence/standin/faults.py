"""The ways in which the stand-in misbehaves when told to, by environment variables ``STANDIN_*``.

==========================  =======================================================================
STANDIN_BOOT_SECONDS=S      the port refuses connections that long (0.5)
STANDIN_MIGRATION_SECONDS=S a migration holds its transaction that long (0)
STANDIN_MIGRATION_FAILS=1   the last step of a migration fails, the ones before it stay
STANDIN_STARTING_SECONDS=S  listens, but health says 503 that long (0)
STANDIN_HEALTH=MODE         ``failing``: always 503; ``hang``: never answers; ``slow:S``: answers
                            after S seconds; ``flap``: every second answer is a 503
STANDIN_EXIT_AFTER=S        crashes with exit code 1 after S seconds, 0: at once
STANDIN_REPORT_VERSION=X    claims to be version X
STANDIN_FAIL_REQUESTS=N     that share of the requests, but never health, answers 500 (0 to 1)
STANDIN_HANG_REQUESTS=1     those that would be answered 500 are never answered
STANDIN_FAIL_AFTER=S        … from S seconds after it began to listen (alone: all of them)
STANDIN_SHUTDOWN_SECONDS=S  how long a stop waits for requests in flight (30, as Grafana)
==========================  =======================================================================
"""

import math
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from .errors import StartupError
from .log import log

PREFIX = "STANDIN_"
HEALTH_MODES = ("", "failing", "hang", "slow", "flap")


@dataclass(frozen=True, slots=True)
class Faults:
    """What was asked for; the defaults are a stand-in that behaves."""

    boot_seconds: float = 0.5
    migration_seconds: float = 0.0
    migration_fails: bool = False
    starting_seconds: float = 0.0
    health: str = ""
    health_delay: float = 0.0
    exit_after: float | None = None
    report_version: str = ""
    fail_share: float = 0.0
    fail_after: float = 0.0
    hangs: bool = False
    shutdown_seconds: float = 30.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Faults":
        """Read every ``STANDIN_*`` variable; one that is unknown or malformed is an error."""
        given = {
            name.removeprefix(PREFIX): value
            for name, value in environ.items()
            if name.startswith(PREFIX) and value
        }

        def seconds(name: str, default: float) -> float:
            return _number(name, given.pop(name, default), most=math.inf)

        health, _, delay = given.pop("HEALTH", "").partition(":")
        if health not in HEALTH_MODES or (health == "slow") != bool(delay):
            raise StartupError(
                f"STANDIN_HEALTH={health + (':' + delay if delay else '')!r} is not known: "
                "failing, hang, slow:SECONDS or flap"
            )
        # Any other word of failures is enough to ask for them.
        default_share = 1.0 if {"FAIL_AFTER", "HANG_REQUESTS"} & given.keys() else 0.0
        usual = cls()
        faults = cls(
            boot_seconds=seconds("BOOT_SECONDS", usual.boot_seconds),
            migration_seconds=seconds("MIGRATION_SECONDS", usual.migration_seconds),
            migration_fails=given.pop("MIGRATION_FAILS", "") == "1",
            starting_seconds=seconds("STARTING_SECONDS", usual.starting_seconds),
            health=health,
            health_delay=_number("HEALTH", delay or 0.0, most=math.inf),
            exit_after=seconds("EXIT_AFTER", 0.0) if "EXIT_AFTER" in given else None,
            report_version=given.pop("REPORT_VERSION", ""),
            fail_share=_number("FAIL_REQUESTS", given.pop("FAIL_REQUESTS", default_share), most=1),
            fail_after=seconds("FAIL_AFTER", 0.0),
            hangs=given.pop("HANG_REQUESTS", "") == "1",
            shutdown_seconds=seconds("SHUTDOWN_SECONDS", usual.shutdown_seconds),
        )
        if given:
            # A misspelt fault would make a test pass that never tested anything.
            raise StartupError(f"not a known setting: {', '.join(PREFIX + name for name in given)}")
        return faults


class Behaviour:
    """The faults as time goes by: what this health check and this request shall meet."""

    def __init__(self, faults: Faults, listening_since: float) -> None:
        """Count time from the moment at which the port was opened."""
        self.faults = faults
        self.listening_since = listening_since
        self._health_answers = 0
        self._due = 0.0

    def health_fails(self, now: float) -> bool:
        """Tell whether the health check that came now is to be answered 503."""
        self._health_answers += 1
        return (
            now - self.listening_since < self.faults.starting_seconds
            or self.faults.health == "failing"
            or (self.faults.health == "flap" and self._health_answers % 2 == 0)
        )

    def request_fails(self, now: float) -> bool:
        """Tell whether the request that came now is to be answered 500.

        The share is kept exactly (at 0.25 every fourth request fails) instead of by chance, so
        that whoever counts failures knows how many there must be.
        """
        if not self.faults.fail_share or now - self.listening_since < self.faults.fail_after:
            return False
        self._due += self.faults.fail_share
        # The tolerance is for shares such as 0.1, of which ten do not add up to 1.
        if self._due < 1 - 1e-9:
            return False
        self._due -= 1
        return True


def crash_after(seconds: float) -> None:
    """Let this process crash after so many seconds, whatever it is doing by then."""
    if seconds == 0:
        _crash()
    signal.signal(signal.SIGALRM, lambda *_: _crash())
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _crash() -> NoReturn:
    log("unexpected condition, see the next line", level="error")
    log("the stand-in crashes because STANDIN_EXIT_AFTER is set", level="fatal", exit_code=1)
    # No clean-up of any kind: a crash does none either.
    os._exit(1)


def _number(name: str, given: str | float, *, most: float) -> float:
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most or math.isinf(value):
        wanted = "a number of seconds" if math.isinf(most) else f"a number from 0 to {most:g}"
        raise StartupError(f"{PREFIX}{name}={given!r} is not {wanted}")
    return value

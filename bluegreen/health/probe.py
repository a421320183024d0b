"""The gate's logic, without Pulumi and without Docker: ask until the answers are good.

Clock, client and the news of the target's death are passed in.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from bluegreen.config.settings import Health
from bluegreen.health import hints
from bluegreen.health.fields import WHOLE, Missing, value_at
from bluegreen.health.versions import version_matches

# While the target is not ready it is asked again after this many times the seconds its last
# answer took, so that a slow boot is not slowed further: at most a third of its time is ours.
SHARE = 2
FASTEST = 0.05
SLOWEST = 1.0
ATTEMPT_TIMEOUT = 5.0


@dataclass(frozen=True)
class Passed:
    """A gate that passed: times in seconds since it began to ask."""

    attempts: int
    ready_after: float  # the first of the passes that counted
    passed_after: float
    version: str  # as reported; "" when not checked


@dataclass(frozen=True)
class Refused:
    """A gate that did not pass, and why; `reason` is a phrase, `last` what was seen last."""

    attempts: int
    after: float
    passes: int
    reason: str
    last: str


@dataclass(frozen=True)
class Answer:
    """One judged answer: `complaint` is empty when it is good."""

    complaint: str
    seen: str
    version: str = ""
    wrong_version: bool = False


def judge(response: httpx.Response, health: Health) -> Answer:
    """Judge one answer: status, then JSON fields, then the version."""
    # In one line, as the gate's last line has to say it all; error pages have many.
    seen = f"{response.status_code} {' '.join(response.text.split())[:200]}".strip()
    if not _status_is_good(response.status_code, health.status):
        complaint = f"status is {response.status_code}, wanted {health.status}"
        return Answer(f"{complaint}{hints.on_status(response, health)}", seen)
    if health.version_field == WHOLE and not health.json:
        return _judge_version(response.text.strip(), health, seen)
    if not health.json and not health.version_field:
        return Answer("", seen)
    try:
        body: Any = response.json()
    except ValueError:  # JSONDecodeError, or UnicodeDecodeError of an answer that is no text
        return Answer("the answer is not JSON", seen)
    for path, wanted in health.json.items():
        try:
            found = value_at(body, path)
        except Missing:
            found = None
        if found != wanted:
            return Answer(f"{path} is {found!r}, wanted {wanted!r}", seen)
    if not health.version_field:
        return Answer("", seen)
    if health.version_field == WHOLE:
        return _judge_version(response.text.strip(), health, seen)
    try:
        reported = value_at(body, health.version_field)
    except Missing:
        reported = None
    return _judge_version(str(reported or ""), health, seen, body)


def _judge_version(reported: str, health: Health, seen: str, body: Any = None) -> Answer:
    matches = version_matches(health.version, reported)
    if matches is None:
        return Answer("", seen, version=reported)
    if not reported:
        complaint = f"no field {health.version_field}; {hints.on_version(body, health)}"
        return Answer(complaint, seen, wrong_version=True)
    if not matches:
        complaint = f"reports version {reported}, wanted {health.version}"
        return Answer(complaint, seen, version=reported, wrong_version=True)
    return Answer("", seen, version=reported)


def _status_is_good(status: int, wanted: str) -> bool:
    """Whether it is one of `200`, `200,204`, `200-299`."""
    ranges = (each.partition("-") for each in wanted.split(","))
    return any(int(low) <= status <= int(high or low) for low, _, high in ranges)


def ask(client: httpx.Client, url: str, health: Health, timeout: float) -> Answer:
    """Ask once and judge what comes, a refused or broken connection included."""
    headers = {**health.headers, **({"Host": health.host} if health.host else {})}
    try:
        answer = client.get(
            url, timeout=timeout, headers=headers, extensions={"verify": health.verify}
        )
        return judge(answer, health)
    except httpx.RequestError as error:
        seen = f"{type(error).__name__}: {error}"
        return Answer(f"{seen}{hints.on_error(error, health)}", seen)


def wait_until_healthy(
    ask: Callable[[float], Answer],
    health: Health,
    *,
    died: threading.Event,
    why: Callable[[], str],
    told: Callable[[int, str], None] = lambda _attempt, _seen: None,
    clock: Callable[[], float] = time.monotonic,
) -> Passed | Refused:
    """Ask until `health.passes` consecutive answers are good.

    Args:
        ask: asks once, for so many seconds at the most, and judges what comes.
        health: how many good answers are wanted, and how long to wait for them.
        died: set when the target's container ends: the gate stops at once.
        why: says how it ended, asked when `died` is set.
        told: is told each answer that differs from the one before, with its number.
        clock: seconds, monotonic.
    """
    begin = clock()
    attempts = passes = mismatches = 0
    first_pass = 0.0
    last, complaint = "not asked yet", ""
    while not died.is_set():
        left = begin + health.timeout - clock()
        if left <= 0:
            reason = f"{passes} of {health.passes:g} passes within {health.timeout:g} s"
            reason += hints.in_words(complaint)
            return Refused(attempts, clock() - begin, passes, reason, last)
        asked = clock()
        answer = ask(min(left, ATTEMPT_TIMEOUT))
        attempts += 1
        if answer.seen != last:
            last = answer.seen
            told(attempts, last)
        complaint = answer.complaint
        if answer.complaint:
            passes = 0
            mismatches = mismatches + 1 if answer.wrong_version else 0
            # A version does not change by waiting: as many sure answers as for a pass decide.
            if mismatches >= health.passes:
                return Refused(attempts, clock() - begin, 0, answer.complaint, last)
            pause = min(max(FASTEST, SHARE * (clock() - asked)), SLOWEST)
        else:
            passes, mismatches = passes + 1, 0
            first_pass = clock() if passes == 1 else first_pass
            if passes >= health.passes:
                ready, passed = first_pass - begin, clock() - begin
                return Passed(attempts, ready, passed, answer.version)
            pause = health.interval
        died.wait(min(pause, max(0.0, begin + health.timeout - clock())))
    return Refused(attempts, clock() - begin, passes, why(), last)

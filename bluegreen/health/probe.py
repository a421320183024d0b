"""The gate's logic, without Pulumi and without Docker: ask until the answers are good.

Clock, client and the news of the target's death are passed in.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from bluegreen.config.settings import Health

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


def version_matches(wanted: str, reported: str) -> bool | None:
    """Whether a reported version is what a tag promises; None when the tag promises none.

    `12.4` accepts 12.4.x; `12.4.0-ubuntu` and `v12.4.0` accept 12.4.0; `latest` and digests
    name no version.
    """
    if wanted == reported:
        return True
    promise = re.match(r"v?(\d+(?:\.\d+)*)(?![\d:])", wanted)
    if not promise or wanted.startswith("sha256:"):
        return None
    got = re.match(r"v?(\d+(?:\.\d+)*)", reported)
    parts = promise[1].split(".")
    return bool(got) and got[1].split(".")[: len(parts)] == parts  # type: ignore[index]


def judge(response: httpx.Response, health: Health) -> Answer:
    """Judge one answer: status, then JSON fields, then the version."""
    # In one line, as the gate's last line has to say it all; error pages have many.
    seen = f"{response.status_code} {' '.join(response.text.split())[:200]}".strip()
    if response.status_code != health.status:
        return Answer(f"status is {response.status_code}, wanted {health.status:g}", seen)
    if not health.json and not health.version_field:
        return Answer("", seen)
    try:
        body: Any = response.json()
    except ValueError:  # JSONDecodeError, or UnicodeDecodeError of an answer that is no text
        return Answer("the answer is not JSON", seen)
    if not isinstance(body, dict):
        return Answer("the answer is not a JSON object", seen)
    for field, wanted in health.json.items():
        if body.get(field) != wanted:
            return Answer(f"{field} is {body.get(field)!r}, wanted {wanted!r}", seen)
    if not health.version_field:
        return Answer("", seen)
    reported = str(body.get(health.version_field) or "")
    matches = version_matches(health.version, reported)
    if matches is None:
        return Answer("", seen, version=reported)
    if not reported:
        hint = 'set health.version_field to "" if the service does not report its version'
        return Answer(f"no field {health.version_field}; {hint}", seen, wrong_version=True)
    if not matches:
        complaint = f"reports version {reported}, wanted {health.version}"
        return Answer(complaint, seen, version=reported, wrong_version=True)
    return Answer("", seen, version=reported)


def ask(client: httpx.Client, url: str, health: Health, timeout: float) -> Answer:
    """Ask once and judge what comes, a refused or broken connection included."""
    try:
        return judge(client.get(url, timeout=timeout), health)
    except httpx.RequestError as error:
        seen = f"{type(error).__name__}: {error}"
        return Answer(seen, seen)


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
    last = "not asked yet"
    while not died.is_set():
        left = begin + health.timeout - clock()
        if left <= 0:
            reason = f"{passes} of {health.passes:g} passes within {health.timeout:g} s"
            return Refused(attempts, clock() - begin, passes, reason, last)
        asked = clock()
        answer = ask(min(left, ATTEMPT_TIMEOUT))
        attempts += 1
        if answer.seen != last:
            last = answer.seen
            told(attempts, last)
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

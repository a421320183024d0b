"""How long a release takes beyond the service's own boot: this program's, and the baseline's."""

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bluegreen.config.settings import Color, other
from evidence.bench import baseline
from evidence.bench.errors import BenchError
from evidence.bench.figures import quantile, ratio, spread
from evidence.bench.watcher import Watcher
from evidence.lab.host import docker, finish
from evidence.lab.stacks import VERSIONS, Stack, removed

# Spread over the 2 s between the baseline's tries: how long it sleeps through depends on it.
BOOTS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25)
# The line with which the stand-in, and Grafana, say that they listen.
_LISTENS = re.compile(r"^(\S+) .*(msg=listening|HTTP Server Listen)", re.MULTILINE)


@dataclass(frozen=True)
class Timing:
    """One release: seconds of boot, until the first new answer, and of the whole command.

    `ready` is when the service began to listen, in seconds since 1970.
    """

    ready: float
    boot: float
    first_answer: float
    command: float


def measure(folder: Path, told: Callable[[str], None]) -> dict[str, Any]:
    """Release with both in turns; return their figures, in seconds, and the gate's, in ms.

    The bake is set to 0 s, as the baseline has none; all else is as by default.
    """
    ours: list[Timing] = []
    theirs: list[Timing] = []
    reactions: list[float] = []
    quick = {"bake": {"seconds": 0}, "health": None, "drain_timeout": None}
    with (
        removed(folder, **quick) as stack,
        baseline.running() as script,
    ):
        stack.up()
        color: Color = "blue"
        for number, boot in enumerate(BOOTS, 1):
            color = other(color)
            told(f"release {number} of {len(BOOTS)}, a boot of {boot:g} s")
            ours.append(_release_ours(stack, color, boot))
            reactions += _reaction(stack, ours[-1].ready)
            theirs.append(_release_theirs(script, color, boot))
    return {
        "boot_s": spread([each.boot for each in ours + theirs]),
        "ours": _beyond(ours),
        "baseline": _beyond(theirs),
        "ratio_command": _compare(ours, theirs, lambda each: each.command - each.boot),
        "ratio_first_answer": _compare(ours, theirs, lambda each: each.first_answer - each.boot),
        "gate_reaction_ms": {
            "p50": round(quantile(reactions, 0.5)),
            "p95": round(quantile(reactions, 0.95)),
            "samples": len(reactions),
        },
    }


def _release_ours(stack: Stack, color: Color, boot: float) -> Timing:
    stack.configure(
        active_color=color,
        env={"STANDIN_BOOT_SECONDS": f"{boot:g}"},
        **{f"{color}_version": VERSIONS[color]},
    )
    with _clock(stack.url, color, f"{stack.service}-{color}") as release:
        stack.up()
    return release[0]


def _release_theirs(script: baseline.Baseline, color: str, boot: float) -> Timing:
    # As Compose does it for a changed environment; a container that is kept would not take it.
    docker("rm", "-f", f"{script.name}-{color}")
    script.environment["STANDIN_BOOT_SECONDS"] = f"{boot:g}"
    with _clock(script.url, color, f"{script.name}-{color}") as release:
        script.run()
    return release[0]


@contextmanager
def _clock(url: str, color: str, container: str) -> Iterator[list[Timing]]:
    """Time the block, which releases; its timing is in the list afterwards."""
    found: list[Timing] = []
    with Watcher(url) as watcher:
        begun = time.monotonic()
        yield found
        command = time.monotonic() - begun
    started = _moment(docker("inspect", "-f", "{{.State.StartedAt}}", container))
    ready = _ready(container)
    found.append(
        Timing(
            ready=ready,
            boot=ready - started,
            first_answer=watcher.first_answer(color) - begun,
            command=command,
        )
    )


def _ready(container: str) -> float:
    """When the service began to listen, in seconds since 1970."""
    listens = _LISTENS.findall(finish(["docker", "logs", "--timestamps", container]).output)
    if not listens:
        raise BenchError(f"{container}'s log does not say when it began to listen")
    return _moment(listens[-1][0])


def _reaction(stack: Stack, ready: float) -> list[float]:
    """Milliseconds from the service's readiness to the gate's first good answer.

    Empty where the service was ready before the gate began to ask: then there is none.
    """
    state = json.loads(stack.pulumi("stack", "export", "--stack", stack.name).output)
    gate = next(
        each["outputs"]
        for each in state["deployment"]["resources"]
        if each["urn"].endswith("::gate")
    )
    if gate["attempts"] <= gate["health"]["passes"]:
        return []
    passed = _moment(gate["passed_at"]) - (gate["passed_after_ms"] - gate["ready_after_ms"]) / 1000
    return [(passed - ready) * 1000]


def _moment(text: str) -> float:
    """RFC 3339, with up to nine digits of a second, in seconds since 1970."""
    digits = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?", text)
    assert digits, text
    whole = datetime.fromisoformat(digits[1]).replace(tzinfo=UTC).timestamp()
    return whole + float(digits[2] or 0)


def _beyond(releases: list[Timing]) -> dict[str, Any]:
    return {
        "first_answer_beyond_boot_s": spread([each.first_answer - each.boot for each in releases]),
        "command_beyond_boot_s": spread([each.command - each.boot for each in releases]),
    }


def _compare(ours: list[Timing], theirs: list[Timing], part: Callable[[Timing], float]) -> float:
    return ratio(statistics.median(map(part, ours)), statistics.median(map(part, theirs)))

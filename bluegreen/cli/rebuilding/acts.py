"""What the acts of a release left in a state: pure functions of what is known without it.

A gate that passed, a step that copied and a switch that switched leave nothing in Docker to read.
What they put out is filled in from what the edge says of itself; nothing is run again for it.
"""

import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bluegreen.cli.rebuilding.plugin import kind_of
from bluegreen.edge.render import digest
from bluegreen.edge.state import State
from bluegreen.errors import BluegreenError
from bluegreen.release.order import Report

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What is known without the state.

    Attributes:
        live: what the edge serves; None for an edge's own stack, which has no colors.
        before: the copy of the data that users had before the live one; the same where no
            release changed that, or nobody knows.
        at: when that was copied, in UTC; "" where it was not.
        owner: the stack's id in the labels of what runs; "" where none carries one.
    """

    live: State | None
    before: str = ""
    at: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Act:
    """One act: its id, and its inputs and outputs as the state keeps them."""

    identity: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def remember(urn: str, inputs: Inputs, known: Known) -> Act:
    """What an act of the last release left in the state.

    Raises:
        BluegreenError: nothing is known of such a resource.
    """
    kind = kind_of(urn)
    if kind not in ACTS:
        raise BluegreenError(f"a state cannot be rebuilt with a resource of the type {kind} in it")
    return ACTS[kind](inputs, known)


def _identity(inputs: Inputs, known: Known) -> Act:
    # The key is lost for good: labels made with it are known by what they are.
    key = secrets.token_urlsafe(32)
    return Act(known.owner or str(uuid.uuid4()), dict(inputs), {**inputs, "key": key})


def _gate(inputs: Inputs, known: Known) -> Act:
    assert known.live
    passed = {
        "attempts": 0,  # of this one nobody knows; the live color was let pass once
        "ready_after_ms": 0,
        "passed_after_ms": 0,
        "reported_version": known.live.version,
        "passed_at": known.live.since,
    }
    return Act("gate", dict(inputs), {**inputs, **passed})


def _step(inputs: Inputs, known: Known) -> Act:
    done = {"hold": "", "before": known.before, "at": known.at}
    return Act("data-step", dict(inputs), {**inputs, **done})


def _of_the_service(inputs: Inputs, _known: Known) -> Act:
    return Act(inputs["service"], dict(inputs), dict(inputs))


def _of_the_edge(inputs: Inputs, _known: Known) -> Act:
    return Act(inputs["edge"], dict(inputs), dict(inputs))


def _switch(inputs: Inputs, known: Known) -> Act:
    assert known.live
    live, kept = known.live, dict(inputs)
    if digest(inputs["stdin"]) != live.config:
        kept["stdin"] = ""  # another text than nginx has: the next update switches to it
    report = Report(
        color=live.color,
        version=live.version,
        generation=live.generation,
        since=live.since,
        switched=False,
        switch_seconds=0,
        requests=0,
        errors=0,
        bake_seconds=0,
        drain_seconds=0,
        cut=0,
    )
    told = {"stdout": json.dumps(asdict(report)), "stderr": ""}
    return Act(f"switch{live.config[:8]}", kept, {**kept, **told})


def _relief(inputs: Inputs, _known: Known) -> Act:
    return Act(inputs["relieves"], dict(inputs), dict(inputs))


ACTS: Mapping[str, Callable[[Inputs, Known], Act]] = {
    "pulumi-python:dynamic/bluegreen:Identity": _identity,
    "pulumi-python:dynamic/bluegreen:HealthGate": _gate,
    "pulumi-python:dynamic/bluegreen:DataStep": _step,
    "pulumi-python:dynamic/bluegreen:Scale": _of_the_service,
    "pulumi-python:dynamic/bluegreen:Guest": _of_the_service,
    "pulumi-python:dynamic/bluegreen:Certificates": _of_the_service,
    "pulumi-python:dynamic/bluegreen:LastOne": _of_the_edge,
    "pulumi-python:dynamic/bluegreen:Relief": _relief,
    "pulumi-python:dynamic/bluegreen:Relieved": _relief,
    "command:local:Command": _switch,
}

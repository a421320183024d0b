"""The guard: refuses, in the preview already, what would interrupt users without a switch.

It compares what serves users now with what the config would make of it. What serves now comes
from the stack's own outputs of its last update; what nginx says of itself corrects them when
an update died between its switch and its end.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from bluegreen.config.settings import EDGE, Settings
from bluegreen.docker.facts import Container
from bluegreen.edge.state import State
from bluegreen.errors import GuardRefused
from bluegreen.plan.facts import Facts
from bluegreen.plan.fingerprint import Fingerprint, digest_of

READ_TRIES = 50
READ_PAUSE = 0.1


@dataclass(frozen=True)
class Previous:
    """What the last update left: the live color and what runs, by name; empty at first.

    `data` is the output of that name: {mode, copy, before, at}; `replicas` is how many the live
    color was given, 0 where it is a container.
    """

    live: str = ""
    running: Mapping[str, Fingerprint] | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0


def read_previous() -> Previous:
    """Read this stack's own outputs; they are there before any resource is declared."""
    outputs = _own_outputs()
    live = outputs.get("live") or {}
    return Previous(
        live.get("color", ""),
        outputs.get("fingerprints"),
        outputs.get("data") or {},
        int(live.get("replicas", 0)),
    )


def _own_outputs() -> dict[str, Any]:
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for tries_left in reversed(range(READ_TRIES)):
        try:
            answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name})
            found: dict[str, Any] = answer.value or {}
            return found.get("outputs") or {}
        except Exception as error:  # the SDK raises no narrower one
            # The engine writes the state at the same time, and a file backend (CLI 3.259) does
            # not write it in one act: a read can meet half a file.
            if not tries_left or "checkpoint" not in str(error):
                raise
            time.sleep(READ_PAUSE)
    raise AssertionError("the last try returns or raises")


def drift(
    previous: Previous,
    edge: State | None,
    containers: Mapping[str, Container] | None = None,
    edges: Collection[str] = (EDGE,),
) -> str:
    """How what serves differs from what the last update left; "" when it does not.

    `edges` are the parts that nginx runs in and that should be there.
    """
    if not previous.live:
        return ""
    if not edge or edge.color != previous.live:
        serves = f"{edge.color} {edge.version}" if edge else "no color"
        return f"nginx serves {serves}, the stack's outputs say {previous.live}"
    for part in (*edges, previous.live):
        if containers is not None and part not in containers:
            return f"the container of {part} is gone"
        if containers and not containers[part].up:
            return f"the container of {part} is {containers[part].state}"
    return ""


def require_cluster(settings: Settings, facts: Facts) -> None:
    """Refuse an update without a manager, or when too few edges answer to switch all of them.

    Raises:
        GuardRefused: with what was seen.
    """
    if facts.no_manager:
        raise GuardRefused(
            f"platform is swarm, and of {settings.docker.host or 'the local Docker'} was seen: "
            f"{facts.no_manager}. Nothing was touched. Next: name a manager with docker:host, or "
            "`docker swarm init` makes one"
        )
    answer, required = len(settings.edges) - len(facts.troubles), settings.edges_required
    if len(settings.edges) == 1 or answer >= required:
        return
    troubles = "".join(f"\n  - {name}: {why}" for name, why in facts.troubles.items())
    serves = f"{facts.edge.color} {facts.edge.version} serves" if facts.edge else "no color is live"
    raise GuardRefused(
        f"{answer} of {len(settings.edges)} edges answer, edges_required is {required}; nothing "
        f"was touched, {serves} on the others:{troubles}\nNext: bring it back, or set "
        f"edges_required to {max(answer, 1)}: it takes over what was switched when it is back."
    )


def refuse_interruptions(
    settings: Settings,
    previous: Previous,
    edge: State | None,
    planned: Mapping[str, Fingerprint],
    containers: Mapping[str, Container] | None = None,
) -> None:
    """Refuse an update that replaces the edge, or what the live color runs, in place.

    Args:
        settings: the stack's settings.
        previous: what the last update left.
        edge: what nginx serves.
        planned: fingerprints by name ("edge", and each declared color).
        containers: what runs in Docker, by name.

    Raises:
        GuardRefused: it would interrupt users, and `allow_in_place` is not set.
    """
    if settings.allow_in_place:
        return
    live = edge.color if edge else previous.live
    running = dict(previous.running or {})
    reasons: list[str] = []
    serving = (containers or {}).get(live)
    if edge and edge.color != previous.live and serving:
        # An update died after its switch: what serves now is told by its label alone.
        running.pop(live, None)
        remade = serving.fingerprint != digest_of(planned.get(live))
        if settings.active_color == live and remade:
            reasons.append(
                f"{live} {edge.version} is live, and the config is not what it was made from: "
                "users would be interrupted; set the config back to what that release had, or "
                "release it on the other color"
            )
    idle = f"release it on the idle color instead (set active_color, not {live}_version)"
    edges = {edge.part: "plan a maintenance window" for edge in settings.edges}
    for name, way_out in {live: idle, **edges}.items():
        before, after = running.get(name), planned.get(name)
        if not before or not after:
            continue  # a color that leaves does so after the switch
        changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        if changed and name in edges:
            who = "the edge" if name == EDGE else name
            reasons.append(
                f"{who} would be replaced, because {_tell(changed, before, after)}: "
                f"nobody is served meanwhile; {way_out}"
            )
        elif changed and settings.active_color == live:
            reasons.append(
                f"{live} is live and would be replaced, because {_tell(changed, before, after)}: "
                f"users would be interrupted; {way_out}"
            )
    if reasons:
        raise GuardRefused(
            "this update would interrupt users; nothing was touched:"
            + "".join(f"\n  - {reason}" for reason in reasons)
            + "\nTo do it all the same: pulumi config set allow_in_place true"
        )


def _tell(keys: list[str], before: Fingerprint, after: Fingerprint) -> str:
    parts = []
    for key in keys:
        shown = key in ("env", "grafana_ini", "command")
        parts.append(f"{key} changes" if shown else f"{key}: {before.get(key)} → {after.get(key)}")
    return ", ".join(parts)

"""The guard: refuses, in the preview already, what would interrupt users without a switch.

It compares what serves users now with what the config would make of it. What serves now comes
from the stack's own outputs of its last update; what nginx says of itself corrects them when
an update died between its switch and its end.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from bluegreen.edge import CONFIG_FOLDER, State, state_of
from bluegreen.errors import BluegreenError, GuardRefused
from bluegreen.images import content_digest, image_of
from bluegreen.settings import Color, Docker, Settings
from bluegreen.shell import ask

Fingerprint = dict[str, str]


@dataclass(frozen=True)
class Previous:
    """What the last update left: the live color and what runs, by name; empty at first."""

    live: str = ""
    running: Mapping[str, Fingerprint] | None = None


def read_previous() -> Previous:
    """Read this stack's own outputs; they are there before any resource is declared."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    found = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name}).value or {}
    outputs = found.get("outputs") or {}
    live = outputs.get("live") or {}
    return Previous(live=live.get("color", ""), running=outputs.get("fingerprints"))


def read_edge(docker: Docker, edge: str) -> State | None:
    """Ask the edge's config volume what is live; None when there is no such edge, or no color.

    `docker cp` also answers for an edge that is stopped.
    """
    try:
        done = ask(docker, "cp", f"{edge}:{CONFIG_FOLDER}/nginx.conf", "-")
    except BluegreenError:
        return None
    header = done.stdout[512:1024] if done.returncode == 0 else ""  # a tar's first file
    return state_of(header)


def drift(previous: Previous, edge: State | None) -> str:
    """How what nginx serves differs from what the last update left; "" when it does not."""
    if not previous.live or (edge and edge.color == previous.live):
        return ""
    serves = f"{edge.color} {edge.version}" if edge else "no color"
    return f"nginx serves {serves}, the stack's outputs say {previous.live}"


def fingerprint_color(settings: Settings, color: Color, name: str, root: Path) -> Fingerprint:
    """What a color's container is made of: each part that cannot change without replacing it."""
    ini = content_digest(root / settings.grafana_ini) if settings.grafana_ini else ""
    return {
        "image": image_of(name, settings, color, root),
        f"{color}_port": f"{settings.direct_address}:{settings.direct_ports[color]}",
        "port": str(settings.port),
        "command": json.dumps(settings.command),
        "data_path": settings.data_path,
        "grafana_ini": ini,
        # A digest, as values may be secret.
        "env": _digest(settings.env),
        "limits": f"{settings.limits.memory} MB, {settings.limits.cpus:g} CPUs",
        "user": settings.user,
    }


def fingerprint_edge(settings: Settings) -> Fingerprint:
    """What the edge's container is made of."""
    return {
        "edge_image": settings.edge_image,
        "http_port": f"{settings.http_address}:{settings.http_port}",
        "preview_port": f"{settings.direct_address}:{settings.preview_port}",
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def refuse_interruptions(
    settings: Settings,
    previous: Previous,
    edge: State | None,
    planned: Mapping[str, Fingerprint],
) -> None:
    """Refuse an update that replaces the edge, or what the live color runs, in place.

    Args:
        settings: the stack's settings.
        previous: what the last update left.
        edge: what nginx serves.
        planned: fingerprints by name ("edge", and each declared color).

    Raises:
        GuardRefused: it would interrupt users, and `allow_in_place` is not set.
    """
    if settings.allow_in_place or not previous.running:
        return
    live = edge.color if edge else previous.live
    reasons: list[str] = []
    for name, way_out in (
        (live, f"release it on the idle color instead (set active_color, not {live}_version)"),
        ("edge", "plan a maintenance window"),
    ):
        before, after = previous.running.get(name), planned.get(name)
        if not before or not after:
            continue  # a color that leaves does so after the switch
        changed = [key for key in after if before.get(key) != after[key]]
        if changed and name == "edge":
            reasons.append(
                f"the edge would be replaced, because {_tell(changed, before, after)}: "
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
        parts.append(f"{key} changes" if shown else f"{key}: {before.get(key)} → {after[key]}")
    return ", ".join(parts)

"""Fingerprints: what a container is made of, part by part, to tell what an update would change."""

import hashlib
import json
from pathlib import Path
from typing import Any

from bluegreen.config.images import content_digest, image_of
from bluegreen.config.settings import Color, Edge, Settings
from bluegreen.data.environment import environment, secret_variables

Fingerprint = dict[str, str]


def fingerprint_color(
    settings: Settings, color: Color, name: str, root: Path, copy: str = ""
) -> Fingerprint:
    """What a color's container is made of: each part that cannot change without replacing it.

    `copy` is the copy of the data that it runs on.
    """
    ini = content_digest(root / settings.grafana_ini) if settings.grafana_ini else ""
    parts = {
        "image": image_of(name, settings, color, root),
        f"{color}_port": f"{settings.direct_address}:{settings.direct_ports[color]}",
        "port": str(settings.port),
        "command": json.dumps(settings.command),
        "data_path": settings.data_path,
        "grafana_ini": ini,
        # A digest, as values may be secret.
        "env": digest_of(environment(settings, copy)),
        "limits": f"{settings.limits.memory} MB, {settings.limits.cpus:g} CPUs",
        "user": settings.user,
    }
    # Left out where it is the first: stacks from before there were copies have no such part.
    return parts | ({"data.copy": copy} if copy else {}) | _of_swarm(settings)


def _of_swarm(settings: Settings) -> Fingerprint:
    """What a service's replicas cannot change without being made anew; their number they can."""
    if not settings.swarm:
        return {}
    placement, reserved = settings.swarm.placement, settings.swarm.reservations
    return {
        "platform": "swarm",
        "placement": json.dumps([placement.constraints, placement.spread, placement.max_per_node]),
        "reservations": f"{reserved.memory} MB, {reserved.cpus:g} CPUs",
        "stop_grace": str(settings.stop_grace),
        "secrets": json.dumps(sorted(secret_variables(settings))),
    }


def fingerprint_edge(settings: Settings, edge: Edge) -> Fingerprint:
    """What an edge's container is made of."""
    parts = {
        "edge_image": settings.edge_image,
        "http_port": f"{edge.http_address}:{edge.http_port}",
        "preview_port": f"{settings.direct_address}:{settings.preview_port}",
    }
    # Left out where it is not set: stacks from before it existed have no such part.
    parts |= {"subnet": settings.subnet} if settings.subnet else {}
    return parts | ({"platform": "swarm"} if settings.swarm else {})


def digest_of(value: Any) -> str:
    """One digest of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

"""Fingerprints: what a container is made of, part by part, to tell what an update would change.

The table of config keys says which keys touch a color, and which the edge. Each has a part of its
own name, left out where it has its default: so a new key is guarded from its first day, and changes
nothing for the stacks that do not use it. The parts that are older have forms of their own, which
stay as they are: the outputs of stacks that exist are compared with them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bluegreen.config.images import content_digest, image_of
from bluegreen.config.kinds import Effect
from bluegreen.config.settings import Color, Edge, Limits, Settings
from bluegreen.config.table import leaves, value_of
from bluegreen.edge.clients import Listening
from bluegreen.edge.files import digest_of_files, edge_files
from bluegreen.platforms import of

Fingerprint = dict[str, str]


@dataclass(frozen=True)
class _Color:
    """What a color's container is made from."""

    settings: Settings
    color: Color
    name: str
    root: Path
    copy: str


_OfColor = Callable[[_Color], str]
_OfEdge = Callable[[Settings, Edge], str]


def _ini(whole: _Color) -> str:
    path = whole.settings.grafana_ini
    return content_digest(whole.root / path) if path else ""


def _environment(whole: _Color) -> dict[str, str]:
    return dict(of(whole.settings).environment(whole.settings, whole.copy))


def _limits(limits: Limits) -> str:
    files = f", {limits.files} files" if limits.files else ""
    return f"{limits.memory} MB, {limits.cpus:g} CPUs{files}"


# Each part with the keys that it tells of.
_COLOR: dict[str, tuple[str, _OfColor]] = {
    "image": (
        "image build.context build.dockerfile build.args build.version_arg blue_version "
        "green_version",
        lambda whole: image_of(whole.name, whole.settings, whole.color, whole.root),
    ),
    "COLOR_port": (
        "blue_port green_port direct_address",
        lambda whole: f"{whole.settings.direct_address}:{whole.settings.direct_ports[whole.color]}",
    ),
    "port": ("port", lambda whole: str(whole.settings.port)),
    "command": ("command", lambda whole: json.dumps(whole.settings.command)),
    "data_path": ("data_path", lambda whole: whole.settings.data_path),
    "grafana_ini": ("grafana_ini", _ini),
    # A digest, as values may be secret.
    "env": (
        "env database_url data.url_env",
        lambda whole: digest_of(_environment(whole)),
    ),
    "limits": (
        "limits.memory limits.cpus limits.files",
        lambda whole: _limits(whole.settings.limits),
    ),
    "user": ("user", lambda whole: whole.settings.user),
}
_EDGE: dict[str, tuple[str, _OfEdge]] = {
    "edge_image": ("edge_image", lambda settings, _: settings.edge_image),
    "http_port": (
        "http_port http_address edges[].http_port edges[].http_address",
        lambda _, edge: f"{edge.http_address}:{edge.http_port}",
    ),
    "preview_port": (
        "preview_port direct_address",
        lambda settings, _: f"{settings.direct_address}:{settings.preview_port}",
    ),
}
# How it switches. An edge of before this part has another start script and reads other files.
SWITCH = {"switch": "file"}
# What changes in an edge without a gap: nginx is replaced, and the holder of its ports stays.
GAPLESS = frozenset(("edge_image", "log_to_docker", "nginx"))
# What these touch is told by which containers there are, where, and by what they are called; or by
# the platform's own parts.
_TOLD_ELSEWHERE = (
    # by nginx's own config
    "trusted_proxies proxy_protocol max_connections header_buffers underscores_in_headers "
    "name standby edges[].name edges[].host edges[].context edges[].cert_path platform stop_grace "
    "placement.constraints placement.spread placement.max_per_node reservations.memory "
    "reservations.cpus"
).split()


def fingerprint_color(
    settings: Settings, color: Color, name: str, root: Path, copy: str = ""
) -> Fingerprint:
    """What a color's container is made of: each part that cannot change without replacing it.

    `copy` is the copy of the data that it runs on.
    """
    whole = _Color(settings, color, name, root, copy)
    parts = {part.replace("COLOR", color): tell(whole) for part, (_, tell) in _COLOR.items()}
    # Left out where it is the first: stacks from before there were copies have no such part.
    parts |= {"data.copy": copy} if copy else {}
    others = _other_parts(settings, "color", _COLOR, "data.copy")
    return parts | others | of(settings).fingerprint(settings)


def fingerprint_edge(settings: Settings, edge: Edge) -> Fingerprint:
    """What an edge's container is made of."""
    parts = SWITCH | {part: tell(settings, edge) for part, (_, tell) in _EDGE.items()}
    several = "edge" if of(settings).many_edges else ""
    # Ports are told by parts of their own.
    listening = replace(Listening.of(settings, edge), http_port=0, https_port=0)
    files = edge_files(listening, several, shared=settings.kind == "edge")
    parts["nginx"] = digest_of_files(files)[:12]
    return parts | _other_parts(settings, "edge", _EDGE) | of(settings).fingerprint_edge()


def _other_parts(
    settings: Settings, effect: Effect, forms: Mapping[str, tuple[str, Any]], *told: str
) -> Fingerprint:
    """A part for each key of this effect that no form tells of, where it is not as usual."""
    known = {*_TOLD_ELSEWHERE, *told, *(key for keys, _ in forms.values() for key in keys.split())}
    found: Fingerprint = {}
    for key in leaves():
        if key.name not in known and effect in key.effects_on(swarm=of(settings).many_edges):
            value = value_of(settings, key.name)
            # Of what depends on other keys, nothing is as usual, too.
            if value != key.default and (value or key.default is not None):
                plain = value if isinstance(value, str) else json.dumps(value)
                found[key.name] = digest_of(value) if key.secret else plain
    return found


def without_gap(before: Fingerprint, after: Fingerprint) -> bool:
    """Whether an edge of before becomes one of after without a gap."""
    changes = {part for part in before.keys() | after.keys() if before.get(part) != after.get(part)}
    return changes <= GAPLESS


def digest_of(value: Any) -> str:
    """One digest of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def tell(before: Fingerprint, after: Fingerprint) -> str:
    """What differs, part by part; of what may be secret, only that it does."""
    parts = []
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            shown = key not in ("env", "grafana_ini", "command")
            parts.append(
                f"{key}: {before.get(key)} → {after.get(key)}" if shown else f"{key} changes"
            )
    return ", ".join(parts)

"""What a switch is told, and what it tells."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bluegreen.config.settings import Bake, Docker, Health, Place
from bluegreen.platforms.platform import Target


@dataclass(frozen=True)
class Users:
    """How a user asks: for which host and path, and whether by a socket that says it is by TLS."""

    host: str
    path: str
    secure: bool


@dataclass(frozen=True)
class Order:
    """What is to be switched, and how.

    Attributes:
        service: prefix of everything the stack makes in Docker.
        color: the color to be live.
        version: the version it carries.
        target: how it can be asked and watched.
        edges: where all edges are; at least one.
        edges_required: so many of these must take part.
        health: what a good answer is.
        bake: how long, and how strictly, users' requests are watched.
        drain_timeout: seconds for what the outgoing color still serves.
        tools_image: image with Python, which closes what is still open after the drain.
        hold: which writes wait until the switch is confirmed (see `Nginx.hold`); "" = none.
        shares: whether the edge has other services, too.
        users: how users ask for the health; None = it is not asked by their way.
        proxied: whether the public port takes connections by the PROXY protocol.
    """

    service: str
    color: str
    version: str
    target: Target
    edges: tuple[Place, ...]
    edges_required: int
    health: Health
    bake: Bake
    drain_timeout: int
    tools_image: str
    hold: str = ""
    shares: bool = False
    users: "Users | None" = None
    proxied: bool = False

    def to_json(self) -> str:
        """The order as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """The order from its JSON."""
        raw = json.loads(text)
        parts = {
            "target": target_from(raw["target"]),
            "edges": places_from(raw["edges"]),
            "health": Health(**raw["health"]),
            "bake": Bake(**raw["bake"]),
            "users": Users(**raw["users"]) if raw["users"] else None,
        }
        return cls(**raw | parts)


def places_from(raw: Any) -> tuple[Place, ...]:
    """Places from plain values, as JSON and Pulumi keep them."""
    return tuple(Place(each["container"], Docker(**each["docker"])) for each in raw)


def target_from(raw: Mapping[str, Any]) -> Target:
    """A target from plain values, of which there may be others besides."""
    given = {field.name: raw[field.name] for field in fields(Target)}
    # Pulumi keeps each number as one with a fraction.
    return Target(**given | {"docker": Docker(**raw["docker"]), "replicas": int(raw["replicas"])})


def tell(text: str) -> None:
    """Say how it goes: Pulumi shows what is written to standard error while it runs."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Report:
    """What a switch did. Times in seconds; `cut` counts requests closed at the drain's end.

    `switch_seconds` is from the switch's begin until the flip; `errors` counts 5xx answers and
    abandoned requests; `missed` names the edges that it went on without.
    """

    color: str
    version: str
    generation: int
    since: str
    switched: bool
    switch_seconds: float
    requests: int
    errors: int
    bake_seconds: float
    drain_seconds: float
    cut: int
    missed: tuple[str, ...] = ()

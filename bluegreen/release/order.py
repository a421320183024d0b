"""What a switch is told, and what it tells."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bluegreen.config.settings import Bake, Docker, Health, Place
from bluegreen.platforms.platform import Target


@dataclass(frozen=True)
class Order:
    """What is to be switched, and how.

    Attributes:
        color: the color to be live.
        version: the version it carries.
        target: how it can be asked and watched.
        edges: where all edges are; at least one.
        edges_required: so many of these must take part.
        health: what a good answer is.
        bake: how long, and how strictly, users' requests are watched.
        drain_timeout: seconds for what the outgoing color still serves.
        hold: which writes wait until the switch is confirmed (see `Nginx.hold`); "" = none.
    """

    color: str
    version: str
    target: Target
    edges: tuple[Place, ...]
    edges_required: int
    health: Health
    bake: Bake
    drain_timeout: int
    hold: str = ""

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
    """What a switch did. Times in seconds; `cut` counts connections closed at the drain's end.

    `switch_seconds` is from the switch's begin until nginx's new workers alone take connections;
    `missed` names the edges that it went on without.
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

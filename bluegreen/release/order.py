"""What a switch is told, and what it tells."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from bluegreen.config.settings import Bake, Docker, Health, Place


@dataclass(frozen=True)
class Order:
    """What is to be switched, and how; `container` and `edge` are containers' names.

    Attributes:
        hold: which writes wait until the switch is confirmed (see `Nginx.hold`); "" = none.
        edges: where all edges are, when it is not the one on `docker`.
        edges_required: so many of these must take part.
        replicas: of the target, whose `container` then is a Swarm service; 0 = it is a container.
        url: of the target's health, by which each of its replicas is asked.
    """

    color: str
    version: str
    container: str
    edge: str
    health: Health
    bake: Bake
    drain_timeout: int
    docker: Docker
    hold: str = ""
    edges: tuple[Place, ...] = ()
    edges_required: int = 0
    replicas: int = 0
    url: str = ""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the edges are."""
        return self.edges or (Place(self.edge, self.docker),)

    def to_json(self) -> str:
        """The order as JSON; what is as usual is left out, so that old orders stay as they were."""
        usual = {field.name: field.default for field in fields(self)}
        return json.dumps({k: v for k, v in asdict(self).items() if v != usual[k]})

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """The order from its JSON."""
        raw = json.loads(text)
        parts = {"health": Health, "bake": Bake, "docker": Docker}
        given = {key: parts[key](**v) if key in parts else v for key, v in raw.items()}
        return cls(**given | {"edges": places_from(raw.get("edges", ()))})


def places_from(raw: Any) -> tuple[Place, ...]:
    """Places from plain values, as JSON and Pulumi keep them."""
    return tuple(Place(each["container"], Docker(**each["docker"])) for each in raw)


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

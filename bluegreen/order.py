"""What a switch is told, and what it tells."""

import json
from dataclasses import asdict, dataclass

from bluegreen.settings import Bake, Docker, Health

TRIAL_HOLD = "trial"  # hold writes back from the target alone, from the switch on


@dataclass(frozen=True)
class Order:
    """What is to be switched, and how; `container` and `edge` are containers' names.

    `hold` says which writes wait until the switch is confirmed (see `Nginx.hold`); "" = none.
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

    def to_json(self) -> str:
        """The order as JSON."""
        told = asdict(self)
        if not self.hold:  # an order from before there was data to hold stays as it was
            del told["hold"]
        return json.dumps(told)

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """The order from its JSON."""
        raw = json.loads(text)
        parts = {"health": Health, "bake": Bake, "docker": Docker}
        return cls(**{key: parts[key](**v) if key in parts else v for key, v in raw.items()})


@dataclass(frozen=True)
class Report:
    """What a switch did. Times in seconds; `cut` counts connections closed at the drain's end.

    `switch_seconds` is from the switch's begin until nginx's new workers alone take connections.
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

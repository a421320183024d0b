"""The situation: what runs, whose it is, what serves, and what could not be asked.

Derived once; the guard, the plan in words, and each verb of the command line read it. What could
not be asked is unknown, and nobody may take it for "not there".
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from bluegreen.config.settings import EDGE, Docker, Edge, Place
from bluegreen.docker.facts import Container, Thing, containers_of, read_things, unanswered
from bluegreen.edge.state import State, newest, read_state
from bluegreen.errors import BluegreenError
from bluegreen.plan.fingerprint import Fingerprint
from bluegreen.platforms import Platform

T = TypeVar("T")


class Ground(Protocol):
    """Where a stack has its things: the part of its settings that is needed to ask for them."""

    @property
    def docker(self) -> Docker:
        """The stack's own daemon."""

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Its edges."""

    def places(self, service: str) -> tuple[Place, ...]:
        """Where the edges are, of the service of this name."""


@dataclass(frozen=True)
class Pin:
    """The image that a color's release ran: its name with tag, and its id."""

    image: str
    identity: str


@dataclass(frozen=True)
class Previous:
    """What the last update that ended left, by the stack's outputs; empty at first.

    Attributes:
        live: the color.
        running: what each container is made of, by part; None before the first update.
        data: the output of that name: {mode, copy, before, at}.
        replicas: how many the live color was given; 0 where it is a container.
        name: the prefix of what the stack has in Docker; "" where the outputs say none yet.
        pins: by color, the image that it ran when it was last released.
        key: by which fingerprints in labels are keyed; "" where there is none yet.
        versions: by color, of what is live and what is on standby.
        adopted: by color, the fingerprint in the label of a container that the state was rebuilt
            from; nobody has the key that it was made with.
    """

    live: str = ""
    running: Mapping[str, Fingerprint] | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0
    name: str = ""
    pins: Mapping[str, Pin] = field(default_factory=dict)
    key: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    adopted: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> "Previous":
        """Take it from a stack's outputs."""
        live, standby = outputs.get("live") or {}, outputs.get("standby") or {}
        return cls(
            live=live.get("color", ""),
            running=outputs.get("fingerprints"),
            data=outputs.get("data") or {},
            replicas=int(live.get("replicas", 0)),
            name=outputs.get("name") or "",
            pins={color: Pin(**pin) for color, pin in (outputs.get("pins") or {}).items()},
            key=(outputs.get("identity") or {}).get("key", ""),
            adopted=outputs.get("adopted") or {},
            versions={each["color"]: each.get("version", "") for each in (live, standby) if each},
        )


@dataclass(frozen=True)
class Situation:
    """What is known of a service.

    Attributes:
        name: prefix of what the stack has in Docker.
        previous: what the last update that ended left.
        states: what each edge serves, by its container's name; None = no color.
        troubles: why an edge could not be asked, by its container's name.
        things: all that Docker has with the service's label.
        containers: what runs, by part.
        unknown: which Docker could not be asked, and why.
        no_manager: why the stack's Docker cannot run the colors of its platform; "" when it can.
    """

    name: str
    previous: Previous = field(default_factory=Previous)
    states: Mapping[str, State | None] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    things: tuple[Thing, ...] = ()
    containers: Mapping[str, Container] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    no_manager: str = ""

    @property
    def edge(self) -> State | None:
        """What nginx serves: of several edges, what was switched to last."""
        return newest(self.states.values())

    @property
    def live(self) -> str:
        """The live color by nginx's word, else by the stack's outputs; "" before a release."""
        return self.edge.color if self.edge else self.previous.live

    @property
    def serves(self) -> str:
        """What users get now, as a phrase."""
        if self.edge:
            return f"{self.edge.color} {self.edge.version} keeps serving"
        if self.troubles or self.unknown:
            return "what serves now could not be asked"
        return "no color is live"

    @property
    def volumes(self) -> Mapping[str, Thing]:
        """The service's volumes by name; where Docker could not be asked, not all of them."""
        return {thing.name: thing for thing in self.things if thing.kind == "volume"}

    @property
    def disagreement(self) -> str:
        """Which edges serve something else than the newest, as a phrase; "" when none does."""
        last = self.edge
        others = [
            f"{name} serves {state.color} {state.version}" if state else f"{name} serves no color"
            for name, state in self.states.items()
            if last and state != last
        ]
        serves = f"{last.color} {last.version} was switched to last" if last else ""
        return f"{', '.join(others)}; {serves}" if others else ""

    def drift(self, ground: Ground) -> str:
        """How what serves differs from what the last update left; "" when it does not."""
        live, edge = self.previous.live, self.edge
        if not live:
            return ""
        if not edge or edge.color != live:
            serves = f"{edge.color} {edge.version}" if edge else "no color"
            return f"nginx serves {serves}, the stack's outputs say {live}"
        for part in (*self._known_edges(ground), live):
            if part not in self.containers:
                if not self.unknown:
                    return f"the container of {part} is gone"
            elif not self.containers[part].up:
                return f"the container of {part} is {self.containers[part].state}"
        return self.disagreement

    def _known_edges(self, ground: Ground) -> list[str]:
        """The edges whose containers should be there: not what is new or cannot be asked."""
        known = self.previous.running or {EDGE: {}}
        return [
            edge.part
            for edge in ground.edges
            if edge.part in known and f"{self.name}-{edge.part}" not in self.troubles
        ]


def observe(
    ground: Ground, name: str, platform: Platform, previous: Callable[[], Previous]
) -> Situation:
    """Ask everything at once: a Docker behind ssh takes its time to answer.

    Args:
        ground: the stack's settings, or what is known of them.
        name: prefix of what the stack has in Docker.
        platform: what its colors run on.
        previous: reads what the last update left.
    """
    places = ground.places(name)
    dockers = list(dict.fromkeys([ground.docker, *(place.docker for place in places)]))
    with ThreadPoolExecutor(2 * len(places) + len(dockers) + 2) as pool:
        asked = [pool.submit(read_state, place.docker, place.container, name) for place in places]
        listed = [pool.submit(_told, read_things, docker, name) for docker in dockers]
        others = pool.submit(_told, platform.read, ground.docker, name)
        trouble = pool.submit(platform.trouble, ground.docker)
        left = previous()
    told = {place.container: each.result() for place, each in zip(places, asked, strict=True)}
    things: list[Thing] = []
    unknown: dict[str, str] = {}
    for docker, answer in zip(dockers, listed, strict=True):
        found = answer.result()
        if isinstance(found, BluegreenError):
            unknown |= [unanswered(docker, found)]
        else:
            things += found
    containers = containers_of(things, name)
    answered = others.result()
    if isinstance(answered, BluegreenError):
        unknown |= [unanswered(ground.docker, answered)]
    else:
        containers |= answered
    return Situation(
        name=name,
        previous=left,
        states={place: state for place, (state, trouble) in told.items() if not trouble},
        troubles={place: trouble for place, (_, trouble) in told.items() if trouble},
        things=tuple(things),
        containers=containers,
        unknown=unknown,
        no_manager=trouble.result(),
    )


def _told(ask: Callable[..., T], *words: Any) -> T | BluegreenError:
    try:
        return ask(*words)
    except BluegreenError as error:
        return error

"""What a platform has to answer: all that differs between the things a color may run on."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from bluegreen.config.settings import Color, Docker, Health, Settings
from bluegreen.docker.facts import Container, Listing
from bluegreen.docker.shell import Shell
from bluegreen.edge.upstream import Upstream

if TYPE_CHECKING:  # the gate's and the switch's processes make nothing, and load no pulumi_docker
    import pulumi
    import pulumi_docker as docker

    from bluegreen.health.probe import Answer
    from bluegreen.platforms.common import Made, Scope


@dataclass(frozen=True)
class Target:
    """A color that is to be live, as the gate and the switch know it.

    Attributes:
        platform: the name of what it runs on.
        container: its container, or what stands for it there: a Swarm's service.
        url: of its health, as an edge asks it.
        docker: which daemon.
        replicas: how many of it there have to be.
    """

    platform: str
    container: str
    url: str
    docker: Docker = field(default_factory=Docker)
    replicas: int = 1


class Watched(Protocol):
    """News of a target, for as long as its `with` block lasts."""

    died: threading.Event
    """Set as soon as it fails."""

    def ask(
        self, shells: Mapping[str, Shell], url: str, health: Health, timeout: float
    ) -> "Answer":
        """Ask all of it once from these edges; the first bad answer, if there is one."""

    def why(self) -> str:
        """How it failed, as a phrase."""

    def log_tail(self) -> str:
        """The last lines of the log of what ails, each marked as such."""

    def __enter__(self) -> Self:
        """Begin to watch."""

    def __exit__(self, *_: object) -> None:
        """End it."""


class Platform(Protocol):
    """One kind of thing that a color may run on. It has no state of its own."""

    @property
    def name(self) -> str:
        """What config calls it."""

    @property
    def upstream(self) -> Upstream:
        """How nginx has to treat a color that runs on it."""

    @property
    def many_edges(self) -> bool:
        """Whether there may be several edges, which follow each other."""

    @property
    def data_modes(self) -> Collection[str]:
        """The values of `data.mode` that it can be used with."""

    @property
    def has_volumes(self) -> bool:
        """Whether both colors can have one volume of a Docker host."""

    @property
    def idle_stays(self) -> bool:
        """Whether an idle color can stay as it was released, whatever config says by now."""

    @property
    def listings(self) -> Sequence[Listing]:
        """What it makes in Docker besides containers, networks and volumes."""

    # Made by Pulumi

    def make_network(self, scope: "Scope") -> "docker.Network":
        """Make the stack's own network, on which the edges find the colors by name."""

    def make_color(
        self,
        scope: "Scope",
        color: Color,
        network: "docker.Network",
        data: "docker.Volume | None",
        after: "pulumi.Resource | None" = None,
    ) -> "Made":
        """Make a color; `after` is what must be done before it may be touched."""

    def target(self, settings: Settings, color: Color, container: str) -> Target:
        """What gate and switch are told of a color, whose container has this name."""

    def outputs(self, settings: Settings, color: Color) -> dict[str, Any]:
        """What a stack's outputs say of a color besides version and image."""

    def environment(self, settings: Settings, copy: str) -> Mapping[str, str]:
        """The variables that a color on this copy of the data gets."""

    # What the plan asks

    def fingerprint(self, settings: Settings) -> dict[str, str]:
        """What a color cannot change without being replaced, besides what all platforms have."""

    def fingerprint_edge(self) -> dict[str, str]:
        """The same of an edge."""

    def read(self, docker: Docker, service: str) -> Mapping[str, Container]:
        """What runs of a stack that is no container, by part (blue, green).

        Raises:
            BluegreenError: it could not be asked.
        """

    def trouble(self, docker: Docker) -> str:
        """Why this Docker cannot run colors; "" when it can."""

    @property
    def well(self) -> str:
        """What `bluegreen doctor` says when there is no trouble."""

    @property
    def way_out(self) -> str:
        """What to do about trouble."""

    def count(self, settings: Settings, color: Color) -> str:
        """Of what the plan says that it starts: how many, as "3 replicas of "; "" = one."""

    def keeps(self, settings: Settings, color: Color) -> str:
        """What is left of a color on standby, as ", 1 replicas"; "" = all of it."""

    def scaling(self, settings: Settings, before: int) -> str:
        """What becomes of users when the live color, of so many before, is scaled in place.

        "" when it is not. `before` is 0 where it is not known.
        """

    # What gate and switch ask

    def watch(self, target: Target, *, starting: bool, fresh: bool = False) -> Watched:
        """News of the target.

        Args:
            target: the color.
            starting: for the gate, which lets it come up; else each failure is one too many.
            fresh: it was made for this release.
        """

    def look_again(self, target: Target, shells: Mapping[str, Shell], health: Health) -> None:
        """Look once more right before a switch: a gate that has passed is not run again for it.

        Raises:
            SwitchFailed: it is not well any more.
        """

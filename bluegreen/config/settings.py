"""The stack's settings, typed and frozen. `config.load` makes them; nothing else does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Color = Literal["blue", "green"]
COLORS: tuple[Color, Color] = ("blue", "green")
EDGE = "edge"
# Colors and edges are host names on the network, of 63 characters at the most (RFC 1035).
LONGEST_HOST = 63


def other(color: Color) -> Color:
    """The color that is not this one."""
    return "green" if color == "blue" else "blue"


@dataclass(frozen=True)
class Health:
    """What the gate asks of the target.

    Attributes:
        path: asked with GET on the service's port.
        timeout: seconds for the whole gate, the service's boot included.
        interval: seconds between two passes.
        passes: consecutive good answers that make the gate pass.
        status: the HTTP status of a good answer.
        json: fields the answer must have, with their values; empty = not looked at.
        version_field: field of the answer that reports the version; "" = not checked.
        version: version to be reported; "" = the color's own version.
    """

    path: str
    timeout: float
    interval: float
    passes: int
    status: int
    json: Mapping[str, object]
    version_field: str
    version: str


@dataclass(frozen=True)
class Bake:
    """How long, and how strictly, real traffic is watched after the switch.

    Attributes:
        seconds: how long; 0 = not at all.
        max_error_share: share of 5xx answers, 0 to 1, above which the switch goes back.
        min_requests: with fewer requests the share says nothing and is not judged.
    """

    seconds: float
    max_error_share: float
    min_requests: int


@dataclass(frozen=True)
class Build:
    """An image built per color, with that color's version as a build argument.

    Attributes:
        context: folder, relative to the project.
        dockerfile: file, relative to the context.
        args: further build arguments.
        version_arg: build argument that carries the color's version.
    """

    context: str
    dockerfile: str
    args: Mapping[str, str]
    version_arg: str


@dataclass(frozen=True)
class Limits:
    """What a color may use: memory in MB and CPUs; 0 = no limit."""

    memory: int
    cpus: float


@dataclass(frozen=True)
class Data:
    """What becomes of the service's data in a release.

    Attributes:
        mode: where it is; see docs/data.md.
        keep: so many snapshots of releases are kept; 0 = all.
        copy: which copy of the data the target runs on: a restored snapshot's or a clone's name,
            `first` = the volume it began in; "" = as the mode has it.
        block_writes: whether writes wait while a clone is taken and switched to.
        allow_loss: whether writes may be lost instead.
        reads: paths of requests that only read, though their method is not GET.
        dump: whether an external database is dumped before a release.
        url_env: environment variable by which the service is told its database's URL.
        tools_image: image with Python, that volumes are copied in.
        client_image: image with the external database's own tools.
    """

    mode: Literal["shared", "clone", "external", "none"]
    keep: int
    copy: str
    block_writes: bool
    allow_loss: bool
    reads: tuple[str, ...]
    dump: bool
    url_env: str
    tools_image: str
    client_image: str


@dataclass(frozen=True)
class Docker:
    """Which daemon: the docker provider's own settings; "" = the environment's."""

    host: str = ""
    context: str = ""
    cert_path: str = ""


@dataclass(frozen=True)
class Place:
    """Where an edge's container is: its name, and the daemon that it runs on."""

    container: str
    docker: Docker


@dataclass(frozen=True)
class Edge:
    """One nginx, on a Docker host of its own or the stack's.

    Attributes:
        name: in the config's list; `edge` = the one of a stack that has no list.
        docker: which daemon it runs on.
        http_address: address of that host that the public port is bound to.
        http_port: the public port there.
    """

    name: str
    docker: Docker
    http_address: str
    http_port: int

    @property
    def part(self) -> str:
        """What it is called among the stack's resources and containers."""
        return self.name if self.name == EDGE else f"{EDGE}-{self.name}"


def places_of(edges: Iterable[Edge], service: str) -> tuple[Place, ...]:
    """Where these edges are, of the service of this name."""
    return tuple(Place(f"{service}-{edge.part}", edge.docker) for edge in edges)


@dataclass(frozen=True)
class Placement:
    """Where a Swarm may put replicas.

    Attributes:
        constraints: such as `node.labels.tier==app`; all must hold.
        spread: node labels, such as `node.labels.zone`, over whose values replicas are spread.
        max_per_node: most replicas of a color on one node; 0 = no limit.
    """

    constraints: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    max_per_node: int = 0


@dataclass(frozen=True)
class Swarm:
    """How a color runs as a Swarm service.

    Attributes:
        replicas: of the live color.
        standby_replicas: of a color on standby.
        placement: where they may run.
        reservations: memory and CPUs that a node must have free for each.
    """

    replicas: int
    standby_replicas: int
    placement: Placement
    reservations: Limits


@dataclass(frozen=True)
class Settings:
    """One stack's settings. Field names are the config's keys; Pulumi.yaml describes each."""

    active_color: Color
    versions: Mapping[Color, str]
    image: str
    build: Build | None
    port: int
    command: tuple[str, ...]
    http_port: int
    http_address: str
    preview_port: int
    direct_ports: Mapping[Color, int]
    direct_address: str
    data_path: str
    data: Data
    database_url: str = field(repr=False)
    grafana_ini: str
    env: Mapping[str, str]
    env_is_secret: bool
    limits: Limits
    user: str
    stop_grace: int
    standby: Literal["remove", "keep"]
    health: Health
    bake: Bake
    drain_timeout: int
    prune: bool
    allow_in_place: bool
    edge_image: str
    service_template: str
    subnet: str
    edges: tuple[Edge, ...]
    edges_required: int
    swarm: Swarm | None
    name: str = ""
    docker: Docker = Docker()

    def prefix(self, project: str, stack: str) -> str:
        """The prefix of everything that the stack has in Docker."""
        return self.name or f"{project}-{stack}"

    @property
    def longest_prefix(self) -> int:
        """How many characters that prefix may have, with these edges."""
        return LONGEST_HOST - max(
            len(f"-{part}") for part in (*COLORS, *(edge.part for edge in self.edges))
        )

    @property
    def declared(self) -> tuple[Color, ...]:
        """The colors that run after the update, the active one first."""
        idle = other(self.active_color)
        if self.standby == "keep" and self.versions[idle]:
            return (self.active_color, idle)
        return (self.active_color,)

    def places(self, service: str) -> tuple[Place, ...]:
        """Where the edges are, of the service of this name."""
        return places_of(self.edges, service)

    def health_of(self, color: Color) -> Health:
        """What the gate asks of this color: its own version, unless config names another."""
        return replace(self.health, version=self.health.version or self.versions[color])

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
        status: the HTTP statuses of a good answer: `200`, `200,204`, `200-299`.
        json: fields the answer must have, with their values; empty = not looked at.
        version_field: field of the answer that reports the version; "" = not checked.
        version: version to be reported; "" = the color's own version.
        scheme: what the service speaks, to users' requests, too: http or https.
        verify: whether its certificate is checked.
        host: the name it is asked by; "" = its container's.
        headers: sent along.
        public: whether it is asked by the users' way, too, before a switch is confirmed.
    """

    path: str
    timeout: float
    interval: float
    passes: int
    status: str
    json: Mapping[str, object]
    version_field: str
    version: str
    scheme: str = "http"
    verify: bool = True
    host: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    public: bool = True


@dataclass(frozen=True)
class Bake:
    """How long, and how strictly, real traffic is watched after the switch.

    Attributes:
        seconds: how long; 0 = not at all.
        max_error_share: share of requests that fail, 0 to 1, above which the switch goes back.
        min_requests: with fewer requests neither share nor speed is judged.
        slow: a client that gives up after so many seconds counts as a failed request.
        max_slowdown: how many times as long the target may take as the outgoing color did before
            the switch, for nine of ten requests; 0 = any.
    """

    seconds: float
    max_error_share: float
    min_requests: int
    slow: float = 10
    max_slowdown: float = 0


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
    """What a color may use: memory in MB, CPUs, open files; 0 = no limit, and Docker's default."""

    memory: int
    cpus: float
    files: int = 0


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
class Acme:
    """How certificates are got by ACME (RFC 8555).

    Attributes:
        email: of the account; "" = the account is that of a shared edge.
        server: URL of its directory.
        ca: certificates that the server's own is checked with, as PEM; "" = the public ones.
        image: image of lego.
    """

    email: str = ""
    server: str = ""
    ca: str = ""
    image: str = ""


@dataclass(frozen=True)
class Tls:
    """TLS for a service's hosts.

    Attributes:
        certificate: with its chain, as PEM; "" = by ACME.
        key: its private key, as PEM.
        redirect: whether plain HTTP is redirected, where there is a certificate.
        hsts: seconds for Strict-Transport-Security; 0 = not said.
        acme: how certificates are got.
    """

    certificate: str
    key: str = field(repr=False)
    redirect: bool
    hsts: int
    acme: Acme | None


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

    @property
    def acme(self) -> str:
        """What gets certificates for it is called, likewise."""
        return f"acme{self.part.removeprefix(EDGE)}"


def places_of(edges: Iterable[Edge], service: str) -> tuple[Place, ...]:
    """Where these edges are, of the service of this name."""
    return tuple(Place(f"{service}-{edge.part}", edge.docker) for edge in edges)


@dataclass(frozen=True)
class Shared:
    """An edge of another stack, as that stack's outputs tell it.

    Attributes:
        name: prefix of what that stack has in Docker; its network is called that, too.
        network: id of the network.
        holders: ids of the containers that own its ports.
    """

    name: str
    network: str
    holders: tuple[str, ...]


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
    log_to_docker: bool
    service_template: str
    subnet: str
    edges: tuple[Edge, ...]
    edges_required: int
    swarm: Swarm | None
    name: str = ""
    docker: Docker = Docker()
    kind: Literal["service", "edge"] = "service"
    https_port: int = 0
    trusted_proxies: tuple[str, ...] = ()
    trust_docker_gateway: bool = False
    proxy_protocol: bool = False
    max_connections: int = 8192
    header_buffers: str = "4 64k"
    underscores_in_headers: bool = False
    max_body: int = 64
    read_timeout: int = 60
    request_buffering: bool = True
    show_version: bool = False
    tls: Tls | None = None
    canonical_host: str = ""
    http_template: str = ""
    edge: str = ""
    hosts: tuple[str, ...] = ()
    path_prefix: str = ""
    strip_path_prefix: bool = False
    default: bool = False
    preview_host: str = ""
    preview_from: Literal["private", "all"] = "private"
    shared: Shared | None = None

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
        if self.kind == "edge":
            return ()
        idle = other(self.active_color)
        if self.standby == "keep" and self.versions[idle]:
            return (self.active_color, idle)
        return (self.active_color,)

    def places(self, service: str) -> tuple[Place, ...]:
        """Where the edges are, of the service of this name."""
        return places_of(self.edges, self.shared.name if self.shared else service)

    @property
    def own_edges(self) -> tuple[Edge, ...]:
        """The edges that belong to this stack."""
        return () if self.edge else self.edges

    def health_of(self, color: Color) -> Health:
        """What the gate asks of this color: its own version, unless config names another."""
        return replace(self.health, version=self.health.version or self.versions[color])

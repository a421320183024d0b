"""Every config key, declared once: how it is read, its default, its words, what it touches.

`load` reads by this table, and the guard's fingerprints follow it. Pulumi.yaml's `config:` and the
tables in docs/config.md are made from it: `python -m bluegreen.config.describe` writes them anew.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bluegreen.config import defaults
from bluegreen.config.kinds import (
    Address,
    Choice,
    File,
    Flag,
    Items,
    Key,
    Object,
    Ranges,
    Strings,
    Subnet,
    Text,
    Whole,
    Words,
)
from bluegreen.config.parts import (
    BAKE,
    BUILD,
    COLOR,
    DATA,
    DIGEST,
    EDGE,
    EDGES,
    HEALTH,
    HOST,
    IMAGE,
    LIMITS,
    LIMITS_OF_A_COLOR,
    MOST_REPLICAS,
    NAME,
    NOTHING,
    PLACEMENT,
    PREFIX,
    PUBLIC_PORT,
    SWITCH,
    TAG,
    TLS,
)
from bluegreen.config.settings import Settings

PLATFORMS = ("container", "swarm")
_PORT = Whole("port number", 0, 65535)
_VERSION = Text("a tag (12.4.0) or a digest (sha256:…)", f"{TAG}|{DIGEST}")
_NO_DIRECT = "0: replicas have no port of their own; preview_port leads to the idle color"
DATABASE_URL = "postgres://USER:PASSWORD@HOST[:PORT]/DATABASE or mysql://… (a secret)"

TABLE = (
    Key(
        "kind",
        Choice(("service", "edge")),
        "service",
        "What the stack is: a service in two colors, or an edge that services share",
        NOTHING,
        see="shared-edge.md",
    ),
    Key(
        "active_color",
        Choice(("blue", "green")),
        "",
        "Required: the color that should be live, blue or green",
        SWITCH,
        shown="required",
        example="green",
    ),
    Key(
        "blue_version",
        _VERSION,
        "",
        "Version that blue carries: a tag (12.4.0) or a digest (sha256:…); required when blue is "
        "active",
        ("color", "switch"),
        example="2024.10",
    ),
    Key(
        "green_version",
        _VERSION,
        "",
        "Version that green carries; required when green is active",
        ("color", "switch"),
        example="2024.10",
    ),
    Key(
        "image",
        Text("an image's name without tag, such as grafana/grafana", IMAGE),
        defaults.IMAGE,
        "Image without its tag",
        COLOR,
        shown=f"`{defaults.GRAFANA}`",
        example="grafana/grafana-oss",
    ),
    Key(
        "build",
        Object(BUILD, optional=True),
        {},
        "Build the image for each color instead of pulling it",
        (),
        only="container",
        instead="none: nodes pull the image, so push it to a registry and name it with `image`",
    ),
    Key(
        "port",
        PUBLIC_PORT,
        defaults.PORT,
        "Port that the service listens on in its container",
        ("color", "switch"),
    ),
    Key(
        "command",
        Words("a list of words"),
        (),
        "Command for the service's container",
        COLOR,
        shown="the image's",
        example=["serve"],
    ),
    Key(
        "http_port",
        PUBLIC_PORT,
        80,
        "Public port on the host; it always leads to the live color",
        EDGE,
    ),
    Key(
        "https_port",
        _PORT,
        None,
        "Public port for TLS on the host; 0 = none",
        EDGE,
        shown="443 with `tls`, else 0",
        example=8443,
        see="tls.md",
    ),
    Key(
        "tls",
        Object(TLS, optional=True),
        {},
        "TLS on https_port, by a certificate that is given or by ACME",
        (),
        shown="none",
        secret=True,
        see="tls.md",
    ),
    Key(
        "canonical_host",
        Text("a host name, in small letters", HOST),
        "",
        "The one host name that all others are redirected to (308)",
        SWITCH,
        shown="none",
        example="www.example.com",
        see="tls.md",
    ),
    Key(
        "http_address",
        Address(),
        "0.0.0.0",
        "Address of the host that the public port listens on; `::` = all, IPv6 ones too",
        EDGE,
        example="127.0.0.1",
    ),
    Key(
        "preview_port",
        _PORT,
        0,
        "Port that always leads to the color that is not live; 0 = none",
        EDGE,
    ),
    Key(
        "blue_port",
        _PORT,
        0,
        "Port that leads directly to blue; 0 = none",
        COLOR,
        only="container",
        instead=_NO_DIRECT,
    ),
    Key(
        "green_port",
        _PORT,
        0,
        "Port that leads directly to green; 0 = none",
        COLOR,
        only="container",
        instead=_NO_DIRECT,
    ),
    Key(
        "direct_address",
        Address(),
        "127.0.0.1",
        "Address of the host that preview_port, blue_port and green_port listen on",
        ("color", "edge"),
        example="0.0.0.0",
    ),
    Key(
        "data_path",
        Text(
            'an absolute path in the container, or "" for a service without data',
            r"/[^\s:]+",
            empty=True,
        ),
        defaults.DATA_PATH,
        'Where the service keeps its data, on a volume that both colors use; "" = no data',
        ("color", "switch"),
        on_swarm=COLOR,
        example="/data",
    ),
    Key(
        "data",
        Object(DATA),
        {},
        "What a release does with the data",
        (),
        shown="`shared`",
        see="data.md",
    ),
    Key(
        "database_url",
        Text(DATABASE_URL, shown=False),
        "",
        "An external database that both colors use, a secret: "
        "postgres://USER:PASSWORD@HOST/DATABASE or mysql://…",
        COLOR,
        secret=True,
        example="postgres://me:secret@db/grafana",
    ),
    Key(
        "grafana_ini",
        File(),
        "",
        "A grafana.ini to run with, its path relative to the project; a change of the file is a "
        "release",
        COLOR,
        shown="the image's",
        example="grafana.ini",
    ),
    Key(
        "env",
        Strings("names of letters, digits and _, with plain values", NAME),
        {},
        "Environment of the service; secrets: pulumi config set --secret --path env.NAME",
        COLOR,
        secret=True,
        example={"A": "b"},
    ),
    Key("limits", Object(LIMITS_OF_A_COLOR), {}, "Resource limits of a color", (), shown="none"),
    Key(
        "user",
        Text("user[:group]", r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?"),
        "",
        "User that the service runs as",
        COLOR,
        shown="the image's",
        example="472:0",
    ),
    Key(
        "stop_grace",
        Whole("seconds", 1, 600),
        defaults.STOP_GRACE,
        "Seconds that a color gets to finish when it is stopped (Grafana needs 35 or more)",
        NOTHING,
        on_swarm=COLOR,
    ),
    Key(
        "standby",
        Choice(("remove", "keep")),
        "remove",
        "What happens to the color that was live: remove it, or keep it for a rollback without a "
        "boot",
        COLOR,
    ),
    Key("health", Object(HEALTH), {}, "What the gate checks", (), shown="Grafana's"),
    Key("bake", Object(BAKE), {}, "How real traffic is watched after the switch", ()),
    Key(
        "drain_timeout",
        Whole("seconds", 1, 3600),
        30,
        "Seconds that open requests and WebSockets get on the outgoing color",
        SWITCH,
    ),
    Key(
        "prune",
        Flag(),
        True,
        "Remove images that this stack built, once no color runs them",
        NOTHING,
    ),
    Key(
        "allow_in_place",
        Flag(),
        False,
        "Allow updates that interrupt users (replacing what holds the edge's ports, or what the "
        "live color runs)",
        NOTHING,
    ),
    Key(
        "edge_image",
        Text(
            "an image of nginx >= 1.28, with its tag",
            f"{IMAGE}(:{TAG}|(:{TAG})?@{DIGEST})",
        ),
        defaults.EDGE_IMAGE,
        "Image of nginx >= 1.28 with curl, with its tag",
        EDGE,
        shown="`nginx:1.30.6`",
        example="nginx:1.30.7",
    ),
    Key(
        "trusted_proxies",
        Ranges(),
        (),
        "Addresses of proxies in front: what they say of the client is believed, and nobody else's",
        EDGE,
        example=["192.0.2.0/24"],
        see="proxies.md",
    ),
    Key(
        "trust_docker_gateway",
        Flag(),
        False,
        "Allow trusted_proxies to contain Docker's own gateway, where every client may come from",
        NOTHING,
        see="proxies.md",
    ),
    Key(
        "proxy_protocol",
        Flag(),
        False,
        "Connections come by the PROXY protocol, all of them; needs trusted_proxies",
        ("edge", "switch"),
        see="proxies.md",
    ),
    Key(
        "max_connections",
        Whole("connections", 512, 100_000),
        8192,
        "Connections of each worker of nginx, those to the service included",
        EDGE,
    ),
    Key(
        "header_buffers",
        Text("number and size, such as 4 64k", r"[1-9]\d? [1-9]\d{0,2}k"),
        "4 64k",
        "Space for a request's headers: number and size of buffers; one line has to fit into one",
        EDGE,
        example="8 128k",
    ),
    Key(
        "underscores_in_headers",
        Flag(),
        False,
        "Pass on headers whose names have an underscore; nginx drops them, as services take "
        "X_Real_IP for X-Real-IP",
        EDGE,
    ),
    Key(
        "max_body",
        Whole("MB", 0, 1_000_000),
        64,
        "Largest body of a request, in MB; 0 = any",
        SWITCH,
    ),
    Key(
        "read_timeout",
        Whole("seconds", 1, 86_400),
        60,
        "Seconds that the service may be silent within an answer; a WebSocket gets an hour",
        SWITCH,
    ),
    Key(
        "request_buffering",
        Flag(),
        True,
        "Take a request's body in before the service gets it; false: pass it on as it comes",
        SWITCH,
    ),
    Key(
        "show_version",
        Flag(),
        False,
        "Add the version to the X-Served-By header",
        SWITCH,
    ),
    Key(
        "log_to_docker",
        Flag(),
        False,
        "Also copy the edge's access log to its container's log (`docker logs`); `bluegreen logs` "
        "reads it without that",
        EDGE,
    ),
    Key(
        "edge",
        Text("a stack of kind edge: STACK, or PROJECT/STACK", r"[\w.-]+(/[\w.-]+){0,2}"),
        "",
        "The stack of kind edge whose nginx this service shares",
        ("color", "edge", "switch"),
        shown="its own",
        example="edge-prod",
        see="shared-edge.md",
    ),
    Key(
        "hosts",
        Words('host names such as ["a.example.com", "*.b.example.com"], in small letters', HOST),
        (),
        "Hosts of the service: those that a shared edge leads to it, and that TLS is for",
        SWITCH,
        example=["a.example.com"],
        see="shared-edge.md",
    ),
    Key(
        "path_prefix",
        Text("a path such as /grafana, without a / at its end", PREFIX),
        "",
        "On a shared edge: serve only paths below this one; the longest matching prefix wins",
        SWITCH,
        shown="all",
        example="/grafana",
    ),
    Key(
        "strip_path_prefix",
        Flag(),
        False,
        "Pass requests on without the path_prefix",
        SWITCH,
    ),
    Key(
        "default",
        Flag(),
        False,
        "On a shared edge: receive requests that match no other service; only one service may set "
        "it",
        SWITCH,
    ),
    Key(
        "preview_host",
        Text("a host name of its own, in small letters", HOST),
        "",
        "On a shared edge: a host that leads to the color that is not live",
        SWITCH,
        shown="none",
        example="preview.a.example.com",
    ),
    Key(
        "preview_from",
        Choice(("private", "all")),
        "private",
        "Who may look at preview_host: loopback and private networks, or all",
        SWITCH,
    ),
    Key(
        "service_template",
        File(),
        "",
        "The stack's own version of nginx/service.conf, which passes requests to the service",
        SWITCH,
        shown="nginx/service.conf",
        example="nginx/service.conf",
        see="config.md#service-templates",
    ),
    Key(
        "http_template",
        File(),
        "",
        "The stack's own part of nginx's http level, such as maps and rate limits; names begin "
        "with the stack's prefix",
        SWITCH,
        shown="none",
        example="nginx/http.conf",
        see="proxies.md",
    ),
    Key(
        "subnet",
        Subnet(),
        "",
        "Address range of the stack's network, such as 10.87.3.0/28; Docker's own pools hold "
        "about 30 networks on a host",
        EDGE,
        shown="Docker's choice",
        example="10.87.3.0/28",
    ),
    Key(
        "platform",
        Choice(PLATFORMS),
        "container",
        "What a color is: container (on one machine), or swarm (a service with replicas)",
        ("color", "edge", "switch"),
        see="cluster.md",
    ),
    Key(
        "replicas",
        Whole("replicas", 1, MOST_REPLICAS),
        1,
        "Number of replicas of the live color",
        SWITCH,
        only="swarm",
    ),
    Key(
        "standby_replicas",
        Whole("replicas", 1, MOST_REPLICAS),
        None,
        "Number of replicas of a color on standby; it is scaled up before a switch",
        NOTHING,
        only="swarm",
        shown="as `replicas`",
        example=1,
    ),
    Key("placement", Object(PLACEMENT), {}, "Where replicas may run", (), only="swarm"),
    Key(
        "reservations",
        Object(LIMITS),
        {},
        "What a node must have free for each replica",
        (),
        only="swarm",
        shown="none",
    ),
    Key(
        "edges",
        Items("edges", EDGES),
        [],
        "Where nginx runs, one entry per host",
        (),
        only="swarm",
        shown="one, on the stack's Docker",
    ),
    Key(
        "edges_required",
        Whole("edges", 1, MOST_REPLICAS),
        None,
        "Minimum number of edges that must be reachable for a release; the rest catch up when they "
        "return",
        SWITCH,
        only="swarm",
        shown="all",
        example=1,
    ),
    Key(
        "name",
        Text(
            "a-z, 0-9 and -, starting and ending with a letter or digit",
            r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
        ),
        "",
        "Prefix of what the stack has in Docker; set it to the old one before a stack is renamed",
        ("color", "edge", "switch"),
        shown="PROJECT-STACK",
        example="shop-prod",
    ),
)
KEYS = [key.name for key in TABLE]


def every_key(keys: tuple[Key, ...] = TABLE, prefix: str = "") -> Iterator[Key]:
    """Each key by its whole name, parts of objects too: `health.path`, `edges[].name`."""
    for key in keys:
        inner = "[]." if isinstance(key.kind, Items) else "."
        yield replace(key, name=f"{prefix}{key.name}")
        if isinstance(key.kind, Object | Items):
            parts = (replace(each, only=each.only or key.only) for each in key.kind.parts)
            yield from every_key(tuple(parts), f"{prefix}{key.name}{inner}")


def leaves() -> list[Key]:
    """Each key that has a value of its own."""
    return [key for key in every_key() if not isinstance(key.kind, Object | Items)]


def value_of(settings: Settings, name: str) -> Any:
    """What settings have for a key; None where their platform has no such key."""
    whole: Any = settings
    for part in name.split("."):
        if not hasattr(whole, part) and settings.swarm:
            whole = settings.swarm
        whole = getattr(whole, part, None)
    return whole

"""The keys inside the config's objects: what `table` says of whole keys, for their parts."""

from bluegreen.config import defaults
from bluegreen.config.kinds import (
    Address,
    Choice,
    Effect,
    Fields,
    Flag,
    Key,
    Memory,
    Number,
    Strings,
    Text,
    Whole,
    Words,
)

MODES = ("shared", "clone", "external", "none")
MOST_REPLICAS = 1000

COLOR: tuple[Effect, ...] = ("color",)
EDGE: tuple[Effect, ...] = ("edge",)
SWITCH: tuple[Effect, ...] = ("switch",)
NOTHING: tuple[Effect, ...] = ("nothing",)

# Docker's own grammar for tags, and digests: https://docs.docker.com/reference/cli/docker/image/tag
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
DIGEST = r"sha256:[0-9a-f]{64}"
IMAGE = r"(?i:([a-z0-9.-]+:\d+/)?[a-z0-9]+([._/-]+[a-z0-9]+)*)"
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
PUBLIC_PORT = Whole("port number", 1, 65535)
_WITH_TAG = Text("an image with its tag", r"\S+")

BUILD = (
    Key(
        "context",
        Text("a folder"),
        ".",
        "Folder to build, relative to the project",
        COLOR,
        example="service",
    ),
    Key(
        "dockerfile",
        Text("a file in the context"),
        "Dockerfile",
        "File in that folder",
        COLOR,
        example="Dockerfile.slim",
    ),
    Key(
        "args",
        Strings("names of letters, digits and _, plain values", NAME),
        {},
        "Further build arguments",
        COLOR,
        example={"A": "1"},
    ),
    Key(
        "version_arg",
        Text("the name of a build argument", NAME),
        defaults.VERSION_ARG,
        "Build argument that is given the color's version",
        COLOR,
        example="VERSION",
    ),
)
LIMITS = (
    Key("memory", Memory(), 0, "Memory in MB", COLOR, shown="none", example=256),
    Key("cpus", Number("CPUs", 0, 1024), 0, "CPUs, such as 1.5", COLOR, shown="none"),
)
DATA = (
    Key(
        "mode",
        Choice(MODES),
        None,
        "shared, clone, external or none",
        SWITCH,
        shown="`shared`",
        example="clone",
    ),
    Key(
        "keep",
        Whole("snapshots (0: all)", 0, 1000),
        5,
        "Number of release snapshots to keep; 0 = all",
        NOTHING,
    ),
    Key(
        "copy",
        Text(
            "the name of a copy, as `bluegreen snapshot restore` prints it",
            r"[a-z0-9][a-z0-9-]{0,40}",
        ),
        "",
        "Run on this copy of the data: a snapshot that was restored, or a clone",
        ("color", "switch"),
        shown="by the mode",
        example="20310101-000000-r1",
    ),
    Key(
        "block_writes",
        Flag(),
        True,
        "Hold writes back from the start of a clone until the release is confirmed",
        NOTHING,
    ),
    Key("allow_loss", Flag(), False, "Accept that writes during a clone are lost", NOTHING),
    Key(
        "reads",
        Words("a list of paths, each starting with /", r"/[A-Za-z0-9_./-]*"),
        None,
        "Paths whose POST requests only read, so they are not held back",
        SWITCH,
        shown="Grafana's",
        example=["/query"],
    ),
    Key("dump", Flag(), False, "Dump an external database before each release", NOTHING),
    Key(
        "url_env",
        Text("an environment variable's name", NAME),
        defaults.URL_ENV,
        "Environment variable that passes the database's URL to the service",
        COLOR,
        example="DATABASE_URL",
    ),
    Key(
        "tools_image",
        _WITH_TAG,
        defaults.TOOLS_IMAGE,
        "Image with Python that copies volumes",
        NOTHING,
        shown="`python:3.13-slim`",
        example="python:3.14",
    ),
    Key(
        "client_image",
        _WITH_TAG,
        None,
        "Image with the external database's own tools",
        NOTHING,
        shown="the database's own",
        example="postgres:17",
    ),
)
HEALTH = (
    Key(
        "path",
        Text("a path that starts with /", r"/[^\s'\"]*"),
        defaults.HEALTH_PATH,
        "Path that is requested with GET",
        SWITCH,
        example="/healthz",
    ),
    Key(
        "timeout",
        Number("seconds", 0.1, 3600),
        30,
        "Seconds for the whole gate, the service's start included",
        SWITCH,
    ),
    Key("interval", Number("seconds", 0, 60), 0.2, "Seconds between two checks", SWITCH),
    Key(
        "passes",
        Whole("passes", 1, 100),
        3,
        "Consecutive good answers that pass the gate",
        SWITCH,
    ),
    Key("status", Whole("HTTP status", 100, 599), 200, "HTTP status of a good answer", SWITCH),
    Key(
        "json",
        Fields(),
        None,
        "Fields that the answer must have, with their values",
        SWITCH,
        shown="`database: ok` on Grafana's path",
        example={"up": True},
    ),
    Key(
        "version_field",
        Text("a name", empty=True),
        None,
        'Field of the answer that has the version; "" = not checked',
        SWITCH,
        shown="`version` on Grafana's path",
        example="release",
    ),
    Key(
        "version",
        Text("the version that the service reports", TAG),
        "",
        "Version that the service must report",
        SWITCH,
        shown="the color's version",
        example="12.4.0-pre",
    ),
)
BAKE = (
    Key(
        "seconds",
        Number("seconds", 0, 86400),
        10,
        "Seconds that real traffic is watched after the switch; 0 = not at all",
        SWITCH,
    ),
    Key(
        "max_error_share",
        Number("a share", 0, 1),
        0.05,
        "Share of 5xx answers, 0 to 1, above which the switch is reverted",
        SWITCH,
    ),
    Key(
        "min_requests",
        Whole("requests", 1, 1_000_000),
        20,
        "With fewer requests than this the share is not judged",
        SWITCH,
    ),
)
PLACEMENT = (
    Key(
        "constraints",
        # Swarm's own: https://docs.docker.com/reference/cli/docker/service/create/#constraint
        Words(
            "a list such as [node.labels.tier==app]",
            r"(node|engine)\.[A-Za-z0-9._-]+ ?(==|!=) ?[A-Za-z0-9._:/-]+",
        ),
        (),
        "Node constraints that must all hold",
        COLOR,
        example=["node.labels.tier==app"],
    ),
    Key(
        "spread",
        Words("a list such as [node.labels.zone]", r"(node|engine)\.labels\.[A-Za-z0-9._-]+"),
        (),
        "Node labels over whose values replicas are spread",
        COLOR,
        example=["node.labels.zone"],
    ),
    Key(
        "max_per_node",
        Whole("replicas", 0, MOST_REPLICAS),
        0,
        "Most replicas of a color on one node",
        COLOR,
        shown="no limit",
    ),
)
EDGES = (
    Key(
        "name",
        Text("a short name of a-z, 0-9 and -", r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?"),
        "",
        "Its short name; `edge` is the one that a stack without a list has",
        ("edge", "switch"),
        shown="required",
        example="west",
    ),
    Key(
        "host",
        Text("ssh://USER@HOST", r"(ssh|tcp|unix)://\S+"),
        "",
        "Its Docker host, such as ssh://USER@HOST",
        ("edge", "switch"),
        shown="the stack's",
        example="ssh://op@c",
    ),
    Key(
        "context",
        Text("a context of the docker command"),
        "",
        "Instead of host: a context of the docker command",
        ("edge", "switch"),
        example="west",
    ),
    Key(
        "cert_path",
        Text("a folder"),
        "",
        "Folder with the certificates for host",
        ("edge", "switch"),
        example="c",
    ),
    Key("http_address", Address(), None, "As http_address, on this host", EDGE, example="::1"),
    Key("http_port", PUBLIC_PORT, None, "As http_port, on this host", EDGE, example=8080),
)

"""The keys inside the config's objects: what `table` says of whole keys, for their parts."""

from bluegreen.config import defaults
from bluegreen.config.kinds import (
    Address,
    Choice,
    Effect,
    Fields,
    File,
    Flag,
    Key,
    Memory,
    Number,
    Object,
    Statuses,
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
HOST = r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
# Of a field in a JSON answer (bluegreen/health/fields.py).
PATH = r"(\[\d+\]|[^\s.\[\]]+)(\.[^\s.\[\]]+|\[\d+\])*"
PREFIX = r"(?=.{2,200}$)(/[A-Za-z0-9._~-]+)+"
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
LIMITS_OF_A_COLOR = (
    *LIMITS,
    Key(
        "files",
        Whole("open files", 0, 1_048_576),
        0,
        "Files and connections that its processes may have open; Docker 29's default is 1,024",
        COLOR,
        only="container",
        shown="Docker's default",
        example=4096,
    ),
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
        "Run on this copy of the data: a snapshot that was restored, or a clone; `first`: the "
        "volume that the data began in",
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
        "Image with Python that copies volumes, and closes what is open after a drain",
        SWITCH,
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
        "public",
        Flag(),
        True,
        "Before a switch is confirmed, also check health through the public server, as users reach "
        "it",
        SWITCH,
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
    Key(
        "status",
        Statuses(),
        "200",
        'HTTP status of a good answer: one, a list ([200, 204]) or a range ("200-299")',
        SWITCH,
        example="200-299",
    ),
    Key(
        "scheme",
        Choice(("http", "https")),
        "http",
        "What the service speaks on its port: http, or https with a certificate of its own",
        SWITCH,
    ),
    Key(
        "verify",
        Flag(),
        True,
        "With scheme https: let the gate check the service's certificate, for health.host",
        SWITCH,
    ),
    Key(
        "host",
        Text("a host name, with its port if need be", r"[A-Za-z0-9._-]+(:\d+)?"),
        "",
        "Host name that the gate asks for, for a service that answers only to its own",
        SWITCH,
        shown="the container's",
        example="shop.example.com",
    ),
    Key(
        "headers",
        Strings("names of headers other than Host, with plain values", r"(?i:(?!host$)[a-z0-9-]+)"),
        {},
        "Headers that the gate sends",
        SWITCH,
        example={"X-Forwarded-Proto": "https"},
    ),
    Key(
        "json",
        Fields(),
        None,
        "Fields that the answer must have, with their values; a path is `data.state`, `[0].up`",
        SWITCH,
        shown="`database: ok` on Grafana's path",
        example={"up": True},
    ),
    Key(
        "version_field",
        Text("a field, such as version, data.version or [0].id", rf"\.|{PATH}", empty=True),
        None,
        'Field of the answer that has the version, as a path (`data.version`); "." = the answer is '
        'the version, as plain text; "" = not checked',
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
        "Share of failed requests, 0 to 1, above which the switch is reverted: those answered 5xx, "
        "and those whose client gave up (see `bake.slow`)",
        SWITCH,
    ),
    Key(
        "min_requests",
        Whole("requests", 1, 1_000_000),
        20,
        "With fewer requests than this neither share nor speed is judged",
        SWITCH,
    ),
    Key(
        "slow",
        Number("seconds", 0.1, 3600),
        10,
        "A client that gives up after waiting this many seconds counts as a failed request; each "
        "half of it, if requests are open, the service is asked for `/`: the switch is reverted if "
        "it does not answer and the outgoing color does",
        SWITCH,
    ),
    Key(
        "max_slowdown",
        Number("a factor", 0, 1000),
        0,
        "The switch is reverted if nine of ten requests take more than this many times as long as "
        "on the outgoing color before; 0 = not judged",
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
ACME = (
    Key(
        "email",
        Text("an address", r"[^\s@]+@[^\s@]+"),
        "",
        "Address of the ACME account; required",
        NOTHING,
        shown="required",
        example="ops@example.com",
    ),
    Key(
        "server",
        Text("a URL", r"https://\S+"),
        "https://acme-v02.api.letsencrypt.org/directory",
        "URL of the ACME server's directory",
        NOTHING,
        shown="Let's Encrypt's",
        example="https://acme.example.com/dir",
    ),
    Key(
        "ca",
        File(),
        "",
        "File with the certificates that the ACME server's own is checked with",
        NOTHING,
        shown="the public ones",
        example="ca.pem",
    ),
    Key(
        "image",
        _WITH_TAG,
        defaults.ACME_IMAGE,
        "Image of lego 4, which gets the certificates",
        NOTHING,
        shown="`goacme/lego:v4.35.2`",
        example="goacme/lego:v4.35.3",
    ),
)
TLS = (
    Key(
        "certificate",
        Text("PEM text, or the path of a file"),
        "",
        "Certificate with its chain: PEM text, or a file on the machine that runs the update; "
        "another one is taken over without a release",
        NOTHING,
        shown="none",
    ),
    Key(
        "key",
        Text("PEM text, or the path of a file", shown=False),
        "",
        "Its private key: PEM text (a secret), or a file",
        NOTHING,
        shown="none",
        secret=True,
    ),
    Key(
        "acme",
        Object(ACME, flag=True),
        {},
        "Get a certificate by ACME for each of `hosts`; a service on a shared edge sets `true` and "
        "uses the edge's account",
        (),
        shown="none",
    ),
    Key(
        "redirect",
        Flag(),
        True,
        "Redirect plain HTTP to HTTPS (308), once there is a certificate",
        SWITCH,
    ),
    Key(
        "hsts",
        Whole("seconds", 0, 126_144_000),
        0,
        "max-age of the Strict-Transport-Security header, in seconds; 0 = no header",
        SWITCH,
        example=31_536_000,
    ),
)

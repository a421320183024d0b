"""A service's config in the edge: rendered from the templates in nginx/, for one color to be live.

Of the other color it says nothing: `compose` puts in what that color was released with, from the
config in force. What only the moment of the switch knows (generation, since) stays as @word@, so
that the same settings always render to the same text and `pulumi preview` shows no change that is
none; `stamp` fills these in.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bluegreen.config.settings import COLORS, Color, Health, Settings, other
from bluegreen.edge.clients import Listening, other_headers
from bluegreen.edge.guest import ALONE, guest
from bluegreen.edge.http_level import http_level
from bluegreen.edge.locations import Directive, directives, named, parse, routes
from bluegreen.edge.secured import challenge, hsts, secured
from bluegreen.edge.state import flag_of, flags_of, folder_of
from bluegreen.edge.templates import TEMPLATES, fill, fragment
from bluegreen.edge.upstream import Upstream
from bluegreen.errors import ConfigError

# What users get of a color that does not answer, where nobody else could be asked.
_FAILED = 'if ($upstream_status ~ "504$") { return 504; }\nreturn 502;'
_PARTS = ("http", "locations")
# WebSockets have locations of their own, for their longer timeout.
UPGRADED, UPGRADED_TIMEOUT = "_upgraded", "1h"
_NOT_YET = (
    "add_header Retry-After 5 always;\n"
    'return 503 "No color is live yet: no release has succeeded so far.\\n";'
)
_UNKNOWN_HOST = 'return 404 "No service has this host and path here.\\n";'


def render(settings: Settings, live: Color, service: str, root: Path, upstream: Upstream) -> str:
    """Render the config that makes a color live.

    Args:
        settings: the stack's settings.
        live: the color.
        service: prefix of everything the stack makes in Docker, host names too.
        root: the project's folder, for a template of the stack's own.
        upstream: how nginx has to treat a color.

    Raises:
        ConfigError: the stack's own template cannot be used.
    """
    path = root / settings.service_template if settings.service_template else None
    template = (path or TEMPLATES / "service.conf").read_text()
    label = settings.service_template or "nginx/service.conf"
    host, version = f"{service}-{live}", settings.versions[live] or "unknown"
    scheme = settings.health.scheme
    slots = {"upstream": host, "path": "/", "scheme": scheme}
    slots["connect_timeout"] = upstream.connect_timeout
    text = fill(template, slots, label)
    if not re.search(r"\{\{ *upstream *\}\}", template):
        wanted = "proxy_pass http://{{ upstream }}"
        raise ConfigError([f"{label}: leads to no color; wanted in it: {wanted}"])
    locations, beside = parse(text, label, host)
    served_by = f"{live} {version}" if settings.show_version else live
    known = {"id": service.replace("-", "_"), "name": service, "served by": served_by}
    handed = _handed_over()
    name = f"{known['id']}_{live}"
    about = {
        **known,
        "host": host,
        "color": live,
        "port": str(settings.port),
        "scheme": scheme,
        "as asked": _as_asked(settings.health),
        "routes": routes(locations, name),
    }
    declared, for_all = _http_level(settings, root, known["id"])
    written = [f"location @{name}_none{each} {{ return 404; }}" for each in ("", UPGRADED)]
    for suffix, timeout in (("", f"{settings.read_timeout}s"), (UPGRADED, UPGRADED_TIMEOUT)):
        own = [*for_all, *_own(settings, known, host, upstream, timeout)]
        written.append(named(locations, beside, name, own, suffix))
    led_to = f"{scheme}://{host}"
    rest = f"${known['id']}_rest" if settings.strip_path_prefix else ""
    text = "\n".join(written).replace(f"proxy_pass {led_to};", f"proxy_pass {led_to}{rest};")
    whole = {
        **known,
        "color": live,
        "version": version,
        "edges": _edges(settings, service),
        "reads": "\n".join(f'"~^[A-Z]+ {re.escape(each)}$" "";' for each in settings.data.reads),
        "held": flag_of(service, "").removesuffix("-"),
        "flags": flags_of(service),
        "folder": folder_of(service),
        "failed": fragment("again", known) if upstream.repeat_unsent else _FAILED,
        f"{live} http": _marked(live, "http", fragment("color", about)),
        f"{live} locations": _marked(live, "locations", text),
        "http template": declared,
        "max_body": f"{settings.max_body}m",
        **handed,
        **secured(settings, known, settings.shared.name if settings.shared else service),
        **(guest(settings, known, handed) if settings.edge else ALONE),
    }
    absent = other(live)
    name = f"{known['id']}_{absent}"
    whole[f"{absent} http"] = _marked(
        absent, "http", f"map $uri ${name} {{ default {name}_none; }}"
    )
    page = f"{absent} is idle: it has not been released yet.\\n"
    nobody = [f'location @{name}_none{each} {{ return 503 "{page}"; }}' for each in ("", UPGRADED)]
    whole[f"{absent} locations"] = _marked(absent, "locations", "\n".join(nobody))
    return fill((TEMPLATES / "colors.conf").read_text(), whole, "nginx/colors.conf")


def _handed_over() -> dict[str, str]:
    """How a request is handed over to another server of this nginx."""
    return {"handed over": fragment("handed-over", {"others": other_headers()})}


def _own(
    settings: Settings, known: Mapping[str, str], host: str, upstream: Upstream, timeout: str
) -> list[Directive]:
    """What every location of a color gets that does not say otherwise."""
    slots = {
        "others": other_headers(),
        "request_buffering": "on" if settings.request_buffering else "off",
        "connect_timeout": upstream.connect_timeout,
        "read_timeout": timeout,
        "host": host,
        "served by": known["served by"],
        "name": known["name"],
        "hsts": hsts(settings, known["id"]),
        "secure": _by_tls(settings.health),
    }
    return directives(fragment("passed-on", slots))


def _http_level(settings: Settings, root: Path, identity: str) -> tuple[str, list[Directive]]:
    label = settings.http_template
    if not label:
        return "", []
    return http_level((root / label).read_text(), label, identity, shared=bool(settings.edge))


def _as_asked(health: Health) -> str:
    """How a color is asked by the scripts: by its own host name, if it answers to no other."""
    host = f"proxy_set_header Host {health.host};" if health.host else ""
    return "\n".join(filter(None, (host, _by_tls(health))))


def _by_tls(health: Health) -> str:
    """How nginx speaks to a service that has TLS itself."""
    if health.scheme != "https":
        return ""
    name = f"\nproxy_ssl_name {health.host.partition(':')[0]};" if health.host else ""
    return f"proxy_ssl_server_name on;{name}"


def render_edge(
    listening: Listening, *, peers: bool, shared: bool = False, acme: Sequence[str] = ()
) -> str:
    """What nginx in an edge starts with.

    Args:
        listening: how it takes connections.
        peers: there are several, which follow each other.
        shared: services of other stacks have it in common.
        acme: what gets certificates for the hosts of services, for each edge; () = nothing.
    """
    text = (TEMPLATES / "nginx.conf").read_text()
    handed = _handed_over()
    elsewhere = {"elsewhere": "$bluegreen_elsewhere", **handed}
    nobody = fragment(
        "nobody",
        {
            "shared": fragment("shared", {}) if shared else "",
            "elsewhere": fragment("elsewhere", elsewhere) if shared else "",
            "challenge": challenge(acme) if acme else "",
            "answer": _UNKNOWN_HOST if shared else _NOT_YET,
        },
    )
    slots = {
        **listening.slots(),
        "nobody first": nobody if shared else "",
        "nobody last": "" if shared else nobody,
        "peers": "\n\n" + fragment("peers", {}) if peers else "",
    }
    return fill(text, slots, "nginx/nginx.conf")


def compose(rendered: str, in_force: str) -> str:
    """Put in what the other color was released with, from the config in force."""
    match = re.search(r"color=(\w+) ", rendered)
    for color in COLORS:
        if match and color != match[1]:
            for part in _PARTS:
                found = _section(color, part).search(in_force)
                if found:
                    before = _section(color, part).search(rendered)
                    assert before
                    rendered = rendered.replace(before[0], found[0])
    return rendered


def _marked(color: Color, part: str, text: str) -> str:
    return f"#< {color} {part}\n{text}\n#> {color} {part}"


def _section(color: Color, part: str) -> re.Pattern[str]:
    return re.compile(rf"^ *#< {color} {part}\n.*?^ *#> {color} {part}$", re.DOTALL | re.MULTILINE)


def _edges(settings: Settings, service: str) -> str:
    """What lets one of several edges follow the others; else nothing."""
    if len(settings.edges) < 2:
        return ""
    names = " ".join(place.container for place in settings.places(service))
    return f"# edges: {names} ({settings.edges_required} required)"


def digest(rendered: str) -> str:
    """The rendered text's digest, by which a config that is already live is known."""
    return hashlib.sha256(rendered.encode()).hexdigest()[:16]


def stamp(composed: str, rendered: str, generation: int, since: str) -> str:
    """Fill in what only the moment of the switch knows.

    The digest of the config is of what was rendered; that of the text is of what nginx reads, by
    which a config that nginx runs already is known.
    """
    text = composed.partition("\n")[2]
    return (
        composed.replace("@config@", digest(rendered))
        .replace("@text@", digest(text))
        .replace("@generation@", str(generation))
        .replace("@since@", since)
    )

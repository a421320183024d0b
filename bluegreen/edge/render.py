"""The edge's config: rendered from the templates in nginx/, one text for one live color.

What only the moment of the switch knows (generation, since) stays as @word@ in the rendered
text, so that the same settings always render to the same text and `pulumi preview` shows no
change that is none. `stamp` fills these in.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from bluegreen.config.settings import Color, Settings, other
from bluegreen.edge.state import HEAD_START, flag_of
from bluegreen.edge.templates import TEMPLATES
from bluegreen.edge.upstream import Upstream
from bluegreen.errors import ConfigError

NO_WRITES = {"writes": "", "writes of live": ""}

_SLOT = re.compile(
    r"^(?P<indent> *)\{\{ (?P<whole>[^{}]*) \}\}$|\{\{ (?P<part>[^{}]*) \}\}", re.MULTILINE
)


def fill(template: str, slots: Mapping[str, str], name: str) -> str:
    """Put the slots' values for {{ slot }}; a slot alone on a line keeps its indent.

    Raises:
        ConfigError: the template has a slot that nothing is known for.
    """
    unknown: list[str] = []

    def value(match: re.Match[str]) -> str:
        slot = (match["whole"] or match["part"] or "").strip()
        if slot not in slots:
            unknown.append(slot)
            return ""
        if match["whole"]:
            indent = match["indent"] or ""
            return "\n".join(indent + line if line else "" for line in slots[slot].splitlines())
        return slots[slot]

    text = _SLOT.sub(value, template)
    if unknown:
        known = ", ".join(slots)
        raise ConfigError(
            [f"{name}: {{{{ {slot} }}}} is unknown; allowed: {known}" for slot in unknown]
        )
    return text


def render(
    settings: Settings,
    live: Color,
    service: str,
    root: Path,
    upstream: Upstream,
    *,
    holds_writes: bool = False,
) -> str:
    """Render the config that makes a color live.

    Args:
        settings: the stack's settings.
        live: the color.
        service: prefix of everything the stack makes in Docker, host names too.
        root: the project's folder, for a template of the stack's own.
        upstream: how nginx has to treat a color.
        holds_writes: whether it has to be able to hold writes back.
    """
    path = root / settings.service_template if settings.service_template else None
    template = (path or TEMPLATES / "service.conf").read_text()
    idle = other(live)
    label = settings.service_template or "nginx/service.conf"
    whole = {"live": live, "version": settings.versions[live] or "unknown"}
    again = _again(upstream, template)
    paths = {live: "@service" if again else "/", idle: "/"}
    slots = {"connect_timeout": upstream.connect_timeout}
    services = [
        fill(template, {"upstream": color, "path": path, **slots}, label)
        for color, path in paths.items()
    ]
    if not _has_slot(template, "upstream"):
        wanted = "proxy_pass http://{{ upstream }}"
        raise ConfigError([f"{label}: leads to no color; wanted in it: {wanted}"])
    return fill(
        (TEMPLATES / "nginx.conf").read_text(),
        {
            **whole,
            "idle": idle,
            "blue": f"{service}-blue",
            "green": f"{service}-green",
            "blue_valid": _valid(settings, "blue", live, upstream),
            "green_valid": _valid(settings, "green", live, upstream),
            "port": str(settings.port),
            "drain_timeout": str(settings.drain_timeout + HEAD_START),
            "service of live": services[0],
            "service of idle": services[1],
            "again": again,
            "peers": _peers(settings, service),
            **(_writes(settings, live, whole) if holds_writes else NO_WRITES),
        },
        "nginx/nginx.conf",
    )


def _writes(settings: Settings, live: Color, slots: Mapping[str, str]) -> dict[str, str]:
    """What holds writes back, in stacks whose releases change the data."""
    reads = "\n".join(f'        "~^[A-Z]+ {re.escape(path)}$" "";' for path in settings.data.reads)
    return {
        "writes": "\n\n" + _part("writes-http", {"reads": reads}),
        "writes of live": "\n" + _part("writes-server", {**slots, "flag": flag_of(live)}),
    }


def _again(upstream: Upstream, template: str) -> str:
    """What passes a request on while replicas come and go; nothing where a color is one container.

    A template of the stack's own gets it by `location {{ path }}`, as nginx/service.conf does.
    """
    if not upstream.repeat_unsent or not _has_slot(template, "path"):
        return ""
    return "\n" + _part("again", {})


def _peers(settings: Settings, service: str) -> str:
    """What lets one of several edges follow the others; else nothing."""
    if len(settings.edges) < 2:
        return ""
    slots = {
        "edges": " ".join(place.container for place in settings.places(service)),
        "required": str(settings.edges_required),
    }
    return "\n\n" + _part("peers", slots)


def _part(name: str, slots: Mapping[str, str]) -> str:
    """A part of nginx/nginx.conf that only some stacks have, from its template beside it."""
    text = (TEMPLATES / f"{name}.conf").read_text()
    return fill(text, slots, f"nginx/{name}.conf").rstrip()


def _has_slot(template: str, slot: str) -> bool:
    return bool(re.search(rf"\{{\{{ *{slot} *\}}\}}", template))


def _valid(settings: Settings, color: Color, live: Color, upstream: Upstream) -> str:
    """For how long a color's address is good before nginx asks again."""
    if color == live or color in settings.declared:
        return "1s"
    return upstream.idle_valid


def digest(rendered: str) -> str:
    """The rendered text's digest, by which a config that is already live is known."""
    return hashlib.sha256(rendered.encode()).hexdigest()[:16]


def stamp(rendered: str, generation: int, since: str) -> str:
    """Fill in what only the moment of the switch knows."""
    return (
        rendered.replace("@config@", digest(rendered))
        .replace("@generation@", str(generation))
        .replace("@since@", since)
    )

"""A color's own locations: what a service's template says, where another color's text is beside it.

Both colors are in one server, and nginx picks a location by path alone. So each location of a
template becomes a named one of the color's (`@shop_blue_0`), and a map says by the rules of nginx
which one a path belongs to: the exact one, else the longest prefix if it says `^~`, else the first
regular expression, else the longest prefix.
"""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crossplane import builder, parser

from bluegreen.errors import ConfigError

Directive = dict[str, Any]

# What nginx runs in the order in which it is written, and what locations do not inherit.
_ACTS = ("set", "if", "rewrite", "return", "break")
# What a location may have several of, each about something of its own.
_ONE_OF_MANY = ("proxy_set_header", "add_header", "limit_conn")
_WITH_A_PATH = re.compile(r"[a-z]+://[^/]+/")


@dataclass(frozen=True)
class Location:
    """One location of a template: `kind` is "", "=", "^~", "~", "~*" or "@"."""

    kind: str
    path: str
    body: tuple[Directive, ...]


def parse(text: str, label: str, host: str) -> tuple[tuple[Location, ...], tuple[Directive, ...]]:
    """The locations of a template, and what it says beside them for all of these.

    Args:
        text: the template, filled in.
        label: what errors call it.
        host: what it was filled in with for the color.

    Raises:
        ConfigError: it cannot be read, or has what a named location cannot have.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(
            f"http {{ server {{ {text}\n}}}}"
        )  # in one line, so that lines keep their number
        file.flush()
        # Where a directive may be, and whether there is such a one, nginx says itself.
        found = parser.parse(file.name, single=True, comments=True, check_ctx=False)
        if found["errors"]:
            said = [str(each["error"]).rpartition(" in ") for each in found["errors"]]
            where = [tail.replace(file.name, label) for _, _, tail in said]
            told = zip(where, said, strict=True)
            raise ConfigError([f"{at}: {what}" for at, (what, _, _) in told])
    (http,) = found["config"][0]["parsed"]
    parsed = http["block"][0]["block"]
    mistakes = [mistake for each in parsed for mistake in _mistakes(each, label, depth=0)]
    if mistakes:
        raise ConfigError([each.replace(f"//{host}", "//{{ upstream }}") for each in mistakes])
    locations = [_location(each) for each in parsed if each["directive"] == "location"]
    if not locations:
        raise ConfigError([f"{label}: has no location; wanted: location {{{{ path }}}} {{ … }}"])
    beside = [each for each in parsed if each["directive"] not in ("location", "#")]
    return tuple(locations), tuple(beside)


def _mistakes(directive: Directive, label: str, depth: int) -> list[str]:
    where, name, args = f"{label}:{directive['line']}", directive["directive"], directive["args"]
    found = []
    if name == "location" and depth:
        found.append(
            f"{where}: location {' '.join(args)} is inside another location; allowed: locations "
            "beside each other"
        )
    if name == "alias":
        found.append(f"{where}: alias; allowed: root, as each location becomes a named one")
    if name == "proxy_pass" and args and _WITH_A_PATH.match(args[0]):
        found.append(
            f"{where}: proxy_pass {args[0]} has a path after the host, which would replace the "
            "path of each request; allowed: proxy_pass http://{{ upstream }}; (to change paths: "
            "`rewrite … break;` before it)"
        )
    for inner in directive.get("block") or ():
        found += _mistakes(inner, label, depth + 1)
    return found


def _location(directive: Directive) -> Location:
    kind, path = re.match(
        r"(=|\^~|~\*|~|@|)\s*(.*)", " ".join(directive["args"]), re.DOTALL
    ).groups()  # type: ignore[union-attr]
    return Location(kind, path, tuple(directive["block"]))


def routes(locations: Sequence[Location], name: str) -> str:
    """The lines of a map from `$uri` to the location's name, in the order of nginx's rules."""
    named = {f"{name}_{i}": each for i, each in enumerate(locations) if each.kind != "@"}
    prefixes = {k: each for k, each in named.items() if each.kind in ("", "^~")}
    longest = sorted(prefixes, key=lambda key: -len(named[key].path))
    lines = [
        _line(rf"~^{_quoted(each.path)}\z", k) for k, each in named.items() if each.kind == "="
    ]
    for key in longest:
        if named[key].kind == "^~":
            lines.append(_line(f"~^{_not_longer(named[key].path, prefixes.values())}", key))
    lines += [_line(f"{e.kind}{e.path}", k) for k, e in named.items() if e.kind in ("~", "~*")]
    return "\n".join([*lines, *(_line(f"~^{_quoted(named[key].path)}", key) for key in longest)])


def _not_longer(path: str, others: Any) -> str:
    longer = [e.path[len(path) :] for e in others if e.path != path and e.path.startswith(path)]
    but = f"(?!{'|'.join(map(_quoted, longer))})" if longer else ""
    return f"{_quoted(path)}{but}"


def _quoted(path: str) -> str:
    return re.sub(r"([^\w/-])", r"\\\1", path)


def _line(pattern: str, key: str) -> str:
    # Other backslashes stay: the template's own words are escaped as nginx reads them already.
    quoted = pattern.replace('"', '\\"')
    return f'"{quoted}" {key};'


def named(
    locations: Sequence[Location],
    beside: Sequence[Directive],
    name: str,
    own: Sequence[Directive],
    suffix: str = "",
) -> str:
    """The locations' text, each under its name.

    Args:
        locations: of the template.
        beside: what the template says for all of them.
        name: what their names begin with.
        own: directives that all get which do not say otherwise.
        suffix: what the names end with of a second set, which shares the template's own `@` ones.
    """
    texts = []
    for number, location in enumerate(locations):
        if suffix and location.kind == "@":
            continue
        body = _with_own(own, _inherited(beside, location.body))
        text = builder.build(body, indent=4)
        title = f"@{name}_{location.path}" if location.kind == "@" else f"@{name}_{number}{suffix}"
        lines = "\n".join("    " + line if line else "" for line in text.splitlines())
        texts.append(f"location {title} {{\n{lines}\n}}")
    whole = "\n".join(texts)
    for location in locations:
        if location.kind == "@":
            whole = re.sub(
                rf"(?<!location )@{re.escape(location.path)}\b", f"@{name}_{location.path}", whole
            )
    return whole


def _inherited(outer: Sequence[Directive], inner: Sequence[Directive]) -> list[Directive]:
    """By nginx's rule: a level that has a directive inherits none of that name."""
    has = {each["directive"] for each in inner} - set(_ACTS)
    return [each for each in outer if each["directive"] not in has] + list(inner)


def _with_own(own: Sequence[Directive], body: Sequence[Directive]) -> list[Directive]:
    """What is ours is not lost by a line of the template that is about something else."""
    has = {_about(each) for each in body}
    return [each for each in own if _about(each) not in has] + list(body)


def _about(directive: Directive) -> tuple[str, ...]:
    name, args = directive["directive"], directive["args"]
    return (name, args[0].lower()) if name in _ONE_OF_MANY else (name,)


def directives(text: str, label: str = "") -> list[Directive]:
    """The directives of a text; raises ConfigError, which calls it by the label."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        found = parser.parse(file.name, single=True, check_ctx=False)
    if found["errors"]:
        said = [str(each["error"]).partition(" in ")[0] for each in found["errors"]]
        raise ConfigError([f"{label}: {each}" for each in said])
    parsed: list[Directive] = found["config"][0]["parsed"]
    return parsed

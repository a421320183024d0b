"""A stack's own part of nginx's http level: maps, rate limits, headers for all of its locations.

It is in force for the whole nginx. So on a shared edge it may only declare what has the stack's own
prefix, and nothing that the other services would get, too.
"""

import re
from collections.abc import Sequence

from crossplane import builder

from bluegreen.edge.locations import Directive, directives
from bluegreen.edge.templates import fill
from bluegreen.errors import ConfigError

# What declares something that others use by its name.
_DECLARE = ("map", "geo", "split_clients", "limit_req_zone", "limit_conn_zone")
# What only this server is to have: put there, and not at the http level.
_OF_THE_SERVER = ("add_header", "limit_req", "limit_conn", "limit_req_status", "limit_conn_status")
_ALLOWED = (*_DECLARE, *_OF_THE_SERVER)


def http_level(
    text: str, label: str, identity: str, *, shared: bool
) -> tuple[str, list[Directive]]:
    """What a template declares, and what all locations get of it.

    Args:
        text: the template; its slot {{ prefix }} is the prefix of names.
        label: what errors call it.
        identity: the prefix.
        shared: whether other services have the edge, too.

    Raises:
        ConfigError: it has what it may not have.
    """
    found = directives(fill(text, {"prefix": identity}, label), label)
    mistakes = [
        each for directive in found for each in _mistakes(directive, label, identity, shared)
    ]
    if mistakes:
        raise ConfigError(mistakes)
    declared = [each for each in found if each["directive"] in _DECLARE]
    return builder.build(declared, indent=4), [e for e in found if e not in declared]


def _mistakes(directive: Directive, label: str, identity: str, shared: bool) -> Sequence[str]:
    where, name = f"{label}:{directive['line']}", directive["directive"]
    if name not in _ALLOWED:
        return [f"{where}: {name}; allowed: {', '.join(_ALLOWED)}"]
    declared = _declared(directive)
    if shared and declared and not re.match(rf"{identity}[_-]", declared):
        return [
            f"{where}: {name} declares {declared}, which other services of this edge may have, "
            f"too; allowed: names that begin with {identity}_ ({{{{ prefix }}}}_)"
        ]
    return []


def _declared(directive: Directive) -> str:
    """The name of it: a zone, or a variable, which is the last argument."""
    args: list[str] = directive["args"]
    if directive["directive"] not in _DECLARE or not args:
        return ""
    zones = [each.removeprefix("zone=").partition(":")[0] for each in args if "zone=" in each]
    return zones[0] if zones else args[-1].lstrip("$")

"""Where the files of nginx/ are: configs, fragments, and the scripts that run in the edge.

They are a folder of their own in the repository, for whoever looks for nginx's config, and part of
the package in a wheel, which has nothing beside it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from bluegreen.errors import ConfigError

_PACKAGED = Path(__file__).resolve().parents[1] / "nginx"
TEMPLATES = _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parents[1] / "nginx"
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


def fragment(name: str, slots: Mapping[str, str]) -> str:
    """A part that only some configs have, or that both colors have, from its template."""
    text = (TEMPLATES / f"{name}.conf").read_text()
    return fill(text, slots, f"nginx/{name}.conf").rstrip()

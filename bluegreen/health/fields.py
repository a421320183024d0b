"""Fields of a JSON answer by their path: `version`, `data.version`, `[0].id`."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
WHOLE = "."  # the answer itself, as plain text
_DEPTH = 5


class Missing(Exception):
    """There is no such field."""


def value_at(body: Any, path: str) -> Any:
    """The value at a path; raises Missing."""
    if isinstance(body, dict) and path in body:
        return body[path]  # a name with a dot in it
    for index, name in _STEP.findall(path):
        try:
            body = body[int(index)] if index and isinstance(body, list) else body[name]
        except (KeyError, IndexError, TypeError):
            raise Missing(path) from None
    return body


def paths_to(
    body: Any, wanted: Callable[[Any], bool], at: str = "", depth: int = 0
) -> Iterator[str]:
    """Each path to a plain value that is wanted."""
    if depth > _DEPTH:
        return
    if isinstance(body, dict):
        for name, value in body.items():
            if re.fullmatch(r"[^\s.\[\]]+", name):
                yield from paths_to(value, wanted, f"{at}.{name}" if at else name, depth + 1)
    elif isinstance(body, list):
        for number, value in enumerate(body[:10]):
            yield from paths_to(value, wanted, f"{at}[{number}]", depth + 1)
    elif at and wanted(body):
        yield at

"""Writes the table of keys where users read it: Pulumi.yaml's `config:` and docs/config.md.

`python -m bluegreen.config.describe` does it in the project's folder; a test tells when it is due.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bluegreen.config.kinds import Key
from bluegreen.config.table import TABLE, every_key

# Of these the environment may name another default, so it is left to the code.
_LEFT_TO_THE_CODE = ("image", "edge_image")
_BLOCK = re.compile(r"^config:\n.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_END = "<!-- end -->"


def as_pulumi() -> str:
    """The `config:` block of Pulumi.yaml.

    No key has a type there: the engine would stop at the first value of a wrong one and hide the
    other mistakes; the program tells them all.
    """
    entries = [
        f"  {key.name}:\n"
        f"    default: {json.dumps(_engine_default(key))}\n"
        f"    description: {json.dumps(described(key), ensure_ascii=False)}\n"
        for key in TABLE
    ]
    return "config:\n" + "".join(entries)


def _engine_default(key: Key) -> Any:
    """The default as text, or as an empty object or list; "" where it depends on other keys."""
    if key.default is None or key.name in _LEFT_TO_THE_CODE:
        return ""
    if isinstance(key.default, bool | int | float):
        return json.dumps(key.default)
    return key.default


def described(key: Key) -> str:
    """Its words, with the platform that it needs; the parts of an object leave that to it."""
    if key.only != "swarm" or "." in key.name:
        return key.words
    return f"With platform {key.only}: {key.words[0].lower()}{key.words[1:]}"


def as_docs(keys: Iterable[Key]) -> str:
    """A table for docs/config.md."""
    rows = [f"| `{key.name}` | {_shown(key)} | {_cell(key)} | {_touches(key)} |\n" for key in keys]
    return "| Key | Default | What it is | A change touches |\n|---|---|---|---|\n" + "".join(rows)


def _shown(key: Key) -> str:
    if key.shown:
        return key.shown
    if key.default == 0 and not isinstance(key.default, bool):
        return "none" if key.name.endswith("_port") else "`0`"
    if key.default in (None, "") or isinstance(key.default, dict | list | tuple):
        return ""
    return f"`{key.default if isinstance(key.default, str) else json.dumps(key.default)}`"


def _cell(key: Key) -> str:
    more = f": [{key.see}]({key.see})" if key.see else ""
    return described(key).replace("|", "\\|") + more


def _touches(key: Key) -> str:
    swarm = f" (swarm: {', '.join(key.on_swarm)})" if key.on_swarm is not None else ""
    return ", ".join(key.touches) + swarm


def written(text: str, *, name: str) -> str:
    """The text of Pulumi.yaml or docs/config.md with what is made of the table put in anew."""
    if name == "Pulumi.yaml":
        return _BLOCK.sub(lambda _: as_pulumi(), text)
    whole = list(every_key())
    parts = [key for key in whole if "." in key.name]
    for table, keys in (("keys", [key for key in whole if key not in parts]), ("parts", parts)):
        begin, rest = re.split(rf"(?<=<!-- {table}: made by describe.py -->\n)", text)
        text = begin + as_docs(keys) + rest[rest.index(_END) :]
    return text


def main(root: Path = Path()) -> None:
    """Write both files anew."""
    for path in (root / "Pulumi.yaml", root / "docs" / "config.md"):
        path.write_text(written(path.read_text(), name=path.name))


if __name__ == "__main__":
    main()

"""Pulumi.<stack>.yaml, edited in place: comments and order stay; git sees only what changed."""

import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.config.kinds import Items, Key, Object, Strings, Text, Words
from bluegreen.config.scalars import Plain, engine_text, resolve
from bluegreen.config.settings import COLORS, Color
from bluegreen.config.table import TABLE
from bluegreen.config.written import config_of, of_text, own
from bluegreen.errors import ConfigError

_TEXT = Key("", Text(""), "", "", ("nothing",))


class StackFile:
    """One stack's config file."""

    def __init__(self, path: Path, namespace: str) -> None:
        """Read the file; a stack without one has no config yet.

        Args:
            path: of the file.
            namespace: of the keys that are ours: the project's name.
        """
        self.path, self._namespace = path, namespace
        self.before = path.read_text() if path.exists() else ""
        try:
            self._written = config_of(of_text(self.before, path.name))
        except ConfigError as error:
            raise _broken("; ".join(error.mistakes)) from None

    @cached_property
    def _yaml(self) -> YAML:
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = 4096  # never wrap a line that the user did not
        return yaml

    @cached_property
    def _content(self) -> Any:
        """All of it with its comments, to be edited; slow to read, and strict on repeated keys."""
        try:
            return self._yaml.load(self.before) or {}
        except YAMLError as error:
            said = " ".join(str(error).split())
            raise _broken(f"{self.path.name} is not valid YAML: {said}") from None

    def get(self, key: str) -> str:
        """A plain value of ours as written; "" when it is not set."""
        value = own(self._written, self._namespace).get(key)
        return str(value) if isinstance(value, str) and resolve(value) is not None else ""

    @property
    def active_color(self) -> Color | None:
        """The color that the file makes live; None when it says none."""
        for color in COLORS:
            if self.get("active_color") == color:
                return color
        return None

    def section(self, namespace: str) -> dict[str, str]:
        """The plain values of another namespace, such as the docker provider's."""
        return {k: str(v) for k, v in own(self._written, namespace).items()}

    def change(self, **values: str) -> None:
        """Set values and write the file; an empty value leaves the key as it is."""
        config: Any = self._content.setdefault("config", {})
        self._quote(config)
        for key, value in values.items():
            if value and self.get(key) != value:
                config[f"{self._namespace}:{key}"] = _quoted(value)
        self._write_content()

    def quote(self) -> None:
        """Put in quotes what Pulumi would make another text of when it rewrites the file."""
        if self._quote(self._content.get("config") or {}):
            self._write_content()

    def _quote(self, config: Any) -> bool:
        found = False
        for key in TABLE:
            name = f"{self._namespace}:{key.name}"
            for place, index, text in _lossy(key, config, name, self._written.get(name)):
                place[index] = DoubleQuotedScalarString(text)
                found = True
        return found

    @property
    def data(self) -> dict[str, Any]:
        """What the file says of the data."""
        return dict((self._content.get("config") or {}).get(f"{self._namespace}:data") or {})

    def change_copy(self, copy: str) -> None:
        """Name a copy of the data for the next change; "" takes the name away."""
        config: Any = self._content.setdefault("config", {})
        data = config.get(f"{self._namespace}:data")
        if copy:
            config.setdefault(f"{self._namespace}:data", {})["copy"] = copy
        elif data and "copy" in data:
            del data["copy"]
            if not data:
                del config[f"{self._namespace}:data"]

    def restore(self) -> None:
        """Put back what was read."""
        self._write(self.before)

    def _write_content(self) -> None:
        text = io.StringIO()
        self._yaml.dump(self._content, text)
        self._write(text.getvalue())

    def _write(self, text: str) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(text)
        part.replace(self.path)
        self._written = config_of(of_text(text, self.path.name))


def _broken(what: str) -> CommandError:
    return CommandError(what, todo="fix the file; nothing was touched", code=Exit.USAGE)


def _quoted(value: str) -> str:
    return value if resolve(Plain(value)) == value else DoubleQuotedScalarString(value)


def _lossy(key: Key, place: Any, index: Any, written: Any) -> Iterator[tuple[Any, Any, str]]:
    """The texts without quotes that YAML takes for a number or a date: where, and as written."""
    if isinstance(key.kind, Object | Items):
        listed = enumerate(written) if isinstance(written, list) else ()
        inner = [(place[index][number], said) for number, said in listed]
        inner += [(place[index], written)] if isinstance(written, dict) else []
        for there, said in inner:
            for part in key.kind.parts if isinstance(said, dict) else ():
                yield from _lossy(part, there, part.name, said.get(part.name))
    elif isinstance(key.kind, Strings | Words) and isinstance(written, dict | list):
        pairs = written.items() if isinstance(written, dict) else enumerate(written)
        for name, said in pairs:
            yield from _lossy(_TEXT, place[index], name, said)
    elif isinstance(key.kind, Text) and isinstance(written, Plain):
        found = resolve(written)
        if found is not None and engine_text(found) != written:
            yield place, index, str(written)

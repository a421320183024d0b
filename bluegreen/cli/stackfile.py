"""Pulumi.<stack>.yaml, edited in place: comments and order stay; git sees only what changed."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.config import defaults
from bluegreen.config.settings import COLORS, Color


class StackFile:
    """One stack's config file."""

    def __init__(self, path: Path, namespace: str) -> None:
        """Read the file; a stack without one has no config yet.

        Args:
            path: of the file.
            namespace: of the keys that are ours: the project's name.
        """
        self.path, self._namespace = path, namespace
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 4096  # never wrap a line that the user did not
        self.before = path.read_text() if path.exists() else ""
        try:
            self._content = self._yaml.load(self.before) or {}
        except YAMLError as error:
            raise CommandError(
                f"{path.name} is no valid YAML: {' '.join(str(error).split())}",
                todo="mend the file; nothing was touched",
                code=Exit.USAGE,
            ) from None

    def get(self, key: str) -> str:
        """A plain value of ours; "" when it is not set."""
        value = (self._content.get("config") or {}).get(f"{self._namespace}:{key}")
        return "" if value is None else str(value)

    @property
    def active_color(self) -> Color | None:
        """The color that the file makes live; None when it says none."""
        for color in COLORS:
            if self.get("active_color") == color:
                return color
        return None

    @property
    def health_path(self) -> str:
        """The path that the gate asks."""
        config = self._content.get("config") or {}
        health = config.get(f"{self._namespace}:health") or {}
        return str(health.get("path") or defaults.HEALTH_PATH)

    def has(self, key: str) -> bool:
        """Whether a value of ours is set at all."""
        return bool((self._content.get("config") or {}).get(f"{self._namespace}:{key}"))

    def listing(self, key: str) -> list[Any]:
        """A list of ours; empty when it is not set."""
        return list((self._content.get("config") or {}).get(f"{self._namespace}:{key}") or [])

    def section(self, namespace: str) -> dict[str, str]:
        """The plain values of another namespace, such as the docker provider's."""
        config = self._content.get("config") or {}
        prefix = f"{namespace}:"
        return {k.removeprefix(prefix): str(v) for k, v in config.items() if k.startswith(prefix)}

    def change(self, **values: str) -> None:
        """Set values and write the file; an empty value leaves the key as it is."""
        config: Any = self._content.setdefault("config", {})
        for key, value in values.items():
            if value and self.get(key) != value:
                config[f"{self._namespace}:{key}"] = value
        text = io.StringIO()
        self._yaml.dump(self._content, text)
        self._write(text.getvalue())

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

    def _write(self, text: str) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(text)
        part.replace(self.path)

"""The versions that have to fit together, read from where they are pinned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools.setup.errors import ToolchainError

GO_SOURCES = Path("tools") / "setup" / "go"


@dataclass(frozen=True)
class Pins:
    """Versions without a leading v."""

    sdk: str
    """The Python package pulumi."""
    plugins: dict[str, str]
    """By name: each must have its Python package's version, or the engine warns."""
    cli: str
    """The CLI as a Go module, which lags behind the Python package."""

    @classmethod
    def of(cls, repo: Path) -> Pins:
        """Read requirements.txt and the CLI's go.mod."""
        requirements = (repo / "requirements.txt").read_text()
        return cls(
            sdk=pinned(requirements, r"^pulumi==(\S+)"),
            plugins={
                name: pinned(requirements, rf"^pulumi-{name}==(\S+)")
                for name in ("docker", "command")
            },
            cli=pinned(
                (repo / GO_SOURCES / "cli" / "go.mod").read_text(),
                r"github\.com/pulumi/pulumi/pkg/v3 v(\S+)",
            ),
        )


def pinned(text: str, pattern: str) -> str:
    """The one version that a pattern finds."""
    match = re.search(pattern, text, re.M)
    if match is None:
        raise ToolchainError(f"No version matches {pattern} where it should be pinned.")
    return match[1]

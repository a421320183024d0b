"""Where things lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Places:
    """The folders in use. Everything in `cache` can be made again; nothing in `state` can."""

    repo: Path
    cache: Path
    state: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], repo: Path = REPO) -> Places:
        """The XDG folders of whoever runs this."""
        home = Path(environ.get("HOME") or Path.home())
        return cls(
            repo=repo,
            cache=Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "bluegreen",
            state=Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "bluegreen",
        )

    @property
    def venv(self) -> Path:
        """The virtual environment; Pulumi.yaml names the same folder."""
        return self.repo / ".venv"

    @property
    def logs(self) -> Path:
        """One log per command that set-up runs, and the Docker daemon's."""
        return self.cache / "logs"

    @property
    def choices(self) -> Path:
        """What set-up found out, so that later runs need no network."""
        return self.cache / "choices.json"


def real_path(environ: Mapping[str, str]) -> str:
    """PATH, with the folders where Debian keeps what only root runs."""
    return os.pathsep.join([environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

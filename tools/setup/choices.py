"""What set-up found out once and later runs go by."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Choices:
    """One machine's answers; None means not asked yet."""

    docker_hub: bool | None = None
    """Does Docker Hub answer? If not, the images are made here."""
    edge_image: str | None = None
    """The nginx image made here, as name:tag."""
    pulumi: str | None = None
    """Where the Pulumi CLI comes from: "path", "official" or "built"."""
    pulumi_bin: str | None = None
    """The folder with the CLI."""

    @classmethod
    def load(cls, path: Path) -> Choices:
        """Read the file; one that is absent, damaged or from another version counts as empty."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self, path: Path) -> None:
        """Replace the file in one step, so that no reader finds half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(asdict(self), indent=2) + "\n")
        part.replace(path)

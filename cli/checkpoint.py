"""A stack's checkpoint in a file backend, which a full disk leaves empty or cut short."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cli.project import PROJECT


def state_folder() -> Path | None:
    """Where the file backend keeps its state; None with another backend."""
    backend = os.environ.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith("file://"):
        return None
    path = urlsplit(backend).netloc + urlsplit(backend).path
    return Path(path).expanduser() / ".pulumi"


def put_back(stack: str) -> Path | None:
    """Put the newest whole copy in place of a checkpoint that is not whole; return the copy.

    Pulumi (3.259) keeps the checkpoint from before each save, and one of each update that ended.
    """
    folder = state_folder()
    checkpoint = folder / "stacks" / PROJECT / f"{stack}.json" if folder else None
    if not folder or not checkpoint or not checkpoint.exists() or _is_whole(checkpoint):
        return None
    for copy in _copies(folder, stack):
        if _is_whole(copy):
            part = checkpoint.with_suffix(".part")
            shutil.copyfile(copy, part)
            part.replace(checkpoint)
            return copy
    return None


def _copies(folder: Path, stack: str) -> Iterator[Path]:
    """The newest first."""
    yield folder / "stacks" / PROJECT / f"{stack}.json.bak"
    history = folder / "history" / PROJECT / stack
    # Their names end with the time, of as many digits each.
    yield from sorted(history.glob("*.checkpoint.json"), reverse=True)


def _is_whole(checkpoint: Path) -> bool:
    try:
        return "checkpoint" in json.loads(checkpoint.read_text())
    except (OSError, ValueError):
        return False

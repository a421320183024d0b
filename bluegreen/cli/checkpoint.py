"""A stack's checkpoint in a file backend, which a full disk or a kill leaves cut short."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def state_folder() -> Path | None:
    """Where the file backend keeps its state; None with another backend."""
    backend = os.environ.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith("file://"):
        return None
    path = urlsplit(backend).netloc + urlsplit(backend).path
    return Path(path).expanduser() / ".pulumi"


def mend(project: str, stack: str) -> list[str]:
    """Make a checkpoint whole that is not; return what was done, a phrase each."""
    folder = state_folder()
    checkpoint = folder / "stacks" / project / f"{stack}.json" if folder else None
    if not folder or not checkpoint or not checkpoint.exists():
        return []
    done: list[str] = []
    # Pulumi (3.259) writes these beside it, not in one act, and reads nothing with them cut short.
    notes = checkpoint.with_name(f"{checkpoint.name}.attrs")
    if notes.exists() and not _is_json(notes):
        notes.unlink()
        done.append(f"removed {notes.name}, which was incomplete")
    if not _is_whole(checkpoint):
        done += _put_back(checkpoint, _copies(folder, project, stack))
    return done


def _put_back(checkpoint: Path, copies: Iterator[Path]) -> list[str]:
    """Put the newest whole copy in its place.

    Pulumi keeps the checkpoint from before each save, and one of each update that ended.
    """
    for copy in filter(_is_whole, copies):
        part = checkpoint.with_suffix(".part")
        shutil.copyfile(copy, part)
        part.replace(checkpoint)
        return [f"restored {copy.name}, because the stack's state was incomplete"]
    return []


def _copies(folder: Path, project: str, stack: str) -> Iterator[Path]:
    """The newest first."""
    yield folder / "stacks" / project / f"{stack}.json.bak"
    history = folder / "history" / project / stack
    # Their names end with the time, of as many digits each.
    yield from sorted(history.glob("*.checkpoint.json"), reverse=True)


def _is_whole(checkpoint: Path) -> bool:
    return "checkpoint" in (_read(checkpoint) or {})


def _is_json(file: Path) -> bool:
    return _read(file) is not None


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return found

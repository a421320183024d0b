"""The snapshots' volume: what is in it, whether it is whole, and what goes.

A snapshot is a folder: `files/`, the data as it was at one moment, and `manifest.json`, written
last, with a checksum of every file and of itself. A folder without a manifest is no snapshot, and
one that begins with a dot is being made or removed.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bluegreen.data.inside.trees import Refused, files_in

PART = ".part-"
DUMP = ".part-dump-"  # filled by another program, which takes no lock
DUMP_SECONDS = 6 * 3600  # a dump ends sooner, or is ended
CHUNK = 1 << 20


class Busy(Exception):
    """Another one is at work in the snapshots' volume."""


@contextmanager
def locked(store: Path, *, alone: bool, wait: bool) -> Iterator[None]:
    """Have the snapshots to oneself, or together with others that only read.

    The lock goes with the process that has it, however that ends.

    Raises:
        Busy: somebody else has it, and this is not to wait.
    """
    mode = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    folder = os.open(store, os.O_RDONLY)  # the folder itself: a full disk has no room for a file
    try:
        try:
            fcntl.flock(folder, mode if wait else mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        except OSError:
            pass  # a file system without locks, as some network ones are: go on without
        yield
    finally:
        os.close(folder)


def sweep(store: Path) -> None:
    """Remove what snapshots that were killed have left; whoever calls it has the lock."""
    for part in store.glob(f"{PART}*"):
        newest = max((each.lstat().st_mtime for each in (part, *part.rglob("*"))), default=0)
        if not part.name.startswith(DUMP) or time.time() - newest > DUMP_SECONDS:
            shutil.rmtree(part)


def keep_part(store: Path, part: Path, manifest: dict[str, Any], keep: int) -> dict[str, Any]:
    """Make a snapshot of a folder's files, under the name of their moment; prune those before."""
    files = [_described(file, part / "files") for file in files_in(part / "files")]
    manifest |= {
        "id": datetime.fromisoformat(manifest["at"]).strftime("%Y%m%d-%H%M%S-%f"),
        "bytes": sum(each["bytes"] for each in files),
    }
    whole = manifest | {"files": files}
    whole["sum"] = _sum(whole)
    with (part / "manifest.json").open("w") as file:
        json.dump(whole, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.rename(store / manifest["id"])
    return manifest | {"removed": remove_old(store, keep) if keep else []}


def heads(store: Path) -> Iterator[dict[str, Any]]:
    """All snapshots without their files, the oldest first; of a damaged one what is wrong."""
    for folder in sorted(store.iterdir()):
        if folder.is_dir() and not folder.name.startswith(".") and folder.name != "lost+found":
            try:
                yield head(manifest_of(folder))
            except Refused as error:
                yield {"id": folder.name, "damaged": str(error)}


def head(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest without its files."""
    return {key: value for key, value in manifest.items() if key not in ("files", "sum")}


def manifest_of(folder: Path) -> dict[str, Any]:
    """A snapshot's manifest; raises Refused for one that is not as it was written."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        if manifest["sum"] == _sum(manifest):
            return manifest
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise Refused(f"snapshot {folder.name} is damaged: its manifest was changed")


def changed_files(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Which of a snapshot's files are not what was written."""
    files = folder / "files"
    return [
        each["path"]
        for each in manifest["files"]
        if _described(files / each["path"], files) != each
    ]


def remove_old(store: Path, keep: int, *, by_hand: bool = False) -> list[str]:
    """Remove all but the newest, those made by hand only if that is said; return which."""
    candidates = [
        each["id"]
        for each in heads(store)
        if by_hand or (each.get("reason") == "release" and not each.get("damaged"))
    ]
    gone = candidates[: max(len(candidates) - keep, 0)]
    for identity in gone:
        # In one step out of sight of who lists them.
        part = (store / identity).rename(store / f"{PART}{identity}")
        shutil.rmtree(part)
    return gone


def _sum(manifest: dict[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != "sum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _described(file: Path, folder: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(CHUNK):
                digest.update(chunk)
        size = file.stat().st_size
    except OSError as error:
        return {"path": str(file.relative_to(folder)), "error": str(error)}
    return {"path": str(file.relative_to(folder)), "sha256": digest.hexdigest(), "bytes": size}

"""A folder for a fresh root, gone when its run ends, however it does."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
PREFIX = "fresh-"


@contextmanager
def own_folder(cache: Path) -> Iterator[Path]:
    """A folder on disk, gone afterwards; what a run that was killed has left goes with it."""
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(f"{PREFIX}*/root"):
        with suppress(OSError), locked(left.parent):
            remove(left.parent)
    folder = Path(tempfile.mkdtemp(dir=cache, prefix=PREFIX))
    with locked(folder):
        try:
            yield folder
        finally:
            remove(folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder; OSError if somebody else does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def remove(folder: Path) -> None:
    """Remove a folder, and the control groups of its name that its containers ran in."""
    for group in (*CGROUPS.glob(folder.name), *CGROUPS.glob(f"*/{folder.name}")):
        for path, _, _ in os.walk(group, topdown=False):
            os.rmdir(path)
    subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)

"""Folders: where the volumes are mounted, how they are copied, what room there is."""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

ROOM = 1.05  # of what is to be copied
BUSY = 75  # exit code: somebody else is at work (sysexits' EX_TEMPFAIL)


class Refused(Exception):
    """The reason why it is not done, for people."""


@dataclass(frozen=True)
class Folders:
    """Where the volumes are: the data, another one to be filled, and the snapshots."""

    data: Path = Path("/data")
    target: Path = Path("/target")
    store: Path = Path("/snapshots")


def copy_tree(source: Path, target: Path, without: Collection[Path] = ()) -> None:
    """Copy files, folders and links with owners and modes."""
    target.mkdir(exist_ok=True, parents=True)
    take_over(source, target)
    for folder, names, files in os.walk(source):
        here, there = Path(folder), target / Path(folder).relative_to(source)
        for name in [*names, *files]:
            file, copy = here / name, there / name
            if file in without:
                continue
            try:
                if file.is_symlink():
                    copy.symlink_to(file.readlink())
                elif file.is_dir():
                    copy.mkdir(exist_ok=True)
                elif file.is_file():
                    shutil.copyfile(file, copy)
                else:
                    continue  # a socket or a pipe is of its process
                take_over(file, copy)
            except FileNotFoundError:
                continue  # removed meanwhile, as files in use are


def take_over(file: Path, copy: Path) -> None:
    """Give a copy the owner and mode of what it is a copy of."""
    status = file.lstat()
    os.chown(copy, status.st_uid, status.st_gid, follow_symlinks=False)
    if not copy.is_symlink():
        copy.chmod(status.st_mode & 0o7777)


def files_in(folder: Path) -> list[Path]:
    """All files, at any depth, sorted."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def size_of(folder: Path) -> int:
    """Bytes in all files."""
    return sum(file.stat().st_size for file in files_in(folder))


def need_room(source: Path, target: Path) -> None:
    """Raise Refused when the disk of target has no room for a copy of source."""
    disk = os.statvfs(target)
    free, needed = disk.f_bavail * disk.f_frsize, int(size_of(source) * ROOM)
    if free < needed:
        raise Refused(f"no room for it: {_mb(needed)} are needed, {_mb(free)} are free")


def _mb(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def empty(folder: Path) -> None:
    """Remove all that is in a folder."""
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()

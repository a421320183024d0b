"""What is done with data volumes, run inside a container of Python's standard library alone.

One file, as it goes in on standard input:

`python3 - VERB JSON` with this text on standard input: one JSON object on standard output, or the
reason on standard error and exit code 1. The container has the data in /data, another volume to
fill in /target, and the snapshots in /snapshots, as far as the verb needs them.

A snapshot is a folder: `files/`, the data as it was at one moment, and `manifest.json`, written
last, with a checksum of every file and of itself. A folder without a manifest is no snapshot.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATA, TARGET, STORE = Path("/data"), Path("/target"), Path("/snapshots")
MAGIC = b"SQLite format 3\0"
# Kept by SQLite beside a database: what is in them is in the copy that SQLite makes.
COMPANIONS = ("-wal", "-shm", "-journal")
LOCK_SECONDS = 30
ROOM = 1.05  # of what is to be copied
CHUNK = 1 << 20


class Refused(Exception):
    """The reason why it is not done, for people."""


def take(told: dict[str, Any]) -> dict[str, Any]:
    """Take a snapshot of /data, and keep the newest `keep` of those taken by releases."""
    for part in STORE.glob(".part-*"):
        shutil.rmtree(part)
    _need_room(DATA, STORE)
    part, begun = STORE / f".part-{uuid.uuid4().hex}", time.monotonic()
    try:
        at = _copy(DATA, part / "files")
        manifest = {
            "at": at,
            "color": told["color"],
            "version": told["version"],
            "reason": told["reason"],
            "of": told["of"],
            "schema": _schema(part / "files"),
        }
        return _keep(part, manifest, told["keep"], begun)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def seal(told: dict[str, Any]) -> dict[str, Any]:
    """Make a snapshot of a dump that another program has put into its folder."""
    return _keep(STORE / told["part"], told["manifest"], told["keep"])


def list_(_: dict[str, Any]) -> dict[str, Any]:
    """All snapshots, the oldest first; a damaged manifest is told and not hidden."""
    return {"snapshots": list(_heads())}


def restore(told: dict[str, Any]) -> dict[str, Any]:
    """Fill /target, which is new, with a snapshot whose files are all as they were written."""
    verify(told)
    _need_room(STORE / told["id"] / "files", TARGET)
    _copy_plain(STORE / told["id"] / "files", TARGET)
    return {}


def verify(told: dict[str, Any]) -> dict[str, Any]:
    """Check a snapshot to the last byte."""
    folder = STORE / told["id"]
    if not folder.is_dir():
        known = ", ".join(each["id"] for each in _heads()) or "none"
        raise Refused(f"there is no snapshot {told['id']}; there are: {known}")
    manifest = _manifest(folder)
    wrong = [
        each["path"]
        for each in manifest["files"]
        if _described(folder / "files" / each["path"], folder / "files") != each
    ]
    if wrong:
        raise Refused(f"snapshot {told['id']} is damaged: {', '.join(wrong[:5])} changed since")
    return _head(manifest)


def prune(told: dict[str, Any]) -> dict[str, Any]:
    """Remove all but the newest `keep`, those made by hand too if it says `all`."""
    return {"removed": _prune(told["keep"], by_hand=told["all"])}


def clone(_: dict[str, Any]) -> dict[str, Any]:
    """Fill /target with /data as it is at one moment."""
    _empty(TARGET)
    _need_room(DATA, TARGET)
    begun = time.monotonic()
    at = _copy(DATA, TARGET)
    return {"at": at, "bytes": _size(TARGET), "seconds": round(time.monotonic() - begun, 3)}


def schema(_: dict[str, Any]) -> dict[str, Any]:
    """The schema of the data, as a short digest."""
    return {"schema": _schema(DATA)}


def _copy(source: Path, target: Path) -> str:
    """Copy a tree, databases by SQLite's own backup; return the moment that the copy is of.

    For that moment nobody can write: the write lock is held until all snapshots are open.
    """
    with contextlib.ExitStack() as stack:
        databases = [file for file in _files(source) if _is_database(file)]
        locks = [stack.enter_context(_opened(file)) for file in databases]
        readers = [stack.enter_context(_opened(file)) for file in databases]
        for lock in locks:
            lock.execute("BEGIN IMMEDIATE")
        for reader in readers:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        for lock in locks:
            lock.execute("ROLLBACK")
        companions = {f"{file}{ending}" for file in databases for ending in COMPANIONS}
        _copy_plain(source, target, {*map(str, databases), *companions})
        for file, reader in zip(databases, readers, strict=True):
            copy = target / file.relative_to(source)
            with contextlib.closing(sqlite3.connect(copy)) as into:
                reader.backup(into)  # all in one step: a database in use is never done in many
            _take_over(file, copy)
    return at


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)
    with contextlib.closing(connection):
        yield connection


def _copy_plain(source: Path, target: Path, without: set[str] | None = None) -> None:
    """Copy files, folders and links with owners and modes."""
    target.mkdir(exist_ok=True, parents=True)
    _take_over(source, target)
    for folder, names, files in os.walk(source):
        here, there = Path(folder), target / Path(folder).relative_to(source)
        for name in [*names, *files]:
            file, copy = here / name, there / name
            if str(file) in (without or ()):
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
                _take_over(file, copy)
            except FileNotFoundError:
                continue  # removed meanwhile, as files in use are


def _take_over(file: Path, copy: Path) -> None:
    status = file.lstat()
    os.chown(copy, status.st_uid, status.st_gid, follow_symlinks=False)
    if not copy.is_symlink():
        copy.chmod(status.st_mode & 0o7777)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def _is_database(file: Path) -> bool:
    if file.name.endswith(COMPANIONS):
        return False
    try:
        with file.open("rb") as opened:
            return opened.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in _files(folder))


def _need_room(source: Path, target: Path) -> None:
    disk = os.statvfs(target)
    free, needed = disk.f_bavail * disk.f_frsize, int(_size(source) * ROOM)
    if free < needed:
        raise Refused(f"no room for it: {_mb(needed)} are needed, {_mb(free)} are free")


def _mb(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def _empty(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _schema(folder: Path) -> str:
    """A digest of all that the databases' schemas say; "" without a database."""
    found: list[str] = []
    for file in filter(_is_database, _files(folder)):
        with _opened(file) as database:
            rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            name = file.relative_to(folder)
            found += sorted(f"{name}: {' '.join(row[0].split())}" for row in rows)
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:12] if found else ""


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


def _keep(
    part: Path, manifest: dict[str, Any], keep: int, begun: float | None = None
) -> dict[str, Any]:
    """Make a snapshot of a folder's files, under the name of their moment; prune those before."""
    files = [_described(file, part / "files") for file in _files(part / "files")]
    manifest |= {"id": _identity(manifest["at"]), "bytes": sum(each["bytes"] for each in files)}
    if begun is not None:
        manifest["seconds"] = round(time.monotonic() - begun, 3)
    _seal(part, manifest | {"files": files})
    part.rename(STORE / manifest["id"])
    return manifest | {"removed": _prune(keep) if keep else []}


def _seal(folder: Path, manifest: dict[str, Any]) -> None:
    manifest["sum"] = _sum(manifest)
    with (folder / "manifest.json").open("w") as file:
        json.dump(manifest, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _sum(manifest: dict[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != "sum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        if manifest["sum"] == _sum(manifest):
            return manifest
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise Refused(f"snapshot {folder.name} is damaged: its manifest is not what was written")


def _head(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in ("files", "sum")}


def _heads() -> Iterator[dict[str, Any]]:
    for folder in sorted(STORE.iterdir()):
        if folder.is_dir() and not folder.name.startswith(".") and folder.name != "lost+found":
            try:
                yield _head(_manifest(folder))
            except Refused as error:
                yield {"id": folder.name, "damaged": str(error)}


def _identity(at: str) -> str:
    """A snapshot's identity is its moment, as digits."""
    return datetime.fromisoformat(at).strftime("%Y%m%d-%H%M%S-%f")


def _prune(keep: int, *, by_hand: bool = False) -> list[str]:
    candidates = [
        each["id"]
        for each in _heads()
        if by_hand or (each.get("reason") == "release" and not each.get("damaged"))
    ]
    gone = candidates[: max(len(candidates) - keep, 0)]
    for identity in gone:
        shutil.rmtree(STORE / identity)
    return gone


VERBS = {
    each.__name__.rstrip("_"): each
    for each in (take, seal, list_, restore, verify, prune, clone, schema)
}


def main() -> int:
    """Do what the command line says."""
    verb, told = sys.argv[1], json.loads(sys.argv[2])
    try:
        print(json.dumps(VERBS[verb](told)))
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, sqlite3.Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""SQLite databases in use: copied as they were at one moment, and their schema."""

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bluegreen.data.inside.trees import copy_tree, files_in, take_over

MAGIC = b"SQLite format 3\0"
# Kept by SQLite beside a database: what is in them is in the copy that SQLite makes.
COMPANIONS = ("-wal", "-shm", "-journal")
LOCK_SECONDS = 30


def copy_data(source: Path, target: Path) -> tuple[str, float]:
    """Copy a tree, databases by SQLite's own backup.

    Returns:
        The moment that the copy of all databases is of, in UTC, and for how many seconds writers
        had to wait. For the moment itself nobody can write; where a database is not in WAL mode,
        nobody can commit to it until it is copied, so these are copied first of all.
    """
    databases = [file for file in files_in(source) if _is_database(file)]
    with contextlib.ExitStack() as stack:
        locks = [stack.enter_context(_opened(file)) for file in databases]
        readers = [stack.enter_context(_opened(file)) for file in databases]
        for lock in locks:
            lock.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        for reader in readers:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        for lock in locks:
            lock.execute("ROLLBACK")
        waits = [_makes_writers_wait(lock) for lock in locks]
        blocked = 0.0
        in_order = sorted(zip(waits, databases, readers, strict=True), key=lambda each: not each[0])
        for makes_wait, file, reader in in_order:
            _back_up(file, reader, target / file.relative_to(source))
            reader.close()
            if makes_wait:
                blocked = time.monotonic() - begun
    companions = {Path(f"{file}{ending}") for file in databases for ending in COMPANIONS}
    copy_tree(source, target, {*databases, *companions})
    return at, round(blocked, 3)


def _makes_writers_wait(database: sqlite3.Connection) -> bool:
    return bool(database.execute("PRAGMA journal_mode").fetchone()[0] != "wal")


def _back_up(file: Path, reader: sqlite3.Connection, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(copy)) as into:
        reader.backup(into)  # all in one step: a database in use is never done in many
    take_over(file, copy)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)
    with contextlib.closing(connection):
        yield connection


def _is_database(file: Path) -> bool:
    if file.name.endswith(COMPANIONS):
        return False
    try:
        with file.open("rb") as opened:
            return opened.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def schema_of(folder: Path) -> str:
    """A digest of all that the databases' schemas say; "" without a database."""
    found: list[str] = []
    for file in filter(_is_database, files_in(folder)):
        with _opened(file) as database:
            rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            name = file.relative_to(folder)
            found += sorted(f"{name}: {' '.join(row[0].split())}" for row in rows)
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:12] if found else ""

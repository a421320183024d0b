"""SQLite, as a file that both colors share."""

import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import MigrationRefused, StartupError

FILE_NAME = "grafana.db"
LOCK_NAME = "grafana.db.migrating"
BUSY_SECONDS = 5.0
"""How long a statement waits for the other color's write before it is an error."""


class Sqlite:
    """One connection to the file."""

    Error: type[Exception] = sqlite3.Error
    wide_integer = "INTEGER"
    real = "REAL"
    serial = "INTEGER PRIMARY KEY"

    def __init__(self, folder: Path, *, wal: bool) -> None:
        """Open the file, or make it."""
        self.where = str(folder / FILE_NAME)
        self._lock = folder / LOCK_NAME
        try:
            self._connection = sqlite3.connect(
                self.where,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
            self._connection.execute("PRAGMA synchronous=NORMAL")
        except (OSError, sqlite3.Error) as error:
            raise StartupError(f"cannot use the database {self.where}: {error}") from error

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        return self._connection.execute(sql, values).fetchall()

    def has_table(self, name: str) -> bool:
        """Whether there is such a table."""
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE name=?", (name,)))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one writer at a time."""
        # IMMEDIATE takes the write lock first: a read that becomes a write fails without waiting.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def migration_lock(self) -> Iterator[None]:
        """Refuse while another process migrates."""
        # A lock on a file, as it goes away with its process: a killed migration blocks nobody.
        with Path(self._lock).open("a", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise MigrationRefused(
                    f"another instance migrates {self.where} at this moment: "
                    "two migrations at once would damage it, so this one does not start"
                ) from None
            yield

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

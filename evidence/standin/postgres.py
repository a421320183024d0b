"""PostgreSQL, as a server that both colors use. Needs psycopg2, which the image has."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import MigrationRefused, StartupError

CONNECT_SECONDS = 5
LOCK_POLL = 0.1
MIGRATION = 0x6247_7265_656E  # the advisory lock's number


class Postgres:
    """One connection to the server; one that broke is opened anew by the next statement."""

    Error: type[Exception] = Exception
    wide_integer = "BIGINT"
    real = "DOUBLE PRECISION"
    serial = "BIGSERIAL PRIMARY KEY"

    def __init__(self, url: str, lock_seconds: float = 0) -> None:
        """Connect; a migration waits for another one's end for so long before it gives up."""
        self._lock_seconds = lock_seconds
        parts = urlsplit(url)
        self.where = f"{unquote(parts.path[1:])} on {parts.hostname}"
        self._url, self._in_transaction = url, False
        try:
            self._driver: Any = import_module("psycopg2")
            self.Error = self._driver.Error
            self._connection = self._open()
        except ImportError as error:
            raise StartupError(f"no driver for PostgreSQL here: {error}") from error
        except self.Error as error:
            said = " ".join(str(error).split())
            raise StartupError(f"cannot use the database {self.where}: {said}") from None

    def _open(self) -> Any:
        connection = self._driver.connect(self._url, connect_timeout=CONNECT_SECONDS)
        connection.autocommit = True
        return connection

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        if self._connection.closed and not self._in_transaction:
            self._connection = self._open()
        with self._connection.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), values)
            return list(cursor.fetchall()) if cursor.description else []

    def has_table(self, name: str) -> bool:
        """Whether there is such a table."""
        return self.query("SELECT to_regclass(?)", (name,)) != [(None,)]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one writer at a time."""
        self.query("BEGIN")
        self._in_transaction = True
        try:
            if self.has_table("write_log"):
                # What is written is in the order of its time stamps.
                self.query("LOCK TABLE write_log IN SHARE ROW EXCLUSIVE MODE")
            yield
            self.query("COMMIT")
        except BaseException:
            if not self._connection.closed:
                self.query("ROLLBACK")
            raise
        finally:
            self._in_transaction = False

    @contextmanager
    def migration_lock(self) -> Iterator[None]:
        """Wait, or refuse, while another process migrates; the lock goes with its connection."""
        deadline = time.monotonic() + self._lock_seconds
        while self.query(f"SELECT pg_try_advisory_lock({MIGRATION})") != [(True,)]:
            if time.monotonic() < deadline:
                time.sleep(LOCK_POLL)
                continue
            raise MigrationRefused(
                f"another instance migrates {self.where} at this moment: "
                "two migrations at once would damage it, so this one does not start"
            )
        try:
            yield
        finally:
            if not self._connection.closed:
                self.query(f"SELECT pg_advisory_unlock({MIGRATION})")

    def close(self) -> None:
        """End the session."""
        self._connection.close()

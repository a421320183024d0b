"""The database: a real SQLite file that both colors share, and its migration at boot.

Every minor version adds a column and never takes anything away, so that the color that still
serves goes on working on a file that the next one has migrated. What was written is kept twice: a
dashboard as it is now, and a log with one row per write under the id that its client gave it.
Thus a write that a proxy repeated is seen as two rows.
"""

import asyncio
import fcntl
import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .errors import MigrationRefused, StartupError
from .log import log

FILE_NAME = "grafana.db"
LOCK_NAME = "grafana.db.migrating"
BUSY_SECONDS = 5.0
"""How long a statement waits for the other color's write before it is an error."""

_BASE = "base"
_BASE_TABLES = (
    "CREATE TABLE migration_log (id TEXT PRIMARY KEY, version TEXT NOT NULL, at REAL NOT NULL)",
    "CREATE TABLE dashboard (uid TEXT PRIMARY KEY, title TEXT NOT NULL, data TEXT NOT NULL,"
    " version INTEGER NOT NULL, updated REAL NOT NULL)",
    "CREATE TABLE write_log (id INTEGER PRIMARY KEY, uid TEXT NOT NULL, client_id TEXT NOT NULL,"
    " writer TEXT NOT NULL, at REAL NOT NULL)",
    "CREATE INDEX write_log_uid ON write_log (uid, client_id)",
    "CREATE TABLE user_auth_token (hash TEXT PRIMARY KEY, login TEXT NOT NULL, at REAL NOT NULL)",
)

T = TypeVar("T")


class Database:
    """The open file; every question is answered on one thread beside the event loop."""

    def __init__(self, connection: sqlite3.Connection, writer: str) -> None:
        """Take a migrated connection, and what to note as the writer of each write."""
        self._connection = connection
        self._writer = writer
        # One thread is enough: SQLite takes one writer at a time anyway, and the event loop
        # stays free while a statement waits for the other color.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    async def is_alive(self) -> bool:
        """Tell whether the database answers."""
        try:
            return bool(await self._run(lambda sql: sql.execute("SELECT 1").fetchone()))
        except sqlite3.Error as error:
            log("database check failed", level="error", error=error)
            return False

    async def save(self, uid: str, client_id: str, dashboard: dict[str, Any]) -> tuple[int, int]:
        """Store a dashboard; return its version and how often this client id wrote it."""

        def work(sql: sqlite3.Connection) -> tuple[int, int]:
            now = time.time()
            with _transaction(sql):
                (version,) = sql.execute(
                    "INSERT INTO dashboard (uid, title, data, version, updated)"
                    " VALUES (?, ?, ?, 1, ?) ON CONFLICT (uid) DO UPDATE SET title=excluded.title,"
                    " data=excluded.data, version=version+1, updated=excluded.updated"
                    " RETURNING version",
                    (uid, str(dashboard.get("title", uid)), json.dumps(dashboard), now),
                ).fetchone()
                sql.execute(
                    "INSERT INTO write_log (uid, client_id, writer, at) VALUES (?, ?, ?, ?)",
                    (uid, client_id, self._writer, now),
                )
                (writes,) = sql.execute(
                    "SELECT count(*) FROM write_log WHERE uid=? AND client_id=?", (uid, client_id)
                ).fetchone()
            return int(version), int(writes)

        return await self._run(work)

    async def dashboard(self, uid: str) -> tuple[dict[str, Any], int, dict[str, int]] | None:
        """Return a dashboard, its version, and the number of writes per client id."""

        def work(sql: sqlite3.Connection) -> tuple[dict[str, Any], int, dict[str, int]] | None:
            row = sql.execute("SELECT data, version FROM dashboard WHERE uid=?", (uid,)).fetchone()
            if row is None:
                return None
            writes = sql.execute(
                "SELECT client_id, count(*) FROM write_log WHERE uid=? GROUP BY client_id", (uid,)
            )
            return json.loads(row[0]), int(row[1]), dict(writes.fetchall())

        return await self._run(work)

    async def search(self, query: str, limit: int, page: int) -> list[dict[str, Any]]:
        """List dashboards whose uid or title begins with the query, with their writes."""
        pattern = query.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"

        def work(sql: sqlite3.Connection) -> list[dict[str, Any]]:
            rows = sql.execute(
                "SELECT uid, title, (SELECT count(*) FROM write_log w WHERE w.uid = d.uid)"
                " FROM dashboard d WHERE uid LIKE ?1 ESCAPE '\\' OR title LIKE ?1 ESCAPE '\\'"
                " ORDER BY uid LIMIT ?2 OFFSET ?3",
                (pattern, limit, limit * (page - 1)),
            )
            return [
                {"uid": uid, "title": title, "type": "dash-db", "writes": writes}
                for uid, title, writes in rows
            ]

        return await self._run(work)

    async def open_session(self, login: str, secret_key: str) -> str:
        """Remember a new session and return its token, which itself is not stored."""
        token = secrets.token_hex(16)
        hashed = _hashed(token, secret_key)
        await self._run(
            lambda sql: sql.execute(
                "INSERT INTO user_auth_token VALUES (?, ?, ?)", (hashed, login, time.time())
            )
        )
        return token

    async def session_login(self, token: str, secret_key: str) -> str | None:
        """Return whose session the token is, if it is one under this secret key."""
        hashed = _hashed(token, secret_key)
        row = await self._run(
            lambda sql: sql.execute(
                "SELECT login FROM user_auth_token WHERE hash=?", (hashed,)
            ).fetchone()
        )
        return str(row[0]) if row else None

    def close(self) -> None:
        """Let the last statement finish, then close the file."""
        self._thread.shutdown(wait=True)
        self._connection.close()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, self._connection)


def open_database(folder: Path, version: str, color: str, hold_seconds: float = 0.0) -> Database:
    """Open the file in this folder and bring its schema to this version's."""
    try:
        connection = sqlite3.connect(
            folder / FILE_NAME, BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        missing = _missing(connection, version)
        if missing:
            _migrate(connection, folder, version, hold_seconds)
        else:
            log("schema is up to date, nothing to migrate")
    except (OSError, sqlite3.Error) as error:
        raise StartupError(f"cannot use the database {folder / FILE_NAME}: {error}") from error
    return Database(connection, f"{color or 'unknown'} {version}")


def _migrate(
    connection: sqlite3.Connection, folder: Path, version: str, hold_seconds: float
) -> None:
    # A lock on a file, as it goes away with its process: a killed migration blocks nobody.
    with (folder / LOCK_NAME).open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MigrationRefused(
                f"another instance migrates {folder / FILE_NAME} at this moment: "
                "two migrations at once would damage it, so this one does not start"
            ) from None
        log("migration starts", database=folder / FILE_NAME, version=version)
        with _transaction(connection):
            # Asked again under the lock: somebody may have done it in between.
            missing = _missing(connection, version)
            for step in missing:
                _apply(connection, step, version)
            time.sleep(hold_seconds)
        log("migration done", steps=",".join(missing) or "none")


def _missing(connection: sqlite3.Connection, version: str) -> list[str]:
    """Name the steps that this version needs and the file does not have, in their order."""
    major, minor = (int(part) for part in version.split(".")[:2])
    wanted = [_BASE, *(f"{major}.{number}" for number in range(minor + 1))]
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name='migration_log'").fetchone()
    done = {row[0] for row in connection.execute("SELECT id FROM migration_log")} if known else ()
    return [step for step in wanted if step not in done]


def _apply(connection: sqlite3.Connection, step: str, version: str) -> None:
    statements = (
        _BASE_TABLES
        if step == _BASE
        else (f"ALTER TABLE dashboard ADD COLUMN added_in_{step.replace('.', '_')} TEXT",)
    )
    for statement in statements:
        connection.execute(statement)
    connection.execute("INSERT INTO migration_log VALUES (?, ?, ?)", (step, version, time.time()))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE takes the write lock first: a read that becomes a write fails without waiting.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _hashed(token: str, secret_key: str) -> str:
    return hashlib.sha256((token + secret_key).encode()).hexdigest()

"""What is stored: dashboards, a log of every write, sessions.

What was written is kept twice: a dashboard as it is now, and a log with one row per write under
the id that its client gave it. Thus a write that a proxy repeated is seen as two rows.
"""

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .engine import Engine
from .errors import DatabaseFailed, StartupError
from .log import log
from .migration import migrate
from .postgres import Postgres
from .settings import Settings
from .sqlite import Sqlite

T = TypeVar("T")


class Database:
    """The open database; every question is answered on one thread beside the event loop."""

    def __init__(self, engine: Engine, writer: str) -> None:
        """Take a migrated database, and what to note as the writer of each write."""
        self._engine = engine
        self._writer = writer
        # One thread is enough: SQLite takes one writer at a time anyway, and the event loop
        # stays free while a statement waits for the other color.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    async def is_alive(self) -> bool:
        """Tell whether the database answers."""
        try:
            return bool(await self._run(lambda sql: sql.query("SELECT 1")))
        except DatabaseFailed as error:
            log("database check failed", level="error", error=error)
            return False

    async def save(self, uid: str, client_id: str, dashboard: dict[str, Any]) -> tuple[int, int]:
        """Store a dashboard; return its version and how often this client id wrote it."""

        def work(sql: Engine) -> tuple[int, int]:
            with sql.transaction():
                now = time.time()
                ((version,),) = sql.query(
                    "INSERT INTO dashboard (uid, title, data, version, updated)"
                    " VALUES (?, ?, ?, 1, ?) ON CONFLICT (uid) DO UPDATE SET title=excluded.title,"
                    " data=excluded.data, version=dashboard.version+1, updated=excluded.updated"
                    " RETURNING version",
                    (uid, str(dashboard.get("title", uid)), json.dumps(dashboard), now),
                )
                sql.query(
                    "INSERT INTO write_log (uid, client_id, writer, at) VALUES (?, ?, ?, ?)",
                    (uid, client_id, self._writer, now),
                )
                ((writes,),) = sql.query(
                    "SELECT count(*) FROM write_log WHERE uid=? AND client_id=?", (uid, client_id)
                )
            return int(version), int(writes)

        return await self._run(work)

    async def dashboard(self, uid: str) -> tuple[dict[str, Any], int, dict[str, int]] | None:
        """Return a dashboard, its version, and the number of writes per client id."""

        def work(sql: Engine) -> tuple[dict[str, Any], int, dict[str, int]] | None:
            rows = sql.query("SELECT data, version FROM dashboard WHERE uid=?", (uid,))
            if not rows:
                return None
            writes = sql.query(
                "SELECT client_id, count(*) FROM write_log WHERE uid=? GROUP BY client_id", (uid,)
            )
            return json.loads(rows[0][0]), int(rows[0][1]), dict(writes)

        return await self._run(work)

    async def search(self, query: str, limit: int, page: int) -> list[dict[str, Any]]:
        """List dashboards whose uid or title begins with the query, with their writes."""
        pattern = query.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"

        def work(sql: Engine) -> list[dict[str, Any]]:
            rows = sql.query(
                "SELECT uid, title, (SELECT count(*) FROM write_log w WHERE w.uid = d.uid)"
                " FROM dashboard d WHERE uid LIKE ? ESCAPE '\\' OR title LIKE ? ESCAPE '\\'"
                " ORDER BY uid LIMIT ? OFFSET ?",
                (pattern, pattern, limit, limit * (page - 1)),
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
            lambda sql: sql.query(
                "INSERT INTO user_auth_token VALUES (?, ?, ?)", (hashed, login, time.time())
            )
        )
        return token

    async def session_login(self, token: str, secret_key: str) -> str | None:
        """Return whose session the token is, if it is one under this secret key."""
        hashed = _hashed(token, secret_key)
        rows = await self._run(
            lambda sql: sql.query("SELECT login FROM user_auth_token WHERE hash=?", (hashed,))
        )
        return str(rows[0][0]) if rows else None

    def close(self) -> None:
        """Let the last statement finish, then close."""
        self._thread.shutdown(wait=True)
        self._engine.close()

    async def _run(self, work: Callable[[Engine], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, self._engine)
        except self._engine.Error as error:
            # Above all "database is locked": the other color writes or migrates for too long.
            raise DatabaseFailed(" ".join(str(error).split())) from error


def open_database(settings: Settings) -> Database:
    """Open the database and bring its schema to this version's."""
    url = settings.database_url
    engine: Engine = (
        Postgres(url, settings.lock_seconds) if url else Sqlite(settings.data, wal=settings.wal)
    )
    try:
        migrate(engine, settings.version, settings.faults)
    except engine.Error as error:
        raise StartupError(f"cannot use the database {engine.where}: {error}") from error
    return Database(engine, f"{settings.color or 'unknown'} {settings.version}")


def _hashed(token: str, secret_key: str) -> str:
    return hashlib.sha256((token + secret_key).encode()).hexdigest()

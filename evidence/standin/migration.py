"""The database's schema and its migration at boot.

Every minor version adds a column and never takes anything away, so that the color that still
serves goes on working on what the next one has migrated. A database that a newer major version
has migrated is refused: going back is not promised. Each step is a transaction of its own, as
Grafana's are, so that a migration that fails leaves half of its way behind.
"""

import time
from typing import Protocol

from .engine import Engine
from .errors import MigrationFailed, StartupError
from .log import log

_BASE = "base"


class Faults(Protocol):
    """What of the faults is about migrations."""

    @property
    def migration_seconds(self) -> float:
        """How long the last step is held open."""

    @property
    def migration_fails(self) -> bool:
        """Whether the last step fails."""


def migrate(engine: Engine, version: str, faults: Faults) -> None:
    """Bring the schema to this version's."""
    _refuse_newer(engine, version)
    if not _missing(engine, version):
        log("schema is up to date, nothing to migrate")
        return
    with engine.migration_lock():
        log("migration starts", database=engine.where, version=version)
        # Asked again under the lock: somebody may have done it in between.
        missing = _missing(engine, version)
        for step in missing:
            with engine.transaction():
                _apply(engine, step, version)
                if step == missing[-1]:
                    time.sleep(faults.migration_seconds)
                    if faults.migration_fails:
                        raise MigrationFailed(f"migration failed at step {step}, as it was told to")
        log("migration done", steps=",".join(missing) or "none")


def _done(engine: Engine) -> list[str]:
    if not engine.has_table("migration_log"):
        return []
    return [row[0] for row in engine.query("SELECT id FROM migration_log")]


def _refuse_newer(engine: Engine, version: str) -> None:
    mine = int(version.split(".")[0])
    newer = [step for step in _done(engine) if step != _BASE and int(step.split(".")[0]) > mine]
    if newer:
        raise StartupError(
            f"the database was migrated by version {max(newer)}, and this is {version}: "
            "it does not know that schema"
        )


def _missing(engine: Engine, version: str) -> list[str]:
    """Name the steps that this version needs and the database does not have, in their order."""
    major, minor = (int(part) for part in version.split(".")[:2])
    wanted = [_BASE, *(f"{major}.{number}" for number in range(minor + 1))]
    done = _done(engine)
    return [step for step in wanted if step not in done]


def _apply(engine: Engine, step: str, version: str) -> None:
    column = f"added_in_{step.replace('.', '_')}"
    statements = (
        _base_tables(engine)
        if step == _BASE
        else (f"ALTER TABLE dashboard ADD COLUMN {column} TEXT",)
    )
    for statement in statements:
        engine.query(statement)
    engine.query("INSERT INTO migration_log VALUES (?, ?, ?)", (step, version, time.time()))


def _base_tables(engine: Engine) -> tuple[str, ...]:
    real, number = engine.real, engine.wide_integer
    return (
        f"CREATE TABLE migration_log (id TEXT PRIMARY KEY, version TEXT NOT NULL, at {real})",
        "CREATE TABLE dashboard (uid TEXT PRIMARY KEY, title TEXT NOT NULL, data TEXT NOT NULL,"
        f" version {number} NOT NULL, updated {real} NOT NULL)",
        f"CREATE TABLE write_log (id {engine.serial}, uid TEXT NOT NULL, client_id TEXT NOT NULL,"
        f" writer TEXT NOT NULL, at {real} NOT NULL)",
        "CREATE INDEX write_log_uid ON write_log (uid, client_id)",
        f"CREATE TABLE user_auth_token (hash TEXT PRIMARY KEY, login TEXT NOT NULL, at {real})",
    )

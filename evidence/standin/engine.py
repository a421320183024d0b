"""What the stand-in asks of a database, whichever it is."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Engine(Protocol):
    """One connection. Parameters are `?`."""

    where: str
    Error: type[Exception]
    wide_integer: str
    real: str
    serial: str

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""

    def has_table(self, name: str) -> bool:
        """Whether there is such a table."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, one writer at a time."""

    def migration_lock(self) -> AbstractContextManager[None]:
        """Refuse while another process migrates."""

    def close(self) -> None:
        """End it."""

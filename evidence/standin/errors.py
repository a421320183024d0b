"""What can go wrong in the stand-in.

StandInError
├── StartupError         it cannot start: the process says why and exits 1
│   ├── MigrationRefused somebody else migrates the same database right now
│   └── MigrationFailed  a step of the migration failed
├── DatabaseFailed       a statement failed while serving
└── BadRequest           the client sent what is not a request we take
"""


class StandInError(Exception):
    """Any error that the stand-in raises on purpose."""


class StartupError(StandInError):
    """A setting, a file or the database keeps the stand-in from starting."""


class MigrationRefused(StartupError):
    """Another process migrates the same database at this moment."""


class MigrationFailed(StartupError):
    """A step of the migration failed; the ones before it stay."""


class DatabaseFailed(StandInError):
    """The database did not do what it was asked to."""


class BadRequest(StandInError):
    """A request that is answered with an error status, and its connection closed."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status for the answer and the message for its reader."""
        super().__init__(message)
        self.status = status

"""What can go wrong in the stand-in.

StandInError
├── StartupError         it cannot start: the process says why and exits 1
│   └── MigrationRefused somebody else migrates the same database right now
└── BadRequest           the client sent what is not a request we take
"""


class StandInError(Exception):
    """Any error that the stand-in raises on purpose."""


class StartupError(StandInError):
    """A setting, a file or the database keeps the stand-in from starting."""


class MigrationRefused(StartupError):
    """Another process migrates the same database at this moment."""


class BadRequest(StandInError):
    """A request that is answered with an error status, and its connection closed."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status for the answer and the message for its reader."""
        super().__init__(message)
        self.status = status

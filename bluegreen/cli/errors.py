"""How a command ends: its exit code, and what it tells when it did not do what was asked."""

from enum import IntEnum

from bluegreen.errors import BluegreenError


class Exit(IntEnum):
    """Exit codes, the same for all commands."""

    OK = 0
    FAILED = 1  # what was asked did not happen; what served before serves
    USAGE = 2  # wrong words or wrong config; nothing was touched
    DRIFT = 3  # `status --check`: config, stack, nginx and Docker do not agree
    INTERRUPTED = 130


class CommandError(BluegreenError):
    """A command's end that is told to the user in a short block, never as a traceback."""

    def __init__(
        self, what: str, *, serves: str = "", todo: str = "", code: Exit = Exit.FAILED
    ) -> None:
        """Take what happened, what serves now, what to do, and the exit code."""
        super().__init__(what, serves=serves, todo=todo)
        self.code = code


class NoSuchStack(CommandError):
    """There is no stack of this name in the backend."""

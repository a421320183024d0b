"""What can go wrong.

ToolchainError                base; its message is for the user as it stands
├── Missing                   the machine lacks something that this may not or cannot install
└── CommandFailed             a command ended badly; carries the end of its log
"""

from __future__ import annotations

from pathlib import Path


class ToolchainError(Exception):
    """A step could not be done; the message says what to do next."""


class Missing(ToolchainError):
    """Something has to be installed by hand."""


class CommandFailed(ToolchainError):
    """A command ended with an error or ran out of time."""

    def __init__(self, command: str, how: str, log: Path, tail: str) -> None:
        shown = "\n".join(f"    {line}" for line in tail.splitlines()) or "    (it printed nothing)"
        super().__init__(f"`{command}` {how}. The end of {log}:\n{shown}")

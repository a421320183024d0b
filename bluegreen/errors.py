"""Everything that can go wrong, as one tree.

BluegreenError            base: catch this to catch all of them
├── ConfigError           the stack's config has mistakes; nothing was touched
├── GuardRefused          the update would interrupt users or lose data; nothing was touched
├── GateFailed            the target did not prove itself healthy; the outgoing color serves
├── EdgeUnreachable       no shell could be had, or kept, in the edge
├── CommandFailed         a command that has no reason to fail did, or gave no answer
├── DataFailed            the data could not be copied, checked or restored; nothing was released
├── ReliefFailed          nginx was not replaced; the one from before, or its relief, serves
├── StillUsed             an edge has services, and was not destroyed; they keep serving
├── SwitchFailed          traffic could not be moved, or was moved back
└── PluginMissing         a plugin of Pulumi's is not installed, or does not start

An error is a value: what happened (with what was seen), what serves now, what to do next. Its text
is made of these here, and nowhere else.
"""

from collections.abc import Sequence


class BluegreenError(Exception):
    """Base of all errors that this project raises on purpose.

    Attributes:
        what: what happened and what was seen, as a phrase.
        serves: what users get now, as a phrase; "" where whoever catches it knows.
        todo: the next step, as a phrase; "" likewise.
    """

    def __init__(self, what: str, *, serves: str = "", todo: str = "") -> None:
        """Take the parts; the text is put together from those that there are."""
        super().__init__(what)
        self.what, self.serves, self.todo = what, serves, todo

    def __str__(self) -> str:
        """All parts, in the order that somebody needs them at night."""
        if not self.serves and not self.todo:
            return self.what
        parts = (self.what, self.serves, f"Next: {self.todo}" if self.todo else "")
        return ". ".join(part.rstrip(".") for part in parts if part) + "."


class ReliefFailed(BluegreenError):
    """Nginx was not replaced; the one from before serves, or the one that relieves it."""


class StillUsed(BluegreenError):
    """A shared edge still has services: nothing of it was deleted."""


class ConfigError(BluegreenError):
    """The stack's config has mistakes: all of them are in the message, by key."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Take one sentence for each mistake."""
        self.mistakes = list(mistakes)
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(
            f"the stack's config has {count}; nothing was touched:{_listed(self.mistakes)}"
        )


class GuardRefused(BluegreenError):
    """The update would change what serves users now, or their data, without a switch."""

    def __init__(self, reasons: Sequence[str], *, serves: str = "", override: str = "") -> None:
        """Take one sentence for each reason, and how to do it all the same, if that can be."""
        self.reasons, self.override = list(reasons), override
        now = f"; {serves}" if serves else ""
        super().__init__(
            f"this update is refused; nothing was touched{now}:{_listed(self.reasons)}"
            + (f"\n{override}" if override else "")
        )


class GateFailed(BluegreenError):
    """The target did not pass its health checks."""


class EdgeUnreachable(BluegreenError):
    """The edge container cannot be talked to (not running, no Docker, connection lost)."""


class CommandFailed(BluegreenError):
    """A command failed that has no reason to (disk full, files tampered with), or did not end."""


class DataFailed(BluegreenError):
    """The service's data could not be copied, checked or restored."""


class SwitchFailed(BluegreenError):
    """The switch was stopped; the color that served before keeps serving."""


class PluginMissing(BluegreenError):
    """A plugin of Pulumi's is not installed, or does not start."""


def _listed(sentences: Sequence[str]) -> str:
    return "".join(f"\n  - {sentence}" for sentence in sentences)

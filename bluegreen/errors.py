"""Everything that can go wrong, as one tree.

BluegreenError            base: catch this to catch all of them
├── ConfigError           the stack's config has mistakes; nothing was touched
├── GuardRefused          the update would interrupt users; nothing was touched
├── GateFailed            the target did not prove itself healthy; the outgoing color serves
├── EdgeUnreachable       no shell could be had, or kept, in the edge
├── CommandFailed         a command in the edge failed that has no reason to
├── DataFailed            the data could not be copied, checked or restored; nothing was released
├── SwitchFailed          traffic could not be moved, or was moved back
└── PluginMissing         a plugin of Pulumi's is not installed, or does not start

Each message says what happened, the value seen, what still serves, and the next step.
"""


class BluegreenError(Exception):
    """Base of all errors that this project raises on purpose."""


class ConfigError(BluegreenError):
    """The stack's config has mistakes: all of them are in the message, by key."""

    def __init__(self, mistakes: list[str]) -> None:
        """Take one sentence for each mistake."""
        self.mistakes = mistakes
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = "".join(f"\n  - {mistake}" for mistake in mistakes)
        super().__init__(f"the stack's config has {count}; nothing was touched:{lines}")


class GuardRefused(BluegreenError):
    """The update would change what serves users now, without a switch."""


class GateFailed(BluegreenError):
    """The target did not pass its health checks."""


class EdgeUnreachable(BluegreenError):
    """The edge container cannot be talked to (not running, no Docker, connection lost)."""


class CommandFailed(BluegreenError):
    """A command in the edge failed that has no reason to (disk full, files tampered with)."""


class DataFailed(BluegreenError):
    """The service's data could not be copied, checked or restored."""


class SwitchFailed(BluegreenError):
    """The switch was stopped; the color that served before serves on."""


class PluginMissing(BluegreenError):
    """A plugin of Pulumi's is not installed, or does not start."""

"""Options that commands share, and how a command ends."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.errors import BluegreenError, ConfigError, GuardRefused

Dir = Annotated[Path, typer.Option("--dir", help="Folder of the project.", envvar="BLUEGREEN_DIR")]
Stack = Annotated[
    str, typer.Option("--stack", "-s", help="Name of the stack.", envvar="BLUEGREEN_STACK")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the update.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Commit = Annotated[bool, typer.Option("--commit", help="Commit the stack's file to git.")]
HERE = Path()


def ends_well(command: Callable[..., None]) -> Callable[..., None]:
    """Turn every failure into a short block and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except BluegreenError as error:
            _tell(error)
            raise typer.Exit(_code_of(error)) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(Exit.INTERRUPTED) from None

    return run


def _code_of(error: BluegreenError) -> Exit:
    if isinstance(error, CommandError):
        return error.code
    untouched = isinstance(error, (ConfigError, GuardRefused))
    return Exit.USAGE if untouched else Exit.FAILED


def _tell(error: BluegreenError) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"failed: {error.what}", style="red", markup=False)
    for label, text in (("now", error.serves), ("next", error.todo)):
        if text:
            console.print(f"{label}: {text}", markup=False)

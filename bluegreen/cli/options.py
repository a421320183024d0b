"""Options that commands share, and how a command ends."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.errors import BluegreenError

Dir = Annotated[Path, typer.Option("--dir", help="The project's folder.", envvar="BLUEGREEN_DIR")]
Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack.", envvar="BLUEGREEN_STACK")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the update.")]
Json = Annotated[bool, typer.Option("--json", help="Tell it as JSON.")]
Commit = Annotated[bool, typer.Option("--commit", help="Commit the stack's file to git.")]
HERE = Path()


def ends_well(command: Callable[..., None]) -> Callable[..., None]:
    """Turn every failure into a short block and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (CommandError, BluegreenError) as error:
            _tell(error)
            raise typer.Exit(getattr(error, "code", Exit.FAILED)) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(Exit.INTERRUPTED) from None

    return run


def _tell(error: Exception) -> None:
    what = getattr(error, "what", str(error))
    serves, todo = getattr(error, "serves", ""), getattr(error, "todo", "")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"failed: {what}", style="red", markup=False)
    for label, text in (("now", serves), ("to do", todo)):
        if text:
            console.print(f"{label}: {text}", markup=False)

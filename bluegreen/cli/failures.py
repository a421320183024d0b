"""Pulumi's own failures, as short blocks: what it said without its frame, and what to do."""

import contextlib
import re
from collections.abc import Iterator

from pulumi.automation.errors import CommandError as PulumiError

from bluegreen.cli.errors import CommandError, Exit, NoSuchStack


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn Pulumi's own failures into a short block."""
    try:
        yield
    except (PulumiError, FileNotFoundError) as error:
        errors = errors_in(str(error))
        todo = "`bluegreen doctor` shows what is missing"
        if any("no stack named" in line for line in errors):
            todo = "`bluegreen deploy VERSION --stack NAME` creates it"
            raise NoSuchStack("; ".join(errors), todo=todo, code=Exit.USAGE) from None
        if any("failed to load checkpoint" in line for line in errors):
            todo = "`bluegreen recover --stack NAME` restores the last complete state"
        raise CommandError("; ".join(errors), todo=todo, code=Exit.USAGE) from None


def errors_in(text: str) -> list[str]:
    """The errors that pulumi told, without its frame and repetitions."""
    found: list[str] = []
    block: list[str] = []
    for line in text.replace("\\n", "\n").splitlines():
        start = re.match(r"\s*(?:stderr: )?error: (.*)", line)
        if start:
            block = [start[1]]
            found.append(start[1])
        elif block and line.startswith("  ") and line.strip():
            block.append(line.strip())
            found[-1] = "\n".join(block)
        else:
            block = []
    noise = ("update failed", "preview failed", "an unhandled error occurred")
    kept = [each for each in dict.fromkeys(found) if not each.startswith(noise)]
    return kept or [text.strip().splitlines()[-1] if text.strip() else "pulumi failed"]

"""`bluegreen snapshot …`: list, create, restore and prune snapshots of a stack's data.

As in `cli.app`, a verb imports its work when it is run.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.options import HERE, Commit, Dir, Json, Stack, Yes, ends_well

if TYPE_CHECKING:
    from bluegreen.cli.data import Held
    from bluegreen.data.snapshots import Snapshot

app = typer.Typer(
    help="Snapshots of the data, taken by each release or by hand.", no_args_is_help=True
)


@app.command("list")
@ends_well
def list_(stack: Stack = "dev", folder: Dir = HERE, as_json: Json = False) -> None:
    """List the snapshots, oldest first."""
    from rich.console import Console
    from rich.table import Table

    found = _held(folder, stack).store.list()
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
        return
    table = Table("id", "of", "taken by", "MB", "schema", "", box=None)
    for each in found:
        size = f"{each.bytes / 1e6:,.1f}"
        version = f"{each.color} {each.version}"
        table.add_row(each.id, version, each.reason, size, each.schema, each.damaged)
    Console(highlight=False).print(table if found else "no snapshots")


@app.command()
@ends_well
def create(stack: Stack = "dev", folder: Dir = HERE, as_json: Json = False) -> None:
    """Take a snapshot now, while the service keeps running; retention does not remove it."""
    _tell(_held(folder, stack).take(), as_json)


@app.command()
@ends_well
def verify(identity: str, stack: Stack = "dev", folder: Dir = HERE, as_json: Json = False) -> None:
    """Check a snapshot to the last byte."""
    _tell(_held(folder, stack).store.verify(identity), as_json)


@app.command()
@ends_well
def restore(
    identity: str,
    version: str = typer.Option("", help="Version to run on it; default: the snapshot's own."),
    stack: Stack = "dev",
    folder: Dir = HERE,
    yes: Yes = False,
    commit: Commit = False,
    as_json: Json = False,
) -> None:
    """Release the snapshot's version on a copy of it, through gate and switch.

    The live color keeps serving until then; its data is kept.
    """
    from bluegreen.cli import release
    from bluegreen.cli.data import Held
    from bluegreen.cli.progress import Progress
    from bluegreen.cli.project import Project
    from bluegreen.config.settings import other
    from bluegreen.data.snapshots import moment_of

    project, progress = Project(folder, stack), Progress(as_json=as_json)
    held = Held.by(project)
    found = held.store.verify(identity)
    live = release.live_color(project)
    if not live:
        raise CommandError("no color is live: deploy first", code=Exit.USAGE)
    copy = held.restore(identity)
    progress.tell("copy", f"snapshot {identity} is in copy {copy}, of {moment_of(copy)}")
    release.release(
        project, other(live), version or found.version, progress, copy=copy, yes=yes, git=commit
    )


@app.command()
@ends_well
def prune(
    keep: int = typer.Option(5, help="Number of snapshots to keep, the newest ones.", min=0),
    everything: bool = typer.Option(False, "--all", help="Also those made by hand."),
    stack: Stack = "dev",
    folder: Dir = HERE,
    yes: Yes = False,
) -> None:
    """Remove old snapshots."""
    store = _held(folder, stack).store
    if not yes and not typer.confirm(f"Remove all but the newest {keep} of stack {stack}?"):
        raise CommandError("not done", code=Exit.OK)
    gone = store.prune(keep, by_hand=everything)
    print(f"removed: {', '.join(gone) or 'none'}")


def _held(folder: Path, stack: str) -> "Held":
    from bluegreen.cli.data import Held
    from bluegreen.cli.project import Project

    return Held.by(Project(folder, stack))


def _tell(snapshot: "Snapshot", as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(snapshot), indent=2))
        return
    print(
        f"snapshot {snapshot.id}: {snapshot.color} {snapshot.version}, "
        f"{snapshot.bytes / 1e6:,.1f} MB, {snapshot.seconds:g} s, schema {snapshot.schema or '-'}"
    )

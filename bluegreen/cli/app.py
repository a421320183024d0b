"""The commands, each a verb: their options here, their work in the module of their name.

A verb imports its work when it is run: Pulumi's SDK alone takes 0.3 s to load, which `--help` and
a mistyped option need not wait for, and no verb waits for what only another one uses.
"""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

from bluegreen.cli import snapshot
from bluegreen.cli.errors import Exit
from bluegreen.cli.options import HERE, Commit, Dir, Json, Stack, Yes, ends_well

app = typer.Typer(
    name="bluegreen",
    help="Blue-green releases of a service on Docker, behind nginx. "
    "Exit codes: 0 done, 1 failed (what served before keeps serving), 2 usage or config (nothing "
    "was touched), 3 drift, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
@ends_well
def deploy(
    version: Annotated[
        str, typer.Argument(help="Version to release; default: the one in the config.")
    ] = "",
    stack: Stack = "dev",
    folder: Dir = HERE,
    yes: Yes = False,
    commit: Commit = False,
    as_json: Json = False,
    abort: Annotated[
        bool,
        typer.Option(
            "--abort", help="Give up a failed release: set the config back to what is live."
        ),
    ] = False,
) -> None:
    """Release a version on the idle color: preview, confirm, gate, switch."""
    from bluegreen.cli import release
    from bluegreen.cli.progress import Progress
    from bluegreen.cli.project import Project

    project, progress = Project(folder, stack), Progress(as_json=as_json)
    project.require_service()
    release.heal_first(project, progress, yes=yes)
    if abort:
        release.abort(project, progress, yes=yes, git=commit)
    else:
        release.deploy(project, version, progress, yes=yes, git=commit)


@app.command()
@ends_well
def rollback(
    stack: Stack = "dev",
    folder: Dir = HERE,
    yes: Yes = False,
    commit: Commit = False,
    as_json: Json = False,
) -> None:
    """Roll back to the color that was live before, through the same gate."""
    from bluegreen.cli import release
    from bluegreen.cli.progress import Progress
    from bluegreen.cli.project import Project

    project, progress = Project(folder, stack), Progress(as_json=as_json)
    project.require_service()
    release.heal_first(project, progress, yes=yes)
    release.rollback(project, progress, yes=yes, git=commit)


@app.command()
@ends_well
def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Stack to take the version from.")],
    to: Annotated[str, typer.Argument(metavar="TO", help="Stack to release it in.")],
    min_age: Annotated[
        float,
        typer.Option(help="Minimum number of minutes that the version must have been live.", min=0),
    ] = 0,
    folder: Dir = HERE,
    yes: Yes = False,
    commit: Commit = False,
    as_json: Json = False,
) -> None:
    """Release in one stack the version that is live, and healthy, in another."""
    from bluegreen.cli import promote as promote_
    from bluegreen.cli import release
    from bluegreen.cli.progress import Progress
    from bluegreen.cli.project import Project

    project, progress = Project(folder, to), Progress(as_json=as_json)
    project.require_service()
    version = promote_.version_to_promote(Project(folder, source), min_age)
    release.heal_first(project, progress, yes=yes)
    if promote_.is_there(project, version):
        progress.tell("live", f"{to} already serves {version}", version=version)
        return
    release.deploy(project, version, progress, yes=yes, git=commit)


@app.command()
@ends_well
def plan(
    stack: Stack = "dev",
    folder: Dir = HERE,
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")
    ] = False,
) -> None:
    """Show in words what the next update would do; change nothing."""
    from bluegreen.cli import plan as plan_
    from bluegreen.cli.project import Project

    found = plan_.read_plan(Project(folder, stack))
    tell = plan_.as_json if as_json else plan_.as_markdown if markdown else plan_.as_text
    print(tell(found))
    if found.refused:
        raise typer.Exit(Exit.USAGE)


@app.command()
@ends_well
def status(
    stack: Stack = "dev",
    folder: Dir = HERE,
    as_json: Json = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if there is drift.")] = False,
) -> None:
    """Show what is live, and whether config, state, nginx and Docker agree."""
    from bluegreen.cli import status as status_
    from bluegreen.cli.project import Project

    project = Project(folder, stack)
    if project.is_edge:
        from bluegreen.cli import edge_status

        seen = edge_status.read_status(project)
        print(status_.as_json(seen) if as_json else edge_status.as_text(seen))
        drift = seen.drift
    else:
        found = status_.read_status(project)
        print(status_.as_json(found) if as_json else status_.as_text(found))
        drift = found.drift
    if check and drift:
        raise typer.Exit(Exit.DRIFT)


@app.command()
@ends_well
def logs(
    stack: Stack = "dev",
    folder: Dir = HERE,
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Print requests as they come, until Ctrl-C.")
    ] = False,
    color: Annotated[str, typer.Option(help="Only requests that this color answered.")] = "",
    status: Annotated[
        str, typer.Option(help="Only requests with this status: 404, or a class such as 5xx.")
    ] = "",
    errors: Annotated[
        bool, typer.Option("--errors", help="Print nginx's own error log instead.")
    ] = False,
    lines: Annotated[int, typer.Option(help="Maximum number of lines.", min=1)] = 100,
) -> None:
    """Print the edge's log: one JSON object for each request."""
    from bluegreen.cli import logs as logs_
    from bluegreen.cli.project import Project

    project = Project(folder, stack)
    if errors:
        print("\n".join(logs_.read_errors(project, lines)))
        return
    wanted = logs_.Filter(logs_.served_by(project), color, status)
    found = logs_.follow(project, wanted) if following else logs_.read_log(project, wanted, lines)
    for line in found:
        print(line, flush=following)


@app.command()
@ends_well
def history(
    stack: Stack = "dev",
    folder: Dir = HERE,
    as_json: Json = False,
    most: Annotated[int, typer.Option(help="Maximum number of releases.", min=1)] = 20,
) -> None:
    """List the stack's releases: when, who, from, to, result, duration."""
    from rich.console import Console
    from rich.table import Table

    from bluegreen.cli import history as history_
    from bluegreen.cli.project import Project

    releases = history_.read_history(Project(folder, stack), most)
    if as_json:
        print(json.dumps([asdict(each) for each in releases], indent=2))
        return
    table = Table("when", "who", "from", "to", "result", "seconds", box=None)
    for each in releases:
        seconds = "" if each.seconds is None else f"{each.seconds:.0f}"
        table.add_row(each.when, each.who, each.before, each.after, each.result, seconds)
    Console(highlight=False).print(table)


@app.command()
@ends_well
def doctor(stack: Stack = "dev", folder: Dir = HERE, as_json: Json = False) -> None:
    """Check what a release needs: Docker, plugins, ports, disk, images, nginx."""
    from bluegreen.cli import doctor as doctor_
    from bluegreen.cli.project import Project

    findings = doctor_.examine(Project(folder, stack))
    if as_json:
        print(json.dumps([asdict(each) for each in findings], indent=2))
    else:
        for each in findings:
            print(f"{'ok  ' if each.well else 'BAD '} {each.name}: {each.seen}")
            if not each.well:
                print(f"     → {each.todo}")
    if not all(each.well for each in findings):
        raise typer.Exit(Exit.FAILED)


@app.command()
@ends_well
def recover(
    stack: Stack = "dev",
    folder: Dir = HERE,
    yes: Yes = False,
    rebuild_state: Annotated[
        bool,
        typer.Option("--rebuild-state", help="Rebuild a lost state from what runs."),
    ] = False,
) -> None:
    """Clean up after a killed update: its lock, and what it had started to create."""
    from bluegreen.cli.project import Project

    project = Project(folder, stack)
    if rebuild_state:
        from bluegreen.cli.rebuild import rebuild

        done = rebuild(project, yes=yes)
    else:
        from bluegreen.cli import recover as recover_

        done = recover_.recover(project) or ["there is nothing to recover"]
    for line in done:
        print(line)
    print(f"now: {project.serves()}")


@app.command()
@ends_well
def down(
    stack: Stack = "dev",
    folder: Dir = HERE,
    yes: Yes = False,
    with_data: Annotated[
        bool, typer.Option("--with-data", help="Also remove the data and its snapshots.")
    ] = False,
) -> None:
    """Remove the stack, but keep its data."""
    from bluegreen.cli import down as down_
    from bluegreen.cli.project import Project

    for line in down_.down(Project(folder, stack), with_data=with_data, yes=yes):
        print(line)


app.add_typer(snapshot.app, name="snapshot")


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("PULUMI_SKIP_UPDATE_CHECK", "1")
    app()


if __name__ == "__main__":
    main()

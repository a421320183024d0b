"""`python -m evidence.bench`: the benchmark's options; its work is `measure`'s."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.options import ends_well
from evidence.bench import measure
from evidence.bench.table import as_markdown

MILLION = 10**6
app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
@ends_well
def bench(
    url: Annotated[
        str, typer.Option(help="Measure this edge instead of the benchmark's own stack.")
    ] = "",
    switch: Annotated[str, typer.Option(help="With --url: the command that switches.")] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="With --url: what to request and how much, such as page_path=/login, "
            "post_path=none, fresh=4 (see `python -m evidence.load --help`); can be repeated.",
        ),
    ] = None,
    switches: Annotated[int, typer.Option(help="Number of switches under load.", min=1)] = 100,
    requests: Annotated[
        int | None,
        typer.Option(
            help="Minimum number of requests; without --url, a million.",
            min=0,
        ),
    ] = None,
    drain_timeout: Annotated[
        int, typer.Option(help="Seconds that a WebSocket must stay open after a switch.", min=1)
    ] = 5,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="Without --url: only this part, keeping the others' figures; can be repeated."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results and charts.")] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what switches lose, and how fast releases, gate and edge are."""
    if bool(url) != bool(switch):
        raise CommandError("--url and --switch must be given together", code=Exit.USAGE)
    if url:
        target, plan = measure.edge_plan(url, drain_timeout, settings or [])
        found = measure.run_edge(target, plan, switch, switches, requests or 0, out)
    else:
        most = MILLION if requests is None else requests
        found = measure.run_whole(measure.sizes(switches, most, drain_timeout, part or []), out)
    if as_json:
        print(json.dumps(found))
    else:
        print(as_markdown(found, url or "this program"))
    told = ", ".join(sorted(each.name for each in out.glob("*.*")))
    measure.tell(f"results in {out}/: {told}")
    if measure.failed(found):
        raise typer.Exit(Exit.FAILED)


if __name__ == "__main__":
    app()

"""The gate's verdict: asks the target until it passes, or says all about why it does not."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from bluegreen.config.settings import Docker, Health, Place
from bluegreen.docker.transport import EdgeTransport
from bluegreen.docker.watch import Watch
from bluegreen.edge.edges import Opened, open_edges
from bluegreen.edge.state import CONFIG_FOLDER, state_of
from bluegreen.errors import BluegreenError, EdgeUnreachable, GateFailed
from bluegreen.health.probe import Answer, Passed, Refused, ask, wait_until_healthy
from bluegreen.platforms.swarm.replicas import Replicas
from bluegreen.release.order import places_from

# Failures of one replica that are too many: the first may be of one that waits for another.
TRIES = 2


def pass_gate(props: dict[str, Any], *, fresh: bool) -> dict[str, Any]:
    """Ask the target until it passes; return the resource's outputs.

    Raises:
        GateFailed: it did not; the message says what was seen and what serves.
    """
    health = Health(**props["health"])
    docker = Docker(**props["docker"])
    places = places_from(props.get("edges") or ()) or (Place(props["edge"], docker),)
    required = int(props.get("edges_required") or 1)
    watched = _watch(props, docker, fresh)
    with _opened(places, required) as opened, watched as watch:

        def ask_once(timeout: float) -> Answer:
            if isinstance(watch, Replicas):
                return watch.ask(opened.shells, props["url"], health, timeout)
            return ask(client, props["url"], health, timeout)

        shell = next(iter(opened.shells.values()))
        with httpx.Client(transport=EdgeTransport(shell)) as client:
            result = wait_until_healthy(
                ask_once, health, died=watch.died, why=watch.why, told=_tell
            )
        if isinstance(result, Passed):
            return props | {
                "attempts": result.attempts,
                "ready_after_ms": round(result.ready_after * 1000),
                "passed_after_ms": round(result.passed_after * 1000),
                "reported_version": result.version,
                "passed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }
        serving = state_of(shell.run(f"head -n 1 {CONFIG_FOLDER}/nginx.conf").text)
        live = f"{serving.color} {serving.version} still serves" if serving else "no color is live"
        raise GateFailed(_message(props, result, live, watch.log_tail()))


def _watch(props: dict[str, Any], docker: Docker, fresh: bool) -> Watch | Replicas:
    if replicas := int(props.get("replicas") or 0):
        return Replicas(props["container"], replicas, docker, tries=TRIES)
    return Watch(props["container"], docker, fresh=fresh)


@contextlib.contextmanager
def _opened(places: Sequence[Place], required: int) -> Iterator[Opened]:
    try:
        with open_edges(places, required) as opened:
            yield opened
    except EdgeUnreachable as error:
        edges = " or ".join(f"`docker start {place.container}`" for place in places)
        raise GateFailed(
            f"the gate asks from inside the edge, and {error}. Nothing was switched; while an "
            f"edge is down it serves nobody. Next: {edges}, or `pulumi refresh` if it is gone, "
            "and then `pulumi up`."
        ) from error
    except BluegreenError as error:
        if isinstance(error, GateFailed):
            raise
        raise GateFailed(
            f"the gate cannot see its target: {error}. Nothing was switched."
        ) from error


def _tell(attempt: int, seen: str) -> None:
    # The engine shows what a provider writes to standard error.
    print(f"gate: attempt {attempt}: {seen}", file=sys.stderr, flush=True)


def _way_out(props: dict[str, Any]) -> str:
    if not props["drift"]:
        return ""
    return (
        f" Seen before: {props['drift']}. If that was done by hand, `docker start` it, or "
        "`pulumi refresh` and then `pulumi up`."
    )


def _message(props: dict[str, Any], result: Refused, live: str, log: str) -> str:
    color, container = props["color"], props["container"]
    return (
        f"The last lines of {container}'s log:\n{log or '    | (empty)'}\n"
        f"{color} {props['version']} did not pass the health gate: {result.reason} "
        f"(GET {props['url']} asked {result.attempts} times in {result.after:.1f} s, "
        f"last answer: {result.last}). Nothing was switched: {live}. "
        f"Next: fix {color}_version, its settings or `health` and run `pulumi up` again, "
        f"or take the change back (active_color and what changed with it).{_way_out(props)}"
    )

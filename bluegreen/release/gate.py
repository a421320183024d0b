"""The gate: asks the target until it passes, or says all about why it does not."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bluegreen.config.settings import Health, Place
from bluegreen.edge.nginx import Nginx
from bluegreen.edge.opened import Opened, open_edges
from bluegreen.errors import BluegreenError, EdgeUnreachable, GateFailed
from bluegreen.health.probe import Passed, Refused, wait_until_healthy
from bluegreen.platforms import named
from bluegreen.release.order import places_from, target_from, tell


def pass_gate(props: dict[str, Any], *, fresh: bool) -> dict[str, Any]:
    """Ask the target until it passes; return the resource's outputs.

    Raises:
        GateFailed: it did not; the message says what was seen and what serves.
    """
    health = Health(**props["health"])
    target, places = target_from(props), places_from(props["edges"])
    watched = named(target.platform).watch(target, starting=True, fresh=fresh)
    with _opened(places, int(props["edges_required"])) as opened, watched as watch:
        result = wait_until_healthy(
            lambda timeout: watch.ask(opened.shells, target.url, health, timeout),
            health,
            died=watch.died,
            why=watch.why,
            told=lambda attempt, seen: tell(f"gate: attempt {attempt}: {seen}"),
        )
        if isinstance(result, Passed):
            return props | {
                "attempts": result.attempts,
                "ready_after_ms": round(result.ready_after * 1000),
                "passed_after_ms": round(result.passed_after * 1000),
                "reported_version": result.version,
                "passed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }
        shell = next(iter(opened.shells.values()))
        serving = Nginx(shell, props["service"], health).state()
        live = f"{serving.color} {serving.version} keeps serving" if serving else "no color is live"
        raise GateFailed(_message(props, result, live, watch.log_tail()))


@contextlib.contextmanager
def _opened(places: Sequence[Place], required: int) -> Iterator[Opened]:
    try:
        with open_edges(places, required) as opened:
            yield opened
    except EdgeUnreachable as error:
        edges = " or ".join(f"`docker start {place.container}`" for place in places)
        raise GateFailed(
            f"the gate checks from inside the edge, and {error}. Nothing was switched; an edge "
            f"that is down serves no one. Next: {edges}, or `pulumi refresh` if it is gone, "
            "and then `pulumi up`."
        ) from error
    except BluegreenError as error:
        if isinstance(error, GateFailed):
            raise
        raise GateFailed(
            f"the gate cannot see its target: {error}. Nothing was switched."
        ) from error


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
        f"(GET {props['url']} tried {result.attempts} times in {result.after:.1f} s, "
        f"last answer: {result.last}). Nothing was switched: {live}. "
        f"Next: fix {color}_version, its settings or `health` and run `pulumi up` again, "
        f"or revert active_color and your other changes.{_way_out(props)}"
    )

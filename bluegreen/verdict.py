"""The gate's verdict: asks the target until it passes, or says all about why it does not."""

import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from bluegreen.edge import CONFIG_FOLDER, state_of
from bluegreen.errors import EdgeUnreachable, GateFailed
from bluegreen.probe import Passed, Refused, wait_until_healthy
from bluegreen.settings import Docker, Health
from bluegreen.shell import Shell
from bluegreen.transport import EdgeTransport
from bluegreen.watch import Watch


def pass_gate(props: dict[str, Any], *, fresh: bool) -> dict[str, Any]:
    """Ask the target until it passes; return the resource's outputs.

    Raises:
        GateFailed: it did not; the message says what was seen and what serves.
    """
    health = Health(**props["health"])
    docker = Docker(**props["docker"])
    container, edge = props["container"], props["edge"]
    with _opened(edge, docker) as shell, Watch(container, docker, fresh=fresh) as watch:
        transport = EdgeTransport(shell)
        with httpx.Client(transport=transport) as client:
            result = wait_until_healthy(
                client, props["url"], health, died=watch.died, why=watch.why, told=_tell
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


@contextlib.contextmanager
def _opened(edge: str, docker: Docker) -> Iterator[Shell]:
    try:
        with Shell(edge, docker) as shell:
            shell.check("true")
            yield shell
    except EdgeUnreachable as error:
        raise GateFailed(
            f"the gate asks from inside the edge, and {error}. Nothing was switched; while the "
            f"edge is down nobody is served. Next: `docker start {edge}`, or `pulumi refresh` if "
            "it is gone, and then `pulumi up`."
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

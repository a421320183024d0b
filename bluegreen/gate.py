"""The health gate: a Pulumi resource that lets the switch pass when the target is healthy.

It wraps `probe`. Its inputs show in the preview what will be checked; its outputs carry the
color on to the switch, so that no switch happens to a color that no gate has passed.
"""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import httpx
import pulumi
from pulumi.dynamic import (
    ConfigureRequest,
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from bluegreen.edge import CONFIG_FOLDER, state_of
from bluegreen.errors import BluegreenError, EdgeUnreachable, GateFailed
from bluegreen.probe import Passed, Refused, wait_until_healthy
from bluegreen.settings import Docker, Health
from bluegreen.shell import Shell
from bluegreen.transport import EdgeTransport
from bluegreen.watch import Watch

# Of the world and of this machine, not of the user's wish: alone no reason to run again.
_FACTS = ("drift", "__provider")


def _tell_errors_plainly() -> None:
    # pulumi.dynamic hands traceback.format_exc() to the engine (SDK 3.272); for the errors that
    # are meant for users the message alone says more. Runs in the provider's process only.
    original = traceback.format_exc

    def format_exc(*args: Any, **kwargs: Any) -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, BluegreenError) else original(*args, **kwargs)

    traceback.format_exc = format_exc


class HealthGateProvider(ResourceProvider):
    """Runs the gate when the target, its version or the checks have changed."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002 (the SDK's signature)
        """Set up the process that the provider runs in."""
        _tell_errors_plainly()

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Let the engine compare, but also run when nginx serves what the stack does not say."""
        if _news.get("drift"):
            return DiffResult(changes=True)
        keys = (_olds.keys() | _news.keys()) - set(_FACTS) - set(_OUTPUTS)
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in keys))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Run the gate for the first release."""
        return CreateResult(id_="gate", outs=pass_gate(props, fresh=True))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Run the gate for a release."""
        fresh = _olds.get("container_id") != _news["container_id"]
        return UpdateResult(outs=pass_gate(_news, fresh=fresh))


_OUTPUTS = ("attempts", "ready_after_ms", "passed_after_ms", "reported_version", "passed_at")


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


class HealthGate(Resource, module="bluegreen", name="HealthGate"):
    """Passes when the target is healthy; carries its color on to the switch."""

    color: pulumi.Output[str]
    version: pulumi.Output[str]
    passed_at: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        color: str,
        version: str,
        container: pulumi.Input[str],
        container_id: pulumi.Input[str],
        edge: pulumi.Input[str],
        url: str,
        health: Health,
        docker: Docker,
        drift: str,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare the gate.

        Args:
            name: of the resource.
            color: the color to be live.
            version: the version it carries.
            container: name of its container.
            container_id: id of its container; a new one is a reason to run the gate.
            edge: name of the edge's container, which the gate asks from.
            url: what it asks, as seen from the edge.
            health: what a good answer is.
            docker: which daemon.
            drift: "" or how what nginx serves differs from the stack's outputs.
            opts: resource options.
        """
        inputs: dict[str, Any] = {
            "color": color,
            "version": version,
            "container": container,
            "container_id": container_id,
            "edge": edge,
            "url": url,
            "health": asdict(health),
            "docker": asdict(docker),
            "drift": drift,
        }
        super().__init__(HealthGateProvider(), name, inputs | dict.fromkeys(_OUTPUTS), opts)

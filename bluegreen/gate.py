"""The health gate: a Pulumi resource that lets the switch pass when the target is healthy.

Its inputs show in the preview what will be checked; its outputs carry the color on to the
switch, so that no switch happens to a color that no gate has passed. The asking is `verdict`'s.
"""

import os
import re
import socket
import sys
import threading
import time
import traceback
from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import (
    ConfigureRequest,
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from bluegreen.errors import BluegreenError
from bluegreen.settings import Docker, Health

# Of the world and of this machine, not of the user's wish: alone no reason to run again.
_FACTS = ("drift", "__provider")
ENGINE_PULSE = 2.0  # seconds
_OUTPUTS = ("attempts", "ready_after_ms", "passed_after_ms", "reported_version", "passed_at")


def _tell_errors_plainly() -> None:
    # pulumi.dynamic hands traceback.format_exc() to the engine (SDK 3.272); for the errors that
    # are meant for users the message alone says more. Runs in the provider's process only.
    original = traceback.format_exc

    def format_exc(*args: Any, **kwargs: Any) -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, BluegreenError) else original(*args, **kwargs)

    traceback.format_exc = format_exc


def _end_with_the_engine(address: str) -> None:
    # An engine that is killed leaves this process behind for good (CLI 3.259).
    def watch() -> None:
        while _listens(address):
            time.sleep(ENGINE_PULSE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=ENGINE_PULSE).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True  # nobody knows
    return True


class HealthGateProvider(ResourceProvider):
    """Runs the gate when the target, its version or the checks have changed."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002 (the SDK's signature)
        """Set up the process that the provider runs in."""
        _tell_errors_plainly()
        if sys.argv[1:] and re.fullmatch(r"[\d.]+:\d+", sys.argv[1]):
            _end_with_the_engine(sys.argv[1])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Let the engine compare, but also run when nginx serves what the stack does not say."""
        if _news.get("drift"):
            return DiffResult(changes=True)
        keys = (_olds.keys() | _news.keys()) - set(_FACTS) - set(_OUTPUTS)
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in keys))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Run the gate for the first release."""
        return CreateResult(id_="gate", outs=_pass_gate(props, fresh=True))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Run the gate for a release."""
        fresh = _olds.get("container_id") != _news["container_id"]
        return UpdateResult(outs=_pass_gate(_news, fresh=fresh))


def _pass_gate(props: dict[str, Any], *, fresh: bool) -> dict[str, Any]:
    # Here, as an update that changes nothing need not wait for an HTTP client to be loaded.
    from bluegreen.verdict import pass_gate

    return pass_gate(props, fresh=fresh)


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

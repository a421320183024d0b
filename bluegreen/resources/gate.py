"""The health gate: a Pulumi resource that lets the switch pass when the target is healthy.

Its inputs show in the preview what will be checked; its outputs carry the color on to the
switch, so that no switch happens to a color that no gate has passed. The asking is done in
`release.gate`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    Resource,
    UpdateResult,
)

from bluegreen.config.settings import Health, Place
from bluegreen.platforms.dynamic import Provider
from bluegreen.platforms.platform import Target

# Of the world and of this machine, not of the user's wish: alone no reason to run again.
_FACTS = ("drift", "__provider")
_OUTPUTS = ("attempts", "ready_after_ms", "passed_after_ms", "reported_version", "passed_at")


class HealthGateProvider(Provider):
    """Runs the gate when the target, its version or the checks have changed."""

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
    from bluegreen.release.gate import pass_gate

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
        service: str,
        color: str,
        version: str,
        container_id: pulumi.Input[str],
        target: Target,
        edges: Sequence[Place],
        edges_required: int,
        health: Health,
        drift: str,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare the gate.

        Args:
            name: of the resource.
            service: prefix of everything the stack makes in Docker.
            color: the color to be live.
            version: the version it carries.
            container_id: id of its container (of a service, with what its replicas are made of);
                a new one is a reason to run the gate.
            target: how the color can be asked and watched.
            edges: where all edges are, which the gate asks from.
            edges_required: so many of these must answer.
            health: what a good answer is.
            drift: "" or how what nginx serves differs from the stack's outputs.
            opts: resource options.
        """
        inputs: dict[str, Any] = {
            "service": service,
            "color": color,
            "version": version,
            "container_id": container_id,
            **asdict(target),
            "edges": [asdict(place) for place in edges],
            "edges_required": edges_required,
            "health": asdict(health),
            "drift": drift,
        }
        super().__init__(HealthGateProvider(), name, inputs | dict.fromkeys(_OUTPUTS), opts)

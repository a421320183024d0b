"""The service in two colors behind its edge: one component, a release told top-down."""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from bluegreen.config.settings import Color, Place, other
from bluegreen.config.urls import direct_urls, edge_urls
from bluegreen.data import modes
from bluegreen.data.plan import DataPlan
from bluegreen.plan.fingerprint import Fingerprint, digest_of
from bluegreen.plan.ownership import keyed
from bluegreen.plan.planned import Plan
from bluegreen.platforms import of
from bluegreen.platforms.common import (
    Made,
    Scope,
    edge_config,
    make_data_volume,
    make_edge,
    make_snapshots_volume,
)
from bluegreen.platforms.platform import Target
from bluegreen.release.order import Order
from bluegreen.resources.data_step import DataStep
from bluegreen.resources.gate import HealthGate
from bluegreen.resources.identity import Identity
from bluegreen.resources.interrupt import end_quietly


class BlueGreenService(pulumi.ComponentResource):
    """A service that is released color by color.

    Attributes:
        url: where users reach the service; of several edges, the first.
        urls: the same of each edge, by its name.
        live: {color, version, image} of the color that serves.
        standby: {color, version, image} of the color kept ready; None without.
        direct_urls: each published direct port's URL, by color, and the preview's.
        data: {mode, copy, before, at}: where the data is; where it was before the release that
            changed that, and when it was copied.
        pins: {image, identity} of each color, as it was last released.
        identity: the stack's id, and its key.
        report: what the last switch did (see `switch.Report`).
    """

    def __init__(self, plan: Plan, root: Path, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the service.

        Args:
            plan: the update, which the guard has let pass.
            root: the project's folder, which relative paths start from.
            opts: resource options.
        """
        end_quietly()
        name, settings, data_plan = plan.situation.name, plan.settings, plan.data
        super().__init__("bluegreen:index:Service", name, None, opts)
        self._images = {c: plan.made_of[c]["image"] for c in settings.declared}
        self.identity = Identity("identity", pulumi.ResourceOptions(parent=self))
        self._scope = scope = Scope(
            name,
            settings,
            of(settings),
            root,
            self,
            data_plan.copies,
            {color: self._made_of(plan.made_of[color]) for color in settings.declared},
            self.identity.id,
            plan.unchanged,
            plan.image.identity,
        )
        target, outgoing = settings.active_color, other(settings.active_color)

        network = scope.platform.make_network(scope)
        data = make_data_volume(scope)
        edges = [make_edge(scope, edge, network) for edge in settings.edges]
        step = self._make_data_step(data_plan, plan.serves, edges[0], data)
        made = {target: scope.platform.make_color(scope, target, network, data, step)}
        gate = self._make_gate(target, made[target], edges, plan.drift)
        switch = self._make_switch(gate, edges, step)
        if outgoing in settings.declared:
            made[outgoing] = scope.platform.make_color(scope, outgoing, network, data, switch)
        # With standby `remove` the outgoing color is not declared: Pulumi deletes it last.

        self.urls = edge_urls(settings)
        self.url = next(iter(self.urls.values()))
        self.data = self._describe_data(data_plan, step)
        self.report = switch.stdout.apply(json.loads)
        self.live = self.report.apply(lambda report: self._describe(report["color"]))
        self.standby = self._describe(outgoing) if outgoing in settings.declared else None
        self.direct_urls = direct_urls(settings)
        self.pins = self._pins(plan, made)
        self.register_outputs({"url": self.url, "live": self.live})

    def _made_of(self, fingerprint: Fingerprint) -> pulumi.Output[str]:
        digest = digest_of(fingerprint)
        return self.identity.key.apply(lambda key: keyed(key, digest))

    def _pins(self, plan: Plan, made: Mapping[Color, Made]) -> dict[str, Any]:
        """The image that each color runs, or ran when it was last released."""
        pins: dict[str, Any] = {color: asdict(pin) for color, pin in plan.pins.items()}
        for color, each in made.items():
            if each.image:
                image = plan.made_of[color]["image"]
                pins[color] = {"image": image, "identity": each.image}
        return pins

    def _make_data_step(
        self,
        plan: DataPlan,
        serves: Mapping[str, str],
        edge: docker.Container,
        data: docker.Volume | None,
    ) -> DataStep | None:
        """Snapshot, clone or check; only then the target is touched."""
        scope, settings = self._scope, self._scope.settings
        mode = modes.of(settings)
        if not mode.keeps_data:
            return None
        needed: list[pulumi.Resource] = [make_snapshots_volume(scope), *([data] if data else [])]
        if mode.needs_edge:
            needed.append(edge)
        return DataStep(
            "data-step",
            act=plan.act,
            changes=plan.changes,
            service=scope.name,
            target=settings.active_color,
            copy=plan.copies[settings.active_color],
            live={**serves, "copy": plan.live},
            edge=self._places[0].container,
            live_config=self._live_config(serves) if plan.holds_live_writes else None,
            data=settings.data,
            database_url=settings.database_url,
            docker=settings.docker,
            opts=scope.options(depends_on=needed),
        )

    def _live_config(self, serves: Mapping[str, str]) -> dict[str, str]:
        """What nginx needs to hold writes back before the switch, should it not be able to."""
        settings, live = self._scope.settings, cast("Color", serves["color"])
        # By the version that serves, whatever the config says of that color by now.
        version = serves["version"] or settings.versions[live]
        as_live = replace(settings, versions={**settings.versions, live: version})
        text = edge_config(replace(self._scope, settings=as_live), live, holds_writes=True)
        return {"text": text, "url": self._target(live).url}

    def _describe_data(self, plan: DataPlan, step: DataStep | None) -> dict[str, pulumi.Input[str]]:
        mode, target = modes.of(self._scope.settings).name, self._scope.settings.active_color
        if not step:
            return {"mode": mode}
        copy = plan.copies[target]
        return {"mode": mode, "copy": copy, "before": step.before, "at": step.at}

    def _make_gate(
        self,
        color: Color,
        made: Made,
        edges: Sequence[docker.Container],
        drift: str,
    ) -> HealthGate:
        scope, settings = self._scope, self._scope.settings
        return HealthGate(
            "gate",
            color=color,
            version=settings.versions[color],
            container_id=made.identity,
            target=self._target(color),
            edges=self._places,
            edges_required=settings.edges_required,
            health=settings.health_of(color),
            drift=drift,
            opts=scope.options(depends_on=[*edges, made.done]),
        )

    def _make_switch(
        self, gate: HealthGate, edges: Sequence[docker.Container], step: DataStep | None
    ) -> command.local.Command:
        """The switch; its color is the gate's, so that no color is switched to ungated."""
        return command.local.Command(
            "switch",
            create=f"{_python(self._scope.root)} -m bluegreen.release.switch",
            stdin=gate.color.apply(self._render),
            environment={
                "BLUEGREEN_ORDER": pulumi.Output.all(gate.color, self._hold(step)).apply(
                    lambda given: self._order(*given)
                ),
                # A gate that ran again is followed by a switch: it finds that all is well, or
                # puts right what an update left that died in between.
                "BLUEGREEN_GATE_PASSED_AT": gate.passed_at,
                "BLUEGREEN_EDGE_ID": pulumi.Output.all(*(edge.id for edge in edges)).apply(
                    " ".join
                ),
            },
            opts=self._scope.options(),
        )

    def _hold(self, step: DataStep | None) -> pulumi.Input[str]:
        """Which writes wait for the switch: the step's word, where releases change the data."""
        return step.hold if step and modes.of(self._scope.settings).holds_writes else ""

    def _render(self, color: str) -> str:
        scope = self._scope
        return edge_config(scope, cast("Color", color))

    def _order(self, color: str, hold: str) -> str:
        settings, live = self._scope.settings, cast("Color", color)
        return Order(
            color=live,
            version=settings.versions[live],
            target=self._target(live),
            edges=self._places,
            edges_required=settings.edges_required,
            health=settings.health_of(live),
            bake=settings.bake,
            drain_timeout=settings.drain_timeout,
            hold=hold,
        ).to_json()

    def _target(self, color: Color) -> Target:
        scope = self._scope
        return scope.platform.target(scope.settings, color, scope.container(color))

    @property
    def _places(self) -> tuple[Place, ...]:
        return self._scope.settings.places(self._scope.name)

    def _describe(self, color: Color) -> dict[str, Any]:
        scope = self._scope
        settings = scope.settings
        described: dict[str, Any] = {
            "color": color,
            "version": settings.versions[color],
            "image": self._images[color],
        }
        return described | scope.platform.outputs(settings, color)


def _python(root: Path) -> str:
    """Return this Python, by a path that is the same on every machine where that can be had."""
    here = Path(sys.executable)
    return shlex.quote(os.path.relpath(here, root) if here.is_relative_to(root) else str(here))

"""The service in two colors behind its edge: one component, a release told top-down."""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
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
    make_data_volume,
    make_snapshots_volume,
    service_config,
)
from bluegreen.platforms.edges import make_edges
from bluegreen.platforms.platform import Target
from bluegreen.platforms.relief import Relieved
from bluegreen.release.order import Order, Users
from bluegreen.resources.certificates import Certificates
from bluegreen.resources.data_step import DataStep
from bluegreen.resources.gate import HealthGate
from bluegreen.resources.guest import Guest
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
        edges: list[pulumi.Resource] = [*make_edges(scope, network)]
        if settings.shared:
            edges = [Guest("guest", name, self._places, scope.options())]
        step = self._make_data_step(data_plan, plan.serves, edges[0], data)
        made = {target: scope.platform.make_color(scope, target, network, data, step)}
        gate = self._make_gate(target, made[target], edges, plan.drift)
        given = self._make_certificates(edges, edges)
        switch = self._make_switch(gate, edges, step, given)
        # An ACME server asks a service that is there.
        self._make_certificates(edges, [switch], by_acme=True)
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
        edge: pulumi.Resource,
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
            data=settings.data,
            database_url=settings.database_url,
            docker=settings.docker,
            opts=scope.options(depends_on=needed),
        )

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
        edges: Sequence[pulumi.Resource],
        drift: str,
    ) -> HealthGate:
        scope, settings = self._scope, self._scope.settings
        return HealthGate(
            "gate",
            service=scope.name,
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

    def _make_certificates(
        self,
        edges: Sequence[pulumi.Resource],
        after: Sequence[pulumi.Resource],
        *,
        by_acme: bool = False,
    ) -> list[pulumi.Resource]:
        """The certificates that config has, or the hosts that want some; nothing without TLS."""
        scope, tls = self._scope, self._scope.settings.tls
        if not tls or by_acme != bool(tls.acme):
            return []
        made = Certificates(
            "certificates",
            service=scope.name,
            edges=self._places,
            required=scope.settings.edges_required,
            holders=self._edge_ids(edges),
            tls=tls,
            hosts=scope.settings.hosts,
            opts=scope.options(depends_on=after),
        )
        return [made]

    def _make_switch(
        self,
        gate: HealthGate,
        edges: Sequence[pulumi.Resource],
        step: DataStep | None,
        after: Sequence[pulumi.Resource],
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
                "BLUEGREEN_EDGE_ID": self._edge_ids(edges),
            },
            opts=self._scope.options(depends_on=after),
        )

    def _edge_ids(self, edges: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
        """Which edges these are: one that is made anew has to be switched, too."""
        shared = self._scope.settings.shared
        if shared:
            return pulumi.Output.from_input(" ".join(shared.holders))
        holders = [edge.holder for edge in edges if isinstance(edge, Relieved)]
        return pulumi.Output.all(*holders).apply(" ".join)

    def _hold(self, step: DataStep | None) -> pulumi.Input[str]:
        """Which writes wait for the switch: the step's word, where releases change the data."""
        return step.hold if step and modes.of(self._scope.settings).holds_writes else ""

    def _render(self, color: str) -> str:
        scope = self._scope
        return service_config(scope, cast("Color", color))

    def _order(self, color: str, hold: str) -> str:
        settings, live = self._scope.settings, cast("Color", color)
        return Order(
            service=self._scope.name,
            color=live,
            version=settings.versions[live],
            target=self._target(live),
            edges=self._places,
            edges_required=settings.edges_required,
            health=settings.health_of(live),
            bake=settings.bake,
            drain_timeout=settings.drain_timeout,
            tools_image=settings.data.tools_image,
            hold=hold,
            shares=bool(settings.shared),
            users=self._users(),
            proxied=settings.proxy_protocol,
        ).to_json()

    def _users(self) -> Users | None:
        """How they ask for the health; nobody does where a host is a pattern only."""
        settings = self._scope.settings
        if not settings.health.public:
            return None
        named = [host for host in settings.hosts if not host.startswith("*.")]
        host = settings.canonical_host or (named or [settings.health.host or "localhost"])[0]
        prefix = settings.path_prefix if settings.strip_path_prefix else ""
        return Users(host, f"{prefix}{settings.health.path}", bool(settings.tls))

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

"""What all platforms have in Docker: the edges, and volumes. One function makes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker

from bluegreen.config.settings import Color, Edge, Settings
from bluegreen.data import modes
from bluegreen.data.names import data_of, snapshots_of
from bluegreen.docker.facts import LABEL, STACK_LABEL
from bluegreen.edge.render import render
from bluegreen.edge.scripts import start
from bluegreen.edge.state import BOOTSTRAP, CONFIG_FOLDER, WAITING
from bluegreen.edge.templates import TEMPLATES
from bluegreen.platforms.own import OWN_CONTAINER, OWN_IMAGE, OWN_VOLUME
from bluegreen.platforms.platform import Platform

LOG_LIMITS = {"max-size": "10m", "max-file": "3"}
EDGE_STOP_GRACE = 10


@dataclass(frozen=True)
class Scope:
    """What all parts of one service share.

    Attributes:
        name: prefix of everything made in Docker; unique on the host.
        settings: the stack's settings.
        platform: what the colors run on.
        root: the project's folder, which relative paths start from.
        parent: the component that the resources belong to.
        copies: the copy of the data that each color runs on; "" = the one it began in.
        made_of: the (keyed) digest of what each color is made of.
        owner: the id of the stack, which what is newly made carries.
        unchanged: the parts that stay as they are, whatever Pulumi reads of them or of their tag.
        image: the id of the image that the target runs; "" = as its tag says.
    """

    name: str
    settings: Settings
    platform: Platform
    root: Path
    parent: pulumi.Resource
    copies: Mapping[Color, str]
    made_of: Mapping[Color, pulumi.Output[str]]
    owner: pulumi.Output[str]
    unchanged: frozenset[str]
    image: str

    def container(self, part: str) -> str:
        """The Docker name of a color's or the edge's container; it is its host name too."""
        return f"{self.name}-{part}"

    def labels(self) -> dict[str, pulumi.Input[str]]:
        """What everything that is newly made carries."""
        return {LABEL: self.name, STACK_LABEL: self.owner}

    def keep(self, part: str, what: Sequence[str]) -> list[str]:
        """What Pulumi must leave as it is: all that is named, of a part that is unchanged."""
        return list(what) if part in self.unchanged else []

    def options(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a resource that belongs to the service."""
        return pulumi.ResourceOptions(parent=self.parent, **options)


@dataclass(frozen=True)
class Made:
    """A color that is made: what is to be waited for, and what it is known by once it is anew.

    `image` is the id of the image that it runs; None where only its name is known.
    """

    done: pulumi.Resource
    identity: pulumi.Output[str]
    image: pulumi.Output[str] | None = None


def make_data_volume(scope: Scope) -> docker.Volume | None:
    """The colors' shared data: no update deletes it, nor does `pulumi destroy`."""
    if not scope.settings.data_path or not scope.platform.has_volumes:
        return None
    return docker.Volume(
        "data",
        name=data_of(scope.name),
        labels=_volume_labels(scope),
        opts=scope.options(retain_on_delete=True, ignore_changes=OWN_VOLUME),
    )


def make_snapshots_volume(scope: Scope) -> docker.Volume:
    """The snapshots' own volume: no update deletes it, nor does `pulumi destroy`."""
    return docker.Volume(
        "snapshots",
        name=snapshots_of(scope.name),
        labels=_volume_labels(scope),
        opts=scope.options(retain_on_delete=True, ignore_changes=OWN_VOLUME),
    )


def _volume_labels(scope: Scope) -> list[docker.VolumeLabelArgs]:
    return [docker.VolumeLabelArgs(label=k, value=v) for k, v in scope.labels().items()]


def make_edge(scope: Scope, edge: Edge, network: docker.Network) -> docker.Container:
    """An edge. What may change in its life comes through the switch, into its volume."""
    settings, part, many = scope.settings, edge.part, scope.platform.many_edges
    there = _provider(scope, edge)
    image = docker.RemoteImage(
        f"image-{part}",
        name=settings.edge_image,
        keep_locally=True,
        opts=scope.options(provider=there, ignore_changes=scope.keep(part, OWN_IMAGE)),
    )
    config = docker.Volume(
        f"{part}-config",
        name=f"{scope.name}-{part}-config",
        labels=_volume_labels(scope),
        opts=scope.options(ignore_changes=OWN_VOLUME, provider=there),
    )
    pages = {BOOTSTRAP: "bootstrap.conf"} | ({WAITING: "waiting.conf"} if many else {})
    return docker.Container(
        part,
        docker.ContainerArgs(
            name=scope.container(part),
            image=image.image_id,
            entrypoints=["sh", "-ec", start(scope.container(part) if many else "")],
            uploads=[
                docker.ContainerUploadArgs(file=path, content=(TEMPLATES / page).read_text())
                for path, page in pages.items()
            ],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=config.name, container_path=CONFIG_FOLDER)
            ],
            ports=published(
                (80, edge.http_port, edge.http_address),
                (8081, settings.preview_port, settings.direct_address),
            ),
            stop_signal="SIGQUIT",  # nginx's own word for: finish what you serve
            destroy_grace_seconds=EDGE_STOP_GRACE,
            **common_options(scope, network),
        ),
        opts=scope.options(
            provider=there,
            delete_before_replace=True,  # two containers cannot share a name or a port
            # A later version's start script or first page is no reason to replace it.
            ignore_changes=["uploads", "entrypoints", *scope.keep(part, OWN_CONTAINER)],
        ),
    )


def edge_config(scope: Scope, live: Color, *, holds_writes: bool = False) -> str:
    """What nginx in the edges runs when this color is live.

    It can hold writes back where the data's mode needs that, or when it is told so.
    """
    upstream = scope.platform.upstream
    held = holds_writes or modes.of(scope.settings).holds_writes
    return render(scope.settings, live, scope.name, scope.root, upstream, holds_writes=held)


def _provider(scope: Scope, edge: Edge) -> docker.Provider | None:
    """The Docker of an edge's own; None where that is the stack's."""
    if edge.docker == scope.settings.docker:
        return None
    return docker.Provider(
        f"docker-{edge.name}",
        host=edge.docker.host or None,
        context=edge.docker.context or None,
        cert_path=edge.docker.cert_path or None,
        opts=scope.options(),
    )


def common_options(
    scope: Scope, network: docker.Network, more: Mapping[str, pulumi.Input[str]] | None = None
) -> dict[str, Any]:
    """What every container of the stack has in common; it also carries these labels."""
    labels = {**scope.labels(), **(more or {})}
    return {
        "labels": [docker.ContainerLabelArgs(label=k, value=v) for k, v in labels.items()],
        "network_mode": network.name,  # set, as the provider reads it back and would see a change
        "networks_advanced": [docker.ContainerNetworksAdvancedArgs(name=network.name)],
        "restart": "unless-stopped",
        "log_driver": "json-file",  # the switch reads users' requests from the edge's log
        "log_opts": LOG_LIMITS,
    }


def published(*ports: tuple[int, int, str]) -> list[docker.ContainerPortArgs] | None:
    """Ports from (internal, external, address of the host); an external 0 is none."""
    return [
        docker.ContainerPortArgs(internal=internal, external=external, ip=address)
        for internal, external, address in ports
        if external
    ] or None

"""What all platforms have in Docker: the edges, and volumes. One function makes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker

from bluegreen.config.settings import Color, Edge, Settings
from bluegreen.data.names import data_of, snapshots_of
from bluegreen.docker.facts import LABEL, STACK_LABEL, kernel_of
from bluegreen.edge.clients import Listening
from bluegreen.edge.files import HANDS_OVER, edge_files
from bluegreen.edge.render import render
from bluegreen.edge.scripts import hold_ports
from bluegreen.edge.state import CONFIG_FOLDER, IN_MEMORY, START, holder_of
from bluegreen.platforms.own import OWN_CONTAINER, OWN_HOLDER, OWN_IMAGE, OWN_VOLUME
from bluegreen.platforms.platform import Platform
from bluegreen.platforms.relief import Relief, Relieved

LOG_LIMITS = {"max-size": "10m", "max-file": "3"}


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


def make_edge(scope: Scope, edge: Edge, network: docker.Network) -> Relieved:
    """An edge: a holder of its ports, and nginx in its network, which is replaced without a gap.

    What may change in the life of a service comes through the switch, into the volume.
    """
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
    holder = _make_holder(scope, edge, image, config, network, there)
    own_name = scope.container(part) if many else ""
    shared = settings.kind == "edge"
    files = edge_files(
        Listening.of(settings, edge),
        own_name,
        copies=settings.log_to_docker,
        shared=shared,
        acme=scope.name if shared and settings.tls else "",
    )
    before = Relief(
        f"{part}-relief",
        relieves=scope.container(part),
        image=image.image_id,
        holder=holder.id,
        volume=config.name,
        files=files,
        drain=settings.drain_timeout,
        docker=edge.docker,
        # Of an nginx that stays, its tag may have been moved, or tried in vain with another image.
        opts=scope.options(depends_on=[holder], ignore_changes=scope.keep(part, ["image"])),
    )
    nginx = docker.Container(
        part,
        docker.ContainerArgs(
            name=scope.container(part),
            image=image.image_id,
            entrypoints=["sh", "-e", START],
            uploads=[
                docker.ContainerUploadArgs(file=path, content=text) for path, text in files.items()
            ],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=config.name, container_path=CONFIG_FOLDER)
            ],
            tmpfs=IN_MEMORY,
            network_mode=pulumi.Output.concat("container:", holder.id),
            ipc_mode=pulumi.Output.concat("container:", holder.id),
            stop_signal="SIGQUIT",  # nginx's own word for: finish what you serve
            destroy_grace_seconds=settings.drain_timeout,
            **container_options(scope),
        ),
        opts=scope.options(
            provider=there,
            depends_on=[before],
            delete_before_replace=True,  # two containers cannot share a name
            ignore_changes=scope.keep(part, OWN_CONTAINER),
        ),
    )
    return Relieved(
        f"{part}-relieved",
        relieves=scope.container(part),
        nginx=nginx.id,
        holder=holder.id,
        drain=settings.drain_timeout,
        docker=edge.docker,
        opts=scope.options(depends_on=[nginx]),
    )


def _make_holder(
    scope: Scope,
    edge: Edge,
    image: docker.RemoteImage,
    config: docker.Volume,
    network: docker.Network,
    there: docker.Provider | None,
) -> docker.Container:
    """What owns the edge's ports: it lives for as long as these stay as they are."""
    settings, part = scope.settings, holder_of(edge.part)
    return docker.Container(
        part,
        docker.ContainerArgs(
            name=scope.container(part),
            image=image.image_id,
            entrypoints=["sh", "-e", "-c", hold_ports()],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=config.name, container_path=CONFIG_FOLDER)
            ],
            tmpfs=IN_MEMORY,
            ports=published(
                (80, edge.http_port, edge.http_address),
                (443, settings.https_port, edge.http_address),
                (8081, settings.preview_port, settings.direct_address),
            ),
            # What waits on a socket goes over to another one when its nginx leaves (Linux 5.14).
            sysctls={"net.ipv4.tcp_migrate_req": "1"} if _migrates(scope, edge) else None,
            ipc_mode="shareable",
            network_mode=network.name,
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(
                    name=network.name, aliases=[scope.container(edge.part)]
                )
            ],
            **container_options(scope),
        ),
        opts=scope.options(
            provider=there,
            delete_before_replace=True,  # two containers cannot share a name or a port
            ignore_changes=list(dict.fromkeys([*OWN_HOLDER, *scope.keep(part, OWN_CONTAINER)])),
        ),
    )


def _migrates(scope: Scope, edge: Edge) -> bool:
    """Whether the kernel hands over what waits on a socket; only asked for a holder to be made."""
    if holder_of(edge.part) in scope.unchanged:
        return True
    return kernel_of(edge.docker) >= HANDS_OVER


def service_config(scope: Scope, live: Color) -> str:
    """What nginx in the edges runs of the service when this color is live."""
    return render(scope.settings, live, scope.name, scope.root, scope.platform.upstream)


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
    """What every color's container has in common; it also carries these labels."""
    shared = scope.settings.shared
    names: list[pulumi.Input[str]] = [network.name, *([shared.name] if shared else [])]
    return {
        "network_mode": network.name,  # set, as the provider reads it back and would see a change
        "networks_advanced": [docker.ContainerNetworksAdvancedArgs(name=each) for each in names],
        **container_options(scope, more),
    }


def container_options(
    scope: Scope, more: Mapping[str, pulumi.Input[str]] | None = None
) -> dict[str, Any]:
    """What every container of the stack has in common; it also carries these labels."""
    labels = {**scope.labels(), **(more or {})}
    return {
        "labels": [docker.ContainerLabelArgs(label=k, value=v) for k, v in labels.items()],
        "restart": "unless-stopped",
        "log_driver": "json-file",
        "log_opts": LOG_LIMITS,
    }


def published(*ports: tuple[int, int, str]) -> list[docker.ContainerPortArgs] | None:
    """Ports from (internal, external, address of the host); an external 0 is none."""
    return [
        docker.ContainerPortArgs(internal=internal, external=external, ip=address)
        for internal, external, address in ports
        if external
    ] or None

"""What runs in Docker: the edge, a color, and what they need. One function makes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker

from bluegreen.config import defaults
from bluegreen.config.images import built_name, image_reference
from bluegreen.config.settings import Color, Edge, Settings
from bluegreen.data.environment import environment, is_secret
from bluegreen.data.names import copy_of, data_of, snapshots_of
from bluegreen.docker.facts import COPY_LABEL, FINGERPRINT_LABEL, LABEL, STACK_LABEL
from bluegreen.edge.follow import start_with_peers
from bluegreen.edge.render import START_SCRIPT
from bluegreen.edge.state import BOOTSTRAP, CONFIG_FOLDER, WAITING
from bluegreen.edge.templates import TEMPLATES

LOG_LIMITS = {"max-size": "10m", "max-file": "3"}
EDGE_STOP_GRACE = 10
# A volume that is there already is taken as it is, with whatever driver or disk it was made for:
# what the provider reads back of these would else replace it, and the edge with it.
OWN_VOLUME = ["driver", "driverOpts", "labels"]
# What would replace a container, or is told by Docker otherwise than it was said.
OWN_CONTAINER = (
    "image command entrypoints envs uploads volumes ports memory memorySwap cpus user labels "
    "networkMode networksAdvanced restart logDriver logOpts stopSignal"
).split()
OWN_IMAGE = ["name", "build"]


@dataclass(frozen=True)
class Scope:
    """What all parts of one service share.

    Attributes:
        name: prefix of everything made in Docker; unique on the host.
        settings: the stack's settings.
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


def make_network(scope: Scope) -> docker.Network:
    """The stack's own network, on which the edge finds the colors by name."""
    subnet = scope.settings.subnet
    return docker.Network(
        "network",
        name=scope.name,
        ipam_configs=[docker.NetworkIpamConfigArgs(subnet=subnet)] if subnet else None,
        labels=[docker.NetworkLabelArgs(label=k, value=v) for k, v in scope.labels().items()],
        opts=scope.options(ignore_changes=["labels"]),
    )


def make_data_volume(scope: Scope) -> docker.Volume | None:
    """The colors' shared data: no update deletes it, nor does `pulumi destroy`."""
    if not scope.settings.data_path or scope.settings.swarm:  # no volume is on several nodes
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


def make_image(scope: Scope, color: Color) -> docker.RemoteImage:
    """The color's image: built, or taken as it is when local, or pulled."""
    build, version = scope.settings.build, scope.settings.versions[color]
    opts = scope.options(ignore_changes=scope.keep(color, OWN_IMAGE))
    if not build:
        again = scope.image if color == scope.settings.active_color else ""
        return docker.RemoteImage(
            f"image-{color}",
            name=again or image_reference(scope.settings.image, version),
            keep_locally=True,  # other stacks on this host may use it too
            opts=opts,
        )
    return docker.RemoteImage(
        f"image-{color}",
        name=built_name(scope.name, scope.settings, color, scope.root),
        build=docker.RemoteImageBuildArgs(
            context=build.context,
            dockerfile=build.dockerfile,
            build_args={**build.args, build.version_arg: version},
            label={LABEL: scope.name},
        ),
        # Nobody else's: it goes after the container that ran it.
        keep_locally=not scope.settings.prune,
        opts=opts,
    )


def make_edge(scope: Scope, edge: Edge, network: docker.Network) -> docker.Container:
    """An edge. What may change in its life comes through the switch, into its volume."""
    settings, part = scope.settings, edge.part
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
    pages = {BOOTSTRAP: "bootstrap.conf"} | ({WAITING: "waiting.conf"} if settings.swarm else {})
    start = start_with_peers(scope.container(part)) if settings.swarm else START_SCRIPT
    return docker.Container(
        part,
        docker.ContainerArgs(
            name=scope.container(part),
            image=image.image_id,
            entrypoints=["sh", "-ec", start],
            uploads=[
                docker.ContainerUploadArgs(file=path, content=(TEMPLATES / page).read_text())
                for path, page in pages.items()
            ],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=config.name, container_path=CONFIG_FOLDER)
            ],
            ports=_ports(
                (80, edge.http_port, edge.http_address),
                (8081, settings.preview_port, settings.direct_address),
            ),
            stop_signal="SIGQUIT",  # nginx's own word for: finish what you serve
            destroy_grace_seconds=EDGE_STOP_GRACE,
            **_common(scope, network),
        ),
        opts=scope.options(
            provider=there,
            delete_before_replace=True,  # two containers cannot share a name or a port
            # A later version's start script or first page is no reason to replace it.
            ignore_changes=["uploads", "entrypoints", *scope.keep(part, OWN_CONTAINER)],
        ),
    )


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


def make_color(
    scope: Scope,
    color: Color,
    image: docker.RemoteImage,
    network: docker.Network,
    data: docker.Volume | None,
    after: pulumi.Resource | None = None,
) -> Made:
    """A color's container; `after` is what must be done before it may be touched."""
    settings, ini, copy = scope.settings, scope.settings.grafana_ini, scope.copies[color]
    uploads = [(defaults.INI_TARGET, (scope.root / ini).read_text())] if ini else []
    volume = copy_of(scope.name, copy) if copy and not settings.database_url else None
    volumes = [(volume or data.name, settings.data_path)] if data else []
    labels: dict[str, pulumi.Input[str]] = {FINGERPRINT_LABEL: scope.made_of[color]}
    labels |= {COPY_LABEL: copy} if copy else {}
    limits = settings.limits
    container = docker.Container(
        color,
        docker.ContainerArgs(
            name=scope.container(color),
            image=image.image_id,
            command=list(settings.command) or None,
            envs=_envs(settings, copy),
            uploads=[docker.ContainerUploadArgs(file=f, content=text) for f, text in uploads],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=name, container_path=path)
                for name, path in volumes
            ],
            ports=_ports((settings.port, settings.direct_ports[color], settings.direct_address)),
            memory=limits.memory or None,
            # Docker's own default, said aloud: the provider would see it as a change.
            memory_swap=2 * limits.memory or None,
            cpus=f"{limits.cpus:g}" if limits.cpus else None,
            user=settings.user or None,
            destroy_grace_seconds=settings.stop_grace,
            **_common(
                scope,
                network,
                # What the guard knows it by when an update died before its outputs were kept.
                labels,
            ),
        ),
        opts=scope.options(
            delete_before_replace=True,
            depends_on=[after] if after else None,
            ignore_changes=scope.keep(color, OWN_CONTAINER),
        ),
    )
    return Made(container, container.id, container.image)


def _common(
    scope: Scope, network: docker.Network, more: Mapping[str, pulumi.Input[str]] | None = None
) -> dict[str, Any]:
    labels = {**scope.labels(), **(more or {})}
    return {
        "labels": [docker.ContainerLabelArgs(label=k, value=v) for k, v in labels.items()],
        "network_mode": network.name,  # set, as the provider reads it back and would see a change
        "networks_advanced": [docker.ContainerNetworksAdvancedArgs(name=network.name)],
        "restart": "unless-stopped",
        "log_driver": "json-file",  # the switch reads users' requests from the edge's log
        "log_opts": LOG_LIMITS,
    }


def _envs(settings: Settings, copy: str) -> list[pulumi.Input[str]]:
    pairs = [f"{key}={value}" for key, value in sorted(environment(settings, copy).items())]
    if is_secret(settings):
        return [pulumi.Output.secret(pair) for pair in pairs]
    return list(pairs)


def _ports(*ports: tuple[int, int, str]) -> list[docker.ContainerPortArgs] | None:
    return [
        docker.ContainerPortArgs(internal=internal, external=external, ip=address)
        for internal, external, address in ports
        if external
    ] or None

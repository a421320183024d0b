"""A color's container, with its image and network. One function makes one thing."""

import pulumi
import pulumi_docker as docker

from bluegreen.config import defaults
from bluegreen.config.images import built_name, image_reference
from bluegreen.config.settings import Color
from bluegreen.data import modes
from bluegreen.data.environment import is_secret
from bluegreen.data.names import data_of
from bluegreen.docker.facts import COPY_LABEL, FINGERPRINT_LABEL, LABEL
from bluegreen.platforms.common import Made, Scope, common_options, published
from bluegreen.platforms.own import OWN_CONTAINER, OWN_IMAGE


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
    volume = modes.of(settings).volume(scope.name, copy)
    mounted = data.name if data and volume == data_of(scope.name) else volume
    volumes = [(mounted, settings.data_path)] if data else []
    labels: dict[str, pulumi.Input[str]] = {FINGERPRINT_LABEL: scope.made_of[color]}
    labels |= {COPY_LABEL: copy} if copy else {}
    limits = settings.limits
    container = docker.Container(
        color,
        docker.ContainerArgs(
            name=scope.container(color),
            image=image.image_id,
            command=list(settings.command) or None,
            envs=_envs(scope, copy),
            uploads=[docker.ContainerUploadArgs(file=f, content=text) for f, text in uploads],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=name, container_path=path)
                for name, path in volumes
            ],
            ports=published((settings.port, settings.direct_ports[color], settings.direct_address)),
            memory=limits.memory or None,
            # Docker's own default, said aloud: the provider would see it as a change.
            memory_swap=2 * limits.memory or None,
            cpus=f"{limits.cpus:g}" if limits.cpus else None,
            ulimits=[
                docker.ContainerUlimitArgs(name="nofile", soft=limits.files, hard=limits.files)
            ]
            if limits.files
            else None,
            user=settings.user or None,
            destroy_grace_seconds=settings.stop_grace,
            **common_options(
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


def _envs(scope: Scope, copy: str) -> list[pulumi.Input[str]]:
    given = scope.platform.environment(scope.settings, copy)
    pairs = [f"{key}={value}" for key, value in sorted(given.items())]
    if is_secret(scope.settings):
        return [pulumi.Output.secret(pair) for pair in pairs]
    return list(pairs)

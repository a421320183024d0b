"""The edges: nginx in a holder's network, on a Docker each, and what gets certificates for it."""

import pulumi
import pulumi_docker as docker

from bluegreen.config.settings import Edge
from bluegreen.docker.facts import kernel_of
from bluegreen.edge.clients import Listening
from bluegreen.edge.files import HANDS_OVER, edge_files
from bluegreen.edge.scripts import hold_ports
from bluegreen.edge.state import CONFIG_FOLDER, IN_MEMORY, START, holder_of
from bluegreen.platforms.acme import make_acme
from bluegreen.platforms.common import Scope, container_options, published, volume_labels
from bluegreen.platforms.own import OWN_CONTAINER, OWN_HOLDER, OWN_IMAGE, OWN_VOLUME
from bluegreen.platforms.relief import Relief, Relieved


def make_edges(scope: Scope, network: docker.Network) -> list[Relieved]:
    """All that are the stack's own."""
    tls, made = scope.settings.tls, []
    for edge in scope.settings.own_edges:
        there = _provider(scope, edge)
        made.append(_make_edge(scope, edge, network, there))
        if tls and tls.acme:
            make_acme(scope, edge, network, tls.acme, there)
    return made


def _make_edge(
    scope: Scope, edge: Edge, network: docker.Network, there: docker.Provider | None
) -> Relieved:
    """An edge: a holder of its ports, and nginx in its network, which is replaced without a gap.

    What may change in the life of a service comes through the switch, into the volume.
    """
    settings, part, many = scope.settings, edge.part, scope.platform.many_edges
    image = docker.RemoteImage(
        f"image-{part}",
        name=settings.edge_image,
        keep_locally=True,
        opts=scope.options(provider=there, ignore_changes=scope.keep(part, OWN_IMAGE)),
    )
    config = docker.Volume(
        f"{part}-config",
        name=f"{scope.name}-{part}-config",
        labels=volume_labels(scope),
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
        acme=[scope.container(each.acme) for each in settings.edges]
        if shared and settings.tls
        else (),
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

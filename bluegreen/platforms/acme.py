"""What gets certificates by ACME: lego, in a container of the edge's own."""

import pulumi_docker as docker

from bluegreen.config.settings import Acme, Edge
from bluegreen.docker.facts import LABEL
from bluegreen.edge.scripts import ACCOUNT, get_certificates
from bluegreen.edge.state import CONFIG_FOLDER
from bluegreen.platforms.common import Scope, container_options
from bluegreen.platforms.own import OWN_VOLUME

_CA = "/etc/acme-ca.pem"
_SCRIPT = "/bluegreen-acme.sh"


def make_acme(
    scope: Scope,
    edge: Edge,
    network: docker.Network,
    acme: Acme,
    there: docker.Provider | None,
) -> None:
    """Make it. No update deletes account and certificates, nor does `pulumi destroy`.

    Each of several edges has an account and certificates of its own, so that none needs another.
    """
    part, name = edge.acme, scope.container(edge.acme)
    volume = docker.Volume(
        part,
        name=name,
        labels=[docker.VolumeLabelArgs(label=LABEL, value=scope.name)],
        opts=scope.options(retain_on_delete=True, ignore_changes=OWN_VOLUME, provider=there),
    )
    image = docker.RemoteImage(
        f"image-{part}",
        name=acme.image,
        keep_locally=True,
        opts=scope.options(provider=there),
    )
    files = {_SCRIPT: get_certificates(acme.email, acme.server)}
    files |= {_CA: acme.ca} if acme.ca else {}
    mounts = {name: ACCOUNT, f"{scope.container(edge.part)}-config": CONFIG_FOLDER}
    docker.Container(
        part,
        docker.ContainerArgs(
            name=name,
            image=image.image_id,
            entrypoints=["sh", "-e", _SCRIPT],
            envs=[f"LEGO_CA_CERTIFICATES={_CA}"] if acme.ca else None,
            uploads=[
                docker.ContainerUploadArgs(file=path, content=text) for path, text in files.items()
            ],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=mounted, container_path=path)
                for mounted, path in mounts.items()
            ],
            network_mode=network.name,
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
            **container_options(scope),
        ),
        opts=scope.options(delete_before_replace=True, depends_on=[volume], provider=there),
    )

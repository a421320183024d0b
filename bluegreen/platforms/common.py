"""What all platforms have in Docker: a scope, volumes, options. One function makes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker

from bluegreen.config.settings import Color, Settings
from bluegreen.data.names import data_of, snapshots_of
from bluegreen.docker.facts import LABEL, STACK_LABEL
from bluegreen.edge.render import render
from bluegreen.platforms.own import OWN_VOLUME
from bluegreen.platforms.platform import Platform

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
        labels=volume_labels(scope),
        opts=scope.options(retain_on_delete=True, ignore_changes=OWN_VOLUME),
    )


def make_snapshots_volume(scope: Scope) -> docker.Volume:
    """The snapshots' own volume: no update deletes it, nor does `pulumi destroy`."""
    return docker.Volume(
        "snapshots",
        name=snapshots_of(scope.name),
        labels=volume_labels(scope),
        opts=scope.options(retain_on_delete=True, ignore_changes=OWN_VOLUME),
    )


def volume_labels(scope: Scope) -> list[docker.VolumeLabelArgs]:
    """What a volume carries."""
    return [docker.VolumeLabelArgs(label=k, value=v) for k, v in scope.labels().items()]


def service_config(scope: Scope, live: Color) -> str:
    """What nginx in the edges runs of the service when this color is live."""
    return render(scope.settings, live, scope.name, scope.root, scope.platform.upstream)


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
        docker.ContainerPortArgs(internal=internal, external=external, ip=each)
        for internal, external, address in ports
        if external
        # By itself Docker takes `::` for the IPv6 addresses alone.
        for each in (("0.0.0.0", "::") if address == "::" else (address,))
    ] or None

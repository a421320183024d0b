"""A color as a Swarm service, with what it is made of. One function makes one thing."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_docker as docker

from bluegreen.config import defaults
from bluegreen.config.images import image_of
from bluegreen.config.settings import Color, Limits, Settings
from bluegreen.data.environment import secret_variables
from bluegreen.docker.facts import COPY_LABEL, FINGERPRINT_LABEL
from bluegreen.platforms.common import LOG_LIMITS, Made, Scope
from bluegreen.platforms.swarm.platform import replicas_of
from bluegreen.platforms.swarm.scale import Scale

RESTART_DELAY = "1s"
SECRETS_FOLDER = "/run/secrets"
MB = 1 << 20
LONGEST_NAME = 64  # of a secret or config
NAME_ROUNDS = 50_000  # some 20 ms
# An idle color is made anew all at once, and what becomes of it is the gate's to say.
AT_ONCE: dict[str, Any] = {
    "parallelism": 0,
    "order": "stop-first",
    "failure_action": "pause",
    "monitor": "5s",
    "delay": "0s",
    "max_failure_ratio": "0.0",
}


def make_overlay(scope: Scope) -> docker.Network:
    """The stack's network over all nodes; attachable, as the edges are plain containers on it."""
    subnet = scope.settings.subnet
    return docker.Network(
        "network",
        name=scope.name,
        driver="overlay",
        attachable=True,
        ipam_configs=[docker.NetworkIpamConfigArgs(subnet=subnet)] if subnet else None,
        labels=[docker.NetworkLabelArgs(label=k, value=v) for k, v in scope.labels().items()],
        opts=scope.options(ignore_changes=["labels"]),
    )


def make_replicas(
    scope: Scope, color: Color, network: docker.Network, after: pulumi.Resource | None = None
) -> Made:
    """A color's replicas; `after` is what must be done before they may be touched."""
    settings = scope.settings
    assert settings.swarm
    copy = scope.copies[color]
    plain, secret = _variables(settings, scope.platform.environment(settings, copy))
    labels = scope.labels() | {FINGERPRINT_LABEL: scope.made_of[color]}
    labels |= {COPY_LABEL: copy} if copy else {}
    placement, shared = settings.swarm.placement, settings.shared
    networks: list[pulumi.Input[str]] = [network.id, *([shared.network] if shared else [])]
    service = docker.Service(
        color,
        name=scope.container(color),
        labels=[
            docker.ServiceLabelArgs(label=label, value=value) for label, value in labels.items()
        ],
        mode=docker.ServiceModeArgs(
            replicated=docker.ServiceModeReplicatedArgs(replicas=replicas_of(settings, color))
        ),
        # Names lead to the replicas themselves: nginx spreads requests over them, and sees each.
        endpoint_spec=docker.ServiceEndpointSpecArgs(mode="dnsrr"),
        task_spec=docker.ServiceTaskSpecArgs(
            container_spec=docker.ServiceTaskSpecContainerSpecArgs(
                image=image_of(scope.name, settings, color, scope.root),
                args=list(settings.command) or None,
                env=plain,
                user=settings.user or None,
                stop_grace_period=f"{settings.stop_grace}s",
                secrets=[_make_secret(scope, color, *pair) for pair in sorted(secret.items())],
                configs=_make_configs(scope, color),
            ),
            networks_advanceds=[
                docker.ServiceTaskSpecNetworksAdvancedArgs(id=each) for each in networks
            ],
            log_driver=docker.ServiceTaskSpecLogDriverArgs(name="json-file", options=LOG_LIMITS),
            placement=docker.ServiceTaskSpecPlacementArgs(
                constraints=list(placement.constraints),
                prefs=[f"spread={label}" for label in placement.spread],
                max_replicas=placement.max_per_node or None,
            ),
            resources=_resources(settings.limits, settings.swarm.reservations),
            restart_policy=docker.ServiceTaskSpecRestartPolicyArgs(
                condition="any", delay=RESTART_DELAY, max_attempts=0, window="0s"
            ),
        ),
        update_config=docker.ServiceUpdateConfigArgs(**AT_ONCE),
        rollback_config=docker.ServiceRollbackConfigArgs(**AT_ONCE),
        opts=scope.options(
            delete_before_replace=True,
            depends_on=[after] if after else None,
            ignore_changes=["mode", *scope.keep(color, ["labels"])],  # scale.py says why
        ),
    )
    # A service stays the same when its replicas are made anew.
    identity = pulumi.Output.concat(service.id, " ", scope.made_of[color])
    scale = Scale(
        f"scale-{color}",
        service=scope.container(color),
        service_id=identity,
        replicas=replicas_of(settings, color),
        docker=settings.docker,
        opts=scope.options(),
    )
    return Made(scale, identity)


def _variables(
    settings: Settings, all_: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The environment in plain words, and what is told by files since it is secret.

    Whoever may look at a service sees its environment, so a secret one goes into Swarm secrets:
    NAME becomes NAME__FILE for Grafana's own variables, NAME_FILE (the usual form) for others.
    """
    secret = {name: all_[name] for name in secret_variables(settings)}
    files = {
        f"{name}{'__FILE' if name.startswith('GF_') else '_FILE'}": f"{SECRETS_FOLDER}/{name}"
        for name in secret
    }
    return {name: v for name, v in all_.items() if name not in secret} | files, secret


def _make_secret(
    scope: Scope, color: Color, name: str, value: str
) -> docker.ServiceTaskSpecContainerSpecSecretArgs:
    made = docker.Secret(
        f"secret-{color}-{name}",
        # A secret never changes: another value is another one, of another name.
        name=_name_by_content(scope.container(color), name, value),
        data=pulumi.Output.secret(base64.b64encode(value.encode()).decode()),
        labels=[docker.SecretLabelArgs(label=k, value=v) for k, v in scope.labels().items()],
        opts=scope.options(ignore_changes=["labels"]),
    )
    return docker.ServiceTaskSpecContainerSpecSecretArgs(
        secret_id=made.id, secret_name=made.name, file_name=f"{SECRETS_FOLDER}/{name}"
    )


def _make_configs(
    scope: Scope, color: Color
) -> list[docker.ServiceTaskSpecContainerSpecConfigArgs]:
    ini = scope.settings.grafana_ini
    if not ini:
        return []
    text = (scope.root / ini).read_bytes()
    made = docker.ServiceConfig(
        f"config-{color}",
        name=_name_by_content(scope.container(color), ini, text.decode()),
        data=base64.b64encode(text).decode(),
        labels=[docker.ServiceConfigLabelArgs(label=k, value=v) for k, v in scope.labels().items()],
        opts=scope.options(ignore_changes=["labels"]),
    )
    return [
        docker.ServiceTaskSpecContainerSpecConfigArgs(
            config_id=made.id, config_name=made.name, file_name=defaults.INI_TARGET
        )
    ]


def _name_by_content(container: str, what: str, content: str) -> str:
    """A name that changes with the content, and by which a secret is not soon guessed."""
    salt = f"{container} {what}".encode()
    digest = hashlib.pbkdf2_hmac("sha256", content.encode(), salt, NAME_ROUNDS).hex()
    return f"{container[: LONGEST_NAME - 13]}-{digest[:12]}"


def _resources(limits: Limits, reserved: Limits) -> docker.ServiceTaskSpecResourcesArgs | None:
    if limits == reserved == Limits(0, 0):
        return None
    return docker.ServiceTaskSpecResourcesArgs(
        limits=docker.ServiceTaskSpecResourcesLimitsArgs(
            memory_bytes=limits.memory * MB, nano_cpus=round(limits.cpus * 1e9)
        ),
        reservation=docker.ServiceTaskSpecResourcesReservationArgs(
            memory_bytes=reserved.memory * MB, nano_cpus=round(reserved.cpus * 1e9)
        ),
    )

"""How many replicas a service has: a Pulumi resource of its own, apart from the service.

A change of a service through the Docker provider sends all of it, its environment in an order that
differs from time to time (a Go map's), and the Swarm then makes every replica anew. A mere change
of their number must not touch those that serve, so it is the Swarm that is told, and that alone.
"""

from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import ask
from bluegreen.errors import GateFailed
from bluegreen.platforms.dynamic import Provider


class ScaleProvider(Provider):
    """Tells the Swarm; the gate then sees to it that all of them come up."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Scale for another number or service, and when there are fewer than there should be.

        More than that is somebody's wish: an autoscaler's, say.
        """
        changed = any(_olds.get(key) != _news.get(key) for key in ("service_id", "replicas"))
        return DiffResult(changes=changed or _is_short(_news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Scale a service that is new."""
        return CreateResult(id_=props["service"], outs=_scale(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Scale it to another number, or one that was made anew to the same."""
        return UpdateResult(outs=_scale(_news))


def _is_short(props: dict[str, Any]) -> bool:
    shape = "{{.Spec.Mode.Replicated.Replicas}}"
    words = ("service", "inspect", "--format", shape, props["service"])
    done = ask(Docker(**props["docker"]), *words)
    return done.returncode == 0 and int(done.stdout) < int(props["replicas"])


def _scale(props: dict[str, Any]) -> dict[str, Any]:
    service, replicas = props["service"], int(props["replicas"])
    docker = Docker(**props["docker"])
    done = ask(docker, "service", "scale", "--detach", f"{service}={replicas}")
    if done.returncode:
        raise GateFailed(
            f"{service} could not be scaled to {replicas} replicas: {done.stderr.strip()}. Nothing "
            "was switched: what served before keeps serving. Next: fix the problem above and run "
            "`pulumi up` again."
        )
    return props


class Scale(Resource, module="bluegreen", name="Scale"):
    """Done when the Swarm has been told; `replicas` then run, or will."""

    def __init__(
        self,
        name: str,
        *,
        service: str,
        service_id: pulumi.Input[str],
        replicas: int,
        docker: Docker,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare it.

        Args:
            name: of the resource.
            service: the Swarm service's name.
            service_id: its id, and what it is made of; another one is scaled anew.
            replicas: how many.
            docker: a manager of the Swarm.
            opts: resource options.
        """
        inputs: dict[str, Any] = {
            "service": service,
            "service_id": service_id,
            "replicas": replicas,
            "docker": asdict(docker),
        }
        super().__init__(ScaleProvider(), name, inputs, opts)

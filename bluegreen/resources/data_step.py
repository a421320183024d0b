"""The data step: a Pulumi resource that copies or checks the data before the target starts.

Its outputs say which writes wait for the switch; what is of a release that is over stays in the
stack's state, so that an update without a release shows no change.
"""

from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from bluegreen.config.settings import Data, Docker
from bluegreen.platforms.dynamic import Provider

_OUTPUTS = ("hold", "snapshot", "schema", "at", "bytes", "seconds", "before")


class DataStepProvider(Provider):
    """Acts when the update has something to do with the data, and only then."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Run for each release, a repeated one too: what was copied for the last is old."""
        return DiffResult(changes=bool(_news["act"] or _news["changes"]))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Run for the first release."""
        return CreateResult(id_="data-step", outs=_act(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Run for a release."""
        return UpdateResult(outs=_act(_news))


def _act(props: dict[str, Any]) -> dict[str, Any]:
    # Here, as an update that changes nothing need not wait for all this to be loaded.
    from bluegreen.data.acts import act

    return act(props)


class DataStep(Resource, module="bluegreen", name="DataStep"):
    """Done when the data is as the target may have it."""

    hold: pulumi.Output[str]
    before: pulumi.Output[str]
    at: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        act: str,
        changes: bool,
        service: str,
        target: str,
        copy: str,
        live: dict[str, str],
        edge: pulumi.Input[str],
        data: Data,
        database_url: str,
        docker: Docker,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare the step.

        Args:
            name: of the resource.
            act: snapshot, clone or check; "" = nothing to do before the target starts.
            changes: whether the target runs on other data than users have now.
            service: prefix of everything the stack makes in Docker.
            target: the color to be live.
            copy: of the data, that it runs on.
            live: {color, version, copy} of what serves; empty values before the first release.
            edge: name of the edge's container, in which writes are held back.
            data: the stack's settings of its data.
            database_url: of an external database; "" without.
            docker: which daemon.
            opts: resource options.
        """
        settings = {key: value for key, value in asdict(data).items() if key != "reads"}
        inputs: dict[str, Any] = {
            "act": act,
            "changes": changes,
            "service": service,
            "target": target,
            "copy": copy,
            "live": live,
            "edge": edge,
            "data": settings,
            "database_url": pulumi.Output.secret(database_url) if database_url else "",
            "docker": asdict(docker),
        }
        opts.additional_secret_outputs = ["database_url"] if database_url else None
        super().__init__(DataStepProvider(), name, inputs | dict.fromkeys(_OUTPUTS), opts)

"""An edge that services of other stacks share: one component."""

from pathlib import Path

import pulumi

from bluegreen.config.urls import edge_urls
from bluegreen.plan.edge import EdgePlan
from bluegreen.plan.shared import outputs_of
from bluegreen.platforms import of
from bluegreen.platforms.common import Scope
from bluegreen.platforms.edges import make_edges
from bluegreen.resources.guest import LastOne
from bluegreen.resources.identity import Identity
from bluegreen.resources.interrupt import end_quietly


class SharedEdge(pulumi.ComponentResource):
    """nginx on the public ports, for services that have stacks of their own.

    Attributes:
        urls: where each edge is reached, by its name.
        identity: the stack's id, and its key.
        told: what the stacks of services need to know of it.
    """

    def __init__(
        self, plan: EdgePlan, root: Path, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the edge.

        Args:
            plan: the update, which the guard has let pass.
            root: the project's folder.
            opts: resource options.
        """
        end_quietly()
        name, settings = plan.situation.name, plan.settings
        super().__init__("bluegreen:index:Edge", name, None, opts)
        self.identity = Identity("identity", pulumi.ResourceOptions(parent=self))
        platform = of(settings)
        scope = Scope(
            name, settings, platform, root, self, {}, {}, self.identity.id, plan.unchanged, ""
        )
        network = platform.make_network(scope)
        edges = make_edges(scope, network)
        places = settings.places(name)
        LastOne("last-one", name, places, scope.options(depends_on=edges))
        self.urls = edge_urls(settings)
        self.told = outputs_of(settings, name, network.id, [edge.holder for edge in edges])
        self.register_outputs({"urls": self.urls})

"""An update as it is planned: what it will make, leave alone and say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bluegreen.config.settings import Settings
from bluegreen.data.plan import DataPlan
from bluegreen.plan.fingerprint import Fingerprint
from bluegreen.plan.pins import Image
from bluegreen.plan.situation import Pin, Situation


@dataclass(frozen=True)
class Plan:
    """An update that the guard lets pass.

    Attributes:
        settings: the stack's, as this update can have them.
        situation: what was there before.
        made_of: what each part will be made of.
        unchanged: the parts that Pulumi must leave as they are, whatever it reads of them.
        image: what the target runs.
        pins: the images of colors that this update does not declare.
        data: what becomes of the data.
        drift: how what nginx serves differs from the stack's outputs; "" when it does not.
        words: the update in words; "" when it releases and scales nothing, and nothing is gone.
        adopted: by color, the fingerprint in the label of a container that was there before the
            state was rebuilt: nobody has the key any more that it was made with.
        gone_standby: the color that the last update kept on standby, config still wants there, and
            Docker has not; "" without.
    """

    settings: Settings
    situation: Situation
    made_of: Mapping[str, Fingerprint]
    unchanged: frozenset[str]
    image: Image
    data: DataPlan
    drift: str
    words: str
    pins: Mapping[str, Pin] = field(default_factory=dict)
    adopted: Mapping[str, str] = field(default_factory=dict)
    gone_standby: str = ""

    @property
    def serves(self) -> dict[str, str]:
        """{color, version} of what is live before the update; empty values when nothing is."""
        edge = self.situation.edge
        return {"color": self.situation.live, "version": edge.version if edge else ""}

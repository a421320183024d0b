"""The data step: from a resource's plain inputs to what the data's mode does, and back."""

import time
from typing import Any

from bluegreen.config.settings import Data, Docker
from bluegreen.data import modes
from bluegreen.data.modes.mode import Ground, Job
from bluegreen.edge.state import TRIAL_HOLD
from bluegreen.errors import BluegreenError, DataFailed


def act(props: dict[str, Any]) -> dict[str, Any]:
    """Do it; return the resource's outputs.

    Raises:
        DataFailed: it could not be done; nothing was released.
    """
    live = props["live"]
    # Pulumi knows one kind of number.
    data = Data(**props["data"] | {"keep": int(props["data"]["keep"]), "reads": ()})
    mode = modes.on(Ground(data, props["database_url"], docker=Docker(**props["docker"])))
    job = Job(
        service=props["service"],
        act=props["act"],
        changes=props["changes"],
        target=props["target"],
        copy=props["copy"],
        live=live,
        edge=props["edge"],
    )
    # What a stack puts out is never left out: a preview would call it unknown, and a change.
    before = live["copy"] if job.changes else job.copy
    outputs: dict[str, Any] = {"before": before, "at": ""}
    # Until a switch to other data is confirmed, what is written to the target would be lost if
    # it went back. A clone's hold begins with the copy, and is in its own outputs.
    outputs["hold"] = TRIAL_HOLD if job.changes else ""
    begun = time.monotonic()
    try:
        if job.act or job.changes:
            outputs |= mode.act(job)
            outputs["seconds"] = round(time.monotonic() - begun, 3)
    except BluegreenError as error:
        still = f"{live['color']} {live['version']} keeps serving"
        serves = still if live["color"] else "no color is live"
        raise DataFailed(
            f"{mode.doing} failed: {error}. Nothing was released: {serves}, and "
            f"{job.target} was not started. Next: fix the problem above and run `pulumi up` again, "
            "or revert active_color and your other changes."
        ) from error
    return props | outputs

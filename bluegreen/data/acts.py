"""What the data step does: a snapshot, a clone, or a look at the database."""

import sys
import time
from typing import Any

from bluegreen.config.database import Database
from bluegreen.config.settings import Data, Docker
from bluegreen.data import tools
from bluegreen.data.client import Client
from bluegreen.data.dumps import take_dump
from bluegreen.data.names import copy_of, step_of
from bluegreen.data.snapshots import RELEASE, Store
from bluegreen.edge.hold import Hold
from bluegreen.edge.state import TRIAL_HOLD
from bluegreen.errors import BluegreenError, DataFailed

# Kept for as long as the provider's process lives, which is until the update's end: a release
# that is killed lets writes through again.
_holds: list[Hold] = []

WHAT = {
    "snapshot": "the snapshot before the release",
    "clone": "the copy of the data for the target",
    "check": "the check of the database before the release",
}


def act(props: dict[str, Any]) -> dict[str, Any]:
    """Do it; return the resource's outputs.

    Raises:
        DataFailed: it could not be done; nothing was released.
    """
    acts = {"snapshot": _snapshot, "clone": _clone, "check": _check}
    docker, live = Docker(**props["docker"]), props["live"]
    props["data"]["keep"] = int(props["data"]["keep"])  # Pulumi knows one kind of number
    outputs: dict[str, Any] = {"before": live["copy"] if props["changes"] else props["copy"]}
    if props["changes"] and props["act"] != "clone":
        outputs["hold"] = TRIAL_HOLD
    begun = time.monotonic()
    try:
        if props["act"]:
            outputs |= acts[props["act"]](props, docker)
            outputs["seconds"] = round(time.monotonic() - begun, 3)
    except BluegreenError as error:
        still = f"{live['color']} {live['version']} still serves"
        serves = still if live["color"] else "no color is live"
        raise DataFailed(
            f"{WHAT[props['act']]} failed: {error}. Nothing was released: {serves}, and "
            f"{props['target']} was not started. Next: mend what is named here and run "
            "`pulumi up` again, or take the change back (active_color and what changed with it)."
        ) from error
    return props | {"hold": ""} | outputs


def _snapshot(props: dict[str, Any], docker: Docker) -> dict[str, Any]:
    service, live, data = props["service"], props["live"], props["data"]
    taken = Store(docker, data["tools_image"], service).take(
        copy_of(service, live["copy"]),
        live["color"],
        live["version"],
        reason=RELEASE,
        keep=data["keep"],
        name=step_of(service),
    )
    _tell(f"snapshot {taken.id}: {taken.bytes / 1e6:,.1f} MB in {taken.seconds:.1f} s")
    return {"snapshot": taken.id, "schema": taken.schema, "bytes": taken.bytes}


def _clone(props: dict[str, Any], docker: Docker) -> dict[str, Any]:
    service, live, data = props["service"], props["live"], props["data"]
    source, target = copy_of(service, live["copy"]), copy_of(service, props["copy"])
    tools.make_volume(docker, target, service, cloned=source)
    hold = Hold(props["edge"], docker) if data["block_writes"] else None
    try:
        done = tools.run_inside(
            docker,
            data["tools_image"],
            "clone",
            {},
            {"/data": source, "/target": target},
            service=service,
            name=step_of(service),
        )
    except BaseException:
        if hold:
            hold.let_go()
        raise
    if hold:
        _holds.append(hold)
    _tell(f"copy {props['copy']}: {done['bytes'] / 1e6:,.1f} MB in {done['seconds']:.1f} s")
    return {"hold": hold.token if hold else "", **done}


def _check(props: dict[str, Any], docker: Docker) -> dict[str, Any]:
    service, live, data = props["service"], props["live"], props["data"]
    image = data["client_image"]
    database = Database.from_url(props["database_url"])
    schema = Client(database.copy(props["copy"]), docker, image, service).check()
    _tell(f"{database.copy(props['copy']).where} answers")
    if not (data["dump"] and live["color"]):
        return {"schema": schema}
    settings = Data(**data, reads=())
    taken = take_dump(docker, settings, service, database.copy(live["copy"]), live, reason=RELEASE)
    _tell(f"dump {taken.id}: {taken.bytes / 1e6:,.1f} MB in {taken.seconds:.1f} s")
    return {"schema": schema, "snapshot": taken.id, "bytes": taken.bytes}


def _tell(text: str) -> None:
    print(f"data: {text}", file=sys.stderr, flush=True)  # the engine shows it

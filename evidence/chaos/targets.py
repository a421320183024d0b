"""A target that is no good: each way is seen by gate or bake, and the old color serves on."""

import socket
from typing import Any

from evidence.chaos.fault import Scene, fault
from evidence.lab.host import free_ports, pid_of
from evidence.lab.processes import kill

# Megabytes: enough for the container to be made, too little for Python to come up in it.
TOO_LITTLE = 12


def bad_target(name: str, says: str, since: str, *, long: bool = True, **config: Any) -> None:
    """Enter a fault that the target's config makes; it strikes at this boundary."""

    def act(scene: Scene) -> None:
        scene.configure(**config)
        scene.release.wait_for(since)
        scene.strike()

    fault(name, says=says, long=long)(act)


IMPATIENT = {"interval": 0.1, "timeout": 4}

bad_target(
    "the target is OOM-killed",
    "using too much memory",
    "create target begun",
    long=False,
    limits={"memory": TOO_LITTLE},
)
bad_target(
    "the target exits when it starts",
    "its container exited",
    "create target begun",
    env={"STANDIN_EXIT_AFTER": "0"},
)
for _what, _env in (
    ("hangs", {"STANDIN_HEALTH": "hang"}),
    ("flaps", {"STANDIN_HEALTH": "flap"}),
    ("is too slow", {"STANDIN_BOOT_SECONDS": "30"}),
):
    bad_target(
        f"the target {_what}",
        "did not pass the health gate",
        "update gate begun",
        env=_env,
        health=IMPATIENT,
    )


@fault("the target is slow to start and slow to answer, but in time", ends="done", long=True)
def _slow(scene: Scene) -> None:
    scene.configure_for_good(
        env={"STANDIN_BOOT_SECONDS": "2", "STANDIN_HEALTH": "slow:0.7"},
        health={"interval": 0.1, "timeout": 20},
    )
    scene.release.wait_for("update gate begun")
    scene.strike()


@fault(
    "the new color dies while it bakes",
    says="serves again (proven)",
    spared="users were on it when it died; this is noticed and reverted at once",
    outage=3,
    needs="root",
    long=True,
)
def _dies_baking(scene: Scene) -> None:
    scene.bake(20)
    target = pid_of(scene.container(scene.target))
    scene.strike(lambda: kill([target]))


@fault("the target's port is taken", says="address already in use", long=True)
def _port(scene: Scene) -> None:
    port = take_port(scene)
    scene.configure(**{f"{scene.target}_port": port})
    scene.release.wait_for("create target begun")
    scene.strike()


@fault(
    "the edge's port is taken at the first release",
    says="address already in use",
    first=True,
    long=True,
)
def _edge_port(scene: Scene) -> None:
    scene.configure(http_port=take_port(scene))
    scene.release.wait_for("create edge-holder begun")
    scene.strike()


def take_port(scene: Scene) -> int:
    """Listen on a port until the release is over."""
    port = free_ports(1)[0]
    taken = socket.create_server(("0.0.0.0", port))
    scene.mend(taken.close)
    return port

"""A target that is no good: each way is seen by gate or bake, and the old color serves on."""

import socket

from chaos.fault import Scene, fault
from lab.host import free_ports, pid_of
from lab.processes import kill

# Megabytes: enough for the container to be made, too little for Python to come up in it.
TOO_LITTLE = 12


@fault("the target is OOM-killed", says="using too much memory")
def _oom(scene: Scene) -> None:
    scene.configure(limits={"memory": TOO_LITTLE})
    scene.release.wait_for("create target begun")
    scene.strike()


@fault("the target exits at its start", says="its container exited", long=True)
def _exits(scene: Scene) -> None:
    scene.configure(env={"STANDIN_EXIT_AFTER": "0"})
    scene.release.wait_for("create target begun")
    scene.strike()


@fault("the target hangs", says="did not pass the health gate", long=True)
def _hangs(scene: Scene) -> None:
    scene.configure(env={"STANDIN_HEALTH": "hang"}, health={"interval": 0.1, "timeout": 4})
    scene.release.wait_for("update gate begun")
    scene.strike()


@fault("the target flaps", says="did not pass the health gate", long=True)
def _flaps(scene: Scene) -> None:
    scene.configure(env={"STANDIN_HEALTH": "flap"}, health={"interval": 0.1, "timeout": 4})
    scene.release.wait_for("update gate begun")
    scene.strike()


@fault("the target is slow to start and slow to answer, in time", ends="done", long=True)
def _slow(scene: Scene) -> None:
    scene.configure_for_good(
        env={"STANDIN_BOOT_SECONDS": "2", "STANDIN_HEALTH": "slow:0.7"},
        health={"interval": 0.1, "timeout": 20},
    )
    scene.release.wait_for("update gate begun")
    scene.strike()


@fault("the target is too slow", says="did not pass the health gate", long=True)
def _too_slow(scene: Scene) -> None:
    scene.configure(env={"STANDIN_BOOT_SECONDS": "30"}, health={"interval": 0.1, "timeout": 4})
    scene.release.wait_for("update gate begun")
    scene.strike()


@fault(
    "the new color dies while it bakes",
    says="serves again (proven)",
    spared="users were on it when it died; it is noticed and taken back at once",
    outage=3,
    needs="root",
)
def _dies_baking(scene: Scene) -> None:
    scene.configure(bake={"seconds": 20})
    scene.release.wait_for("baking")
    target = pid_of(scene.container(scene.target))
    scene.strike(lambda: kill([target]))


@fault("the target's port is taken", says="address already in use")
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
    scene.release.wait_for("create edge begun")
    scene.strike()


def take_port(scene: Scene) -> int:
    """Listen on a port until the release is over."""
    port = free_ports(1)[0]
    taken = socket.create_server(("0.0.0.0", port))
    scene.mend(taken.close)
    return port

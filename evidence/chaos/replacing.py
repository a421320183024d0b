"""Faults while nginx is replaced: by a release that changes what nginx is made of, too."""

import os
import signal

from evidence.chaos.fault import Fault, Scene, fault
from evidence.chaos.kills import Length, at_moment, kill_engine
from evidence.lab.host import pid_of
from evidence.lab.processes import wait_for

CONNECTIONS = (8192, 4096)


def replacing(scene: Scene) -> None:
    """Let the release replace nginx, before it is started."""
    now = scene.stack.config.get("max_connections", CONNECTIONS[0])
    scene.stack.configure(max_connections=CONNECTIONS[now == CONNECTIONS[0]])


def in_a_replacement(number: int, of: int, length: Length) -> Fault:
    """Kill -9 of pulumi at this moment of a release that replaces nginx, too."""
    plain = at_moment(number, of, length)

    def act(scene: Scene) -> object:
        replacing(scene)
        return plain.act(scene)

    return Fault(f"{plain.name} of a replacement", act, tool=plain.tool)


def _at(boundary: str) -> None:
    @fault(f"kill -9 of pulumi while nginx is replaced: {boundary}", long=True)
    def _killed(scene: Scene) -> None:
        replacing(scene)
        scene.release.wait_for(boundary)
        scene.strike(lambda: kill_engine(scene))


for _boundary in ("update edge-relief begun", "create-replacement edge begun"):
    _at(_boundary)


def _kill_at(scene: Scene, boundary: str, part: str) -> None:
    """Kill -9 of what a container runs, when the replacement has come to a boundary."""
    replacing(scene)
    scene.release.wait_for(boundary)
    name = scene.container(part)
    scene.strike(lambda: os.kill(pid_of(name), signal.SIGKILL))


@fault(
    "kill -9 of nginx while it is replaced",
    ends="either",
    spared="the kernel closes the connections of that nginx",
    outage=3,
    needs="root",
    long=True,
)
def _nginx(scene: Scene) -> None:
    _kill_at(scene, "update edge-relief done", "edge")


@fault(
    "kill -9 of the relief while nginx is replaced",
    ends="either",
    spared="until the new nginx is up, there is none but what the holder runs",
    outage=12,
    needs="root",
    long=True,
)
def _relief(scene: Scene) -> None:
    _kill_at(scene, "create-replacement edge begun", "edge-relief")


@fault(
    "kill -9 of the holder during the switch",
    ends="either",
    spared="the network and the ports of the edge are gone until Docker has made them again",
    outage=30,
    needs="root",
    long=True,
)
def _holder(scene: Scene) -> None:
    scene.bake(5)
    name = scene.container("edge-holder")
    before = pid_of(name)
    scene.strike(lambda: os.kill(before, signal.SIGKILL))
    wait_for(lambda: pid_of(name) not in (0, before), 30, "the holder, again,")

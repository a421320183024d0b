"""Faults of what serves: nginx, the network's name service, the old color's container."""

import os
import signal

from bluegreen.config.settings import other
from evidence.chaos.fault import Scene, fault
from evidence.lab.host import must, pid_of
from evidence.lab.processes import wait_for

DNS = "127.0.0.11"


@fault(
    "kill -9 of an nginx worker during the switch",
    ends="either",
    spared="the kernel closes the connections of that worker",
    outage=2,
    long=True,
)
def _worker(scene: Scene) -> None:
    scene.bake(5)
    script = "kill -9 $(grep -lsa 'nginx: worker proces[s]' /proc/[0-9]*/cmdline | cut -d/ -f3)"
    scene.strike(lambda: scene.stack.exec_edge(script))


@fault(
    "kill -9 of the nginx master during the switch",
    spared="nginx is down until Docker has restarted its container",
    outage=6,
    needs="root",
)
def _master(scene: Scene) -> None:
    scene.bake(5)
    # From the host: no process is heard inside that wants to kill the first one.
    master = pid_of(scene.container("edge"))
    scene.strike(lambda: os.kill(master, signal.SIGKILL))
    wait_for(lambda: pid_of(scene.container("edge")) not in (0, master), 30, "nginx, again,")


@fault("the live container dies while the target bakes", ends="done", needs="root")
def _live_dies(scene: Scene) -> None:
    scene.bake(5)
    live = pid_of(scene.container(other(scene.target)))
    scene.strike(lambda: os.kill(live, signal.SIGKILL))


@fault(
    "the live container dies before the switch",
    long=True,
    ends="either",
    needs="root",
    spared="nothing else can serve before the target has passed its gate",
    outage=4,
)
def _live_dies_early(scene: Scene) -> None:
    scene.release.wait_for("create target begun")
    live = pid_of(scene.container(other(scene.target)))
    scene.strike(lambda: os.kill(live, signal.SIGKILL))


@fault("DNS of the Docker network fails", needs="root")
def _dns(scene: Scene) -> None:
    edge = pid_of(scene.container("edge"))
    rule = ("-p", "udp", "-d", DNS, "-j", "DROP")
    scene.release.wait_for("create target begun")
    scene.strike(lambda: _in_network_of(edge, "iptables", "-t", "raw", "-I", "OUTPUT", *rule))
    scene.mend(lambda: _in_network_of(edge, "iptables", "-t", "raw", "-D", "OUTPUT", *rule))


def _in_network_of(pid: int, *words: str) -> None:
    must("nsenter", "-t", str(pid), "-n", *words)

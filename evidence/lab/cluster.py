"""A Docker Swarm of several nodes on this one machine, for as long as a block lasts.

Each node is a daemon of its own in namespaces of its own (network, mounts, host name), joined by a
bridge that lives in a further one, the hub. Nothing of it is seen from outside these, so that
nothing stays behind when their last process has ended. A node's published ports are those of
127.0.0.1 inside it; from the hub it is reached by its address.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from evidence.lab.daemons import Daemon
from evidence.lab.host import LabFailed, finish, must
from evidence.lab.processes import MORTAL, kill, wait_for

# A private range of the cluster's own: its namespaces know no other network.
HUB_ADDRESS, NODE_ADDRESS, PREFIX = "10.99.0.254", "10.99.0.{}", 24
# What a daemon or an sshd puts there is a node's own; a docker command finds its daemon there.
_PRIVATE = "mount -t tmpfs tmpfs /run && ln -s {socket} /run/docker.sock"


class Space:
    """Namespaces of one's own, held open by a process that does nothing."""

    def __init__(self, name: str, setup: str = "true") -> None:
        """Make them, and run this script in them."""
        script = f"hostname {name} && ip link set lo up && {setup} && echo ready && exec sleep inf"
        self._keeper = subprocess.Popen(
            [
                *MORTAL,
                *("unshare", "--net", "--uts", "--mount", "--propagation", "private"),
                "sh",
                "-c",
                script,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout
        assert self._keeper.stderr
        if self._keeper.stdout.readline() != "ready\n":
            raise LabFailed(f"no namespaces for {name}: {self._keeper.stderr.read()}")
        self.pid = self._keeper.pid
        self.enter = ("nsenter", "--target", str(self.pid), "--net", "--uts", "--mount")

    def run(self, *command: str) -> str:
        """Run a command in there that must succeed."""
        return must(*self.enter, *command)

    def end(self) -> None:
        """Let them go."""
        self._keeper.kill()
        self._keeper.wait()
        for stream in (self._keeper.stdout, self._keeper.stderr):
            assert stream
            stream.close()


class Node:
    """One node: a daemon in a space of its own."""

    def __init__(self, name: str, number: int, folder: Path, hub: Space) -> None:
        """Make the space and connect it to the hub; the daemon does not run yet."""
        self.name, self.address = name, NODE_ADDRESS.format(number)
        folder.mkdir()
        socket = folder / "docker.sock"
        self.space = Space(name, _PRIVATE.format(socket=socket))
        self.daemon = Daemon(folder, within=self.space.enter)
        self.docker = self.daemon.docker
        self.host = self.daemon.host
        link = f"node{number}"
        must("ip", "link", "add", link, "netns", str(hub.pid), "type", "veth",
             "peer", "name", "eth0", "netns", str(self.space.pid))  # fmt: skip
        hub.run("ip", "link", "set", link, "master", "hub", "up")
        self.space.run("ip", "address", "add", f"{self.address}/{PREFIX}", "dev", "eth0")
        self.space.run("ip", "link", "set", "eth0", "up")
        self._link, self._hub = link, hub

    def cut_off(self) -> None:
        """Pull the cable."""
        self._hub.run("ip", "link", "set", self._link, "down")

    def connect(self) -> None:
        """Put it back."""
        self._hub.run("ip", "link", "set", self._link, "up")

    def end(self) -> None:
        """Stop all of it."""
        try:
            self.daemon.end()
        finally:
            for pid in _inside(self.space.pid):
                kill([pid])
            self.space.end()


def _inside(keeper: int) -> list[int]:
    """The processes in a keeper's network namespace, itself not among them."""
    own = os.readlink(f"/proc/{keeper}/ns/net")
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/net") == own:
                found.append(int(entry))
        except OSError:
            continue
    return [pid for pid in found if pid != keeper]


class Cluster:
    """A Swarm; its first node is the manager."""

    def __init__(self, hub: Space, nodes: Sequence[Node]) -> None:
        self.hub, self.nodes = hub, tuple(nodes)
        self.manager = self.nodes[0]
        # A machine beside them: with their network, and this one's files.
        self.from_hub = ("nsenter", "--target", str(hub.pid), "--net")

    def ready(self) -> bool:
        """Whether the manager takes every node for ready."""
        shape = "{{.Status}}"
        return self.manager.docker("node", "ls", "--format", shape).split() == ["Ready"] * len(
            self.nodes
        )


@contextmanager
def running(images: Sequence[str], nodes: int = 2) -> Iterator[Cluster]:
    """A Swarm with these images of this machine on every node."""
    with ExitStack() as ends:
        folder = Path(tempfile.mkdtemp(prefix="lab-cluster-"))
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        tar = folder / "images.tar"
        for image in images:
            if finish(["docker", "image", "inspect", image]).code:
                must("docker", "pull", "--quiet", image)
        must("docker", "save", "-o", str(tar), *images)
        hub = Space("hub")
        ends.callback(hub.end)
        hub.run("ip", "link", "add", "hub", "type", "bridge")
        hub.run("ip", "address", "add", f"{HUB_ADDRESS}/{PREFIX}", "dev", "hub")
        hub.run("ip", "link", "set", "hub", "up")
        made = []
        for number in range(1, nodes + 1):
            node = Node(f"node-{number}", number, folder / f"node-{number}", hub)
            ends.callback(node.end)
            made.append(node)
        for node in made:
            node.daemon.start()
            node.docker("load", "--quiet", "--input", str(tar))
        tar.unlink()
        first, *others = made
        first.docker("swarm", "init", "--advertise-addr", first.address)
        token = first.docker("swarm", "join-token", "-q", "worker").strip()
        for node in others:
            node.docker(
                *("swarm", "join", "--token", token, "--advertise-addr", node.address),
                f"{first.address}:2377",
            )
        cluster = Cluster(hub, made)
        wait_for(cluster.ready, 30, "a Swarm of which every node is ready")
        yield cluster

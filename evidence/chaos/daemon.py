"""A Docker daemon of one's own, in namespaces of its own: one that may be restarted.

The trial runs in a child process that has left the machine's network and mounts: there the
published ports of this daemon are the ports of 127.0.0.1, and the machine's daemon notices nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bluegreen.config import defaults
from evidence.chaos.rows import Row, read
from evidence.lab.daemons import Daemon
from evidence.lab.host import LabFailed, docker, must
from evidence.lab.stacks import ROOT, VERSIONS

TIMEOUT = 400


def play_apart(name: str) -> Row:
    """Play the fault of this name in a child with a daemon of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-daemon-") as folder:
        result = Path(folder) / "row.json"
        words = [
            sys.executable,
            "-m",
            "evidence.chaos",
            "--apart",
            "--only",
            name,
            "--into",
            str(result),
        ]
        done = subprocess.run(
            ["unshare", "--net", "--mount", "--propagation", "private", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        if not result.exists():
            raise LabFailed(f"the trial apart ended with {done.returncode}: {done.stderr[-2000:]}")
        return read(result)[0]


class PrivateDaemon(Daemon):
    """A dockerd in this process's own namespaces."""

    _running: "PrivateDaemon | None" = None

    @classmethod
    def of_this_process(cls) -> "PrivateDaemon":
        """The one that this process has made."""
        if cls._running is None:
            raise LabFailed("this process has no Docker daemon of its own")
        return cls._running


@contextmanager
def private_daemon(options: Sequence[str]) -> Iterator[None]:
    """A daemon with the images of the trial, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-docker-"))
    must("ip", "link", "set", "lo", "up")
    Path("/run/docker").mkdir(exist_ok=True)
    must("mount", "-t", "tmpfs", "tmpfs", "/run/docker")
    images = folder / "images.tar"
    wanted = [f"{defaults.IMAGE}:{version}" for version in VERSIONS.values()]
    docker("save", "-o", str(images), defaults.EDGE_IMAGE, defaults.TOOLS_IMAGE, *wanted)
    daemon = PrivateDaemon(folder, options)
    daemon.start()
    os.environ["DOCKER_HOST"] = daemon.host
    PrivateDaemon._running = daemon
    try:
        docker("load", "-i", str(images))
        images.unlink()
        yield
    finally:
        daemon.end()
        must("umount", "--recursive", "--lazy", str(folder / "data"))  # made by dockerd
        shutil.rmtree(folder, ignore_errors=True)

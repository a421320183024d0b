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
from contextlib import contextmanager, suppress
from pathlib import Path

from bluegreen import defaults
from chaos.rows import Row, read
from lab.host import LabFailed, docker, must
from lab.processes import kill, wait_for, words
from lab.stacks import ROOT, VERSIONS

TIMEOUT = 400


def play_apart(name: str) -> Row:
    """Play the fault of this name in a child with a daemon of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-daemon-") as folder:
        result = Path(folder) / "row.json"
        words = [sys.executable, "-m", "chaos", "--apart", "--only", name, "--into", str(result)]
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


class PrivateDaemon:
    """A dockerd in this process's own namespaces."""

    _running: "PrivateDaemon | None" = None

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        """Choose where; nothing runs yet."""
        self._folder, self._log = folder, folder / "dockerd.log"
        self.host = f"unix://{folder / 'docker.sock'}"
        self._command = [
            "dockerd",
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
            *("--pidfile", str(folder / "dockerd.pid"), "--host", self.host, *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of_this_process(cls) -> "PrivateDaemon":
        """The one that this process has made."""
        if cls._running is None:
            raise LabFailed("this process has no Docker daemon of its own")
        return cls._running

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self._answers, 60, f"a Docker daemon of its own (see {self._log})")

    def _answers(self) -> bool:
        if self._process and self._process.poll() is not None:
            raise LabFailed(f"dockerd ended: {self._log.read_text()[-2000:]}")
        words = ["docker", "--host", self.host, "version"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def stop(self) -> None:
        """Stop it in good order."""
        if self._process:
            self._process.terminate()
            self._process.wait(60)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def end(self) -> None:
        """Stop it with all that it runs, and what outlives it."""
        found = docker("ps", "-aq").split()
        if found:
            docker("rm", "-f", *found)
        self.stop()
        with suppress(OSError, ValueError):
            containerd = int((self._folder / "exec/containerd/containerd.pid").read_text())
            kill([containerd])
            wait_for(lambda: not words(containerd), 10, "the end of its containerd")


@contextmanager
def private_daemon(options: Sequence[str]) -> Iterator[None]:
    """A daemon with the images of the trial, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-docker-"))
    must("ip", "link", "set", "lo", "up")
    Path("/run/docker").mkdir(exist_ok=True)
    must("mount", "-t", "tmpfs", "tmpfs", "/run/docker")
    images = folder / "images.tar"
    wanted = [f"{defaults.IMAGE}:{version}" for version in VERSIONS.values()]
    docker("save", "-o", str(images), defaults.EDGE_IMAGE, *wanted)
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

"""A Docker daemon of an experiment's own, one that may be stopped, killed and restarted."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from evidence.lab.host import LabFailed, must
from evidence.lab.processes import MORTAL, kill, wait_for, words


class Daemon:
    """A dockerd with all its files in one folder."""

    def __init__(
        self, folder: Path, options: Sequence[str] = (), within: Sequence[str] = ()
    ) -> None:
        """Choose where; nothing runs yet. `within` is a command that it is started through."""
        self._folder, self._log = folder, folder / "dockerd.log"
        self.host = f"unix://{folder / 'docker.sock'}"
        self._command = [
            *MORTAL,  # and takes its containers with it
            *within,
            "dockerd",
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
            *("--pidfile", str(folder / "dockerd.pid"), "--host", self.host, *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def docker(self, *words: str) -> str:
        """Run a docker command there that must succeed; return what it put out."""
        return must("docker", "--host", self.host, *words)

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
        with suppress(LabFailed):  # one that is stopped runs nothing
            if found := self.docker("ps", "-aq").split():
                self.docker("rm", "-f", *found)
        self.stop()
        with suppress(OSError, ValueError):
            containerd = int((self._folder / "exec/containerd/containerd.pid").read_text())
            kill([containerd])
            wait_for(lambda: not words(containerd), 10, "the end of its containerd")

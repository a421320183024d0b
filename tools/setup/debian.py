"""Debian packages, where the machine is one of Debian's and this runs as root."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence

from tools.setup.commands import Commands
from tools.setup.errors import Missing

PATIENCE = 300  # seconds, for whoever else installs packages


class Debian:
    """Installs packages; asks for the package lists once per run, and only if it has to."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._updated = False
        # Steps run side by side, and apt-get locks out a second one.
        self._lock = threading.Lock()

    def require(self, packages: Sequence[str], purpose: str) -> None:
        """Install what is missing of these, or say that somebody else has to."""
        apt = shutil.which("apt-get", path=self._commands.environ["PATH"])
        if os.geteuid() != 0 or apt is None:
            raise Missing(
                f"{purpose} is missing, and this can install it only as root on Debian or "
                f"Ubuntu. Install it yourself (Debian calls it: {' '.join(packages)}) and run this "
                "again."
            )
        with self._lock:
            missing = [name for name in packages if not self._installed(name)]
            if not missing:
                return
            env = {"DEBIAN_FRONTEND": "noninteractive"}
            if not self._updated:
                self._commands.run(["apt-get", "update"], "apt-update", env=env)
                self._updated = True
            # A machine that has just been started updates itself: that ends.
            install = ["apt-get", "-o", f"DPkg::Lock::Timeout={PATIENCE}", "install", "--yes"]
            command = [*install, "--no-install-recommends", *missing]
            self._commands.run(command, f"apt-{missing[0]}", env=env)

    def _installed(self, package: str) -> bool:
        ok, status = self._commands.ask(["dpkg-query", "-W", "-f", "${Status}", package])
        return ok and status == "install ok installed"

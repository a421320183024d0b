"""A Go that can build Pulumi: the machine's own, or one fetched as a Go module."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import stat
import tempfile
from pathlib import Path

from tools.setup.errors import Missing, ToolchainError
from tools.setup.machine import Machine, Stopwatch

GO_VERSION = "1.26.8"
SWITCHES_BY_ITSELF = (1, 21)
"""From this version on, Go fetches the version that a go.mod asks for by itself."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def ensure_go(machine: Machine) -> tuple[Path, dict[str, str]]:
    """The go command, and the environment to run it in."""
    own = machine.places.cache / f"go-{GO_VERSION}"
    if (own / "bin" / "go").exists():
        return own / "bin" / "go", own_environment(own)
    found = machine.find("go")
    if found is None:
        machine.debian.require(["golang-go", "ca-certificates"], "Go, to build Pulumi with,")
        found = machine.find("go")
    if found is None:
        raise Missing(f"There is no Go on this machine. Install Go {GO_VERSION} or later.")
    if version_of(machine, found) >= SWITCHES_BY_ITSELF:
        # Some distributions switch this off; without it an older Go refuses the go.mod.
        return Path(found), {"GOTOOLCHAIN": "auto"}
    fetch_go(machine, found, own)
    return own / "bin" / "go", own_environment(own)


def own_environment(root: Path) -> dict[str, str]:
    """What makes a Go in a folder of ours use its own tools."""
    return {"GOROOT": str(root), "GOTOOLCHAIN": "local"}


def version_of(machine: Machine, go: str) -> tuple[int, int]:
    """(1, 19) for `go version go1.19.8 linux/amd64`; (0, 0) if it does not say."""
    _, answer = machine.commands.ask([go, "version"], {"GOTOOLCHAIN": "local"})
    match = re.search(r"go(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def fetch_go(machine: Machine, old_go: str, target: Path) -> None:
    """Let an old Go download a new one, which is published as a module."""
    took = Stopwatch()
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        raise Missing(f"There is no known Go download for this processor ({platform.machine()}).")
    module = f"golang.org/toolchain@v0.0.1-go{GO_VERSION}.linux-{architecture}"
    with tempfile.TemporaryDirectory(dir=machine.places.cache, prefix="go-") as scratch:
        folder = Path(scratch)
        # Outside any module, and with no flags of the user's, -json prints where it went.
        log = "go-toolchain"
        machine.commands.run(
            [old_go, "mod", "download", "-json", module],
            log,
            env={"GOFLAGS": "-mod=mod", "GO111MODULE": "on"},
            cwd=folder,
        )
        downloaded = re.search(r"\{.*\}", (machine.commands.logs / f"{log}.log").read_text(), re.S)
        if downloaded is None:
            raise ToolchainError(f"`go mod download {module}` did not say where it went.")
        source = Path(json.loads(downloaded[0])["Dir"])
        copy = folder / "go"
        shutil.copytree(source, copy)
        make_usable(copy)
        copy.replace(target)
    machine.report.say(f"pulumi: Go {GO_VERSION} fetched as a module, {took}")


def make_usable(root: Path) -> None:
    """Modules are unpacked read-only and not executable; Go itself repairs that when it switches.

    What has to be executable is in these two folders.
    """
    for path in [root, *root.rglob("*")]:
        mode = path.lstat().st_mode
        programs = path.is_file() and path.parent in (root / "bin", *tool_folders(root))
        os.chmod(path, mode | stat.S_IWUSR | (0o111 if programs else 0))


def tool_folders(root: Path) -> list[Path]:
    """pkg/tool/linux_amd64 and the like."""
    return [path for path in (root / "pkg" / "tool").glob("*") if path.is_dir()]

"""The Pulumi CLI with its plugins: the one on PATH, the official one, or one built here.

Each way is tried only if the one before it cannot be had. The outcome is remembered, so that a
later run looks at files only.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.setup import pulumi_build
from tools.setup.errors import ToolchainError
from tools.setup.machine import Machine, Stopwatch
from tools.setup.pins import Pins

Ways = Mapping[str, Callable[[Machine, Pins], Path | None]]

OLDEST_CLI = (3, 190)
DOWNLOAD_SECONDS = 300.0
ANSWER_SECONDS = 8
# The Automation API knows where the official installer is and how to check what it installed.
INSTALL = """
import socket, sys
from pulumi.automation import PulumiCommand
socket.setdefaulttimeout(float(sys.argv[2]))
PulumiCommand.install(root=sys.argv[1])
"""


def ensure_pulumi(machine: Machine, ways: Ways | None = None) -> bool:
    """Have a CLI and the plugins that the Python packages ask for; True if it took work."""
    pins = Pins.of(machine.places.repo)
    if complete(machine, pins):
        return False
    for name, way in (ways or WAYS).items():
        folder = way(machine, pins)
        if folder is not None:
            machine.choices.pulumi, machine.choices.pulumi_bin = name, str(folder)
            return True
    raise ToolchainError("The Pulumi CLI can be neither downloaded nor built on this machine.")


def complete(machine: Machine, pins: Pins) -> bool:
    """Whether what was chosen earlier is still there and still what is asked for."""
    choice, folder = machine.choices.pulumi, Path(machine.choices.pulumi_bin or "")
    if choice == "built":
        return folder == pulumi_build.folder(machine.places, pins) / "bin" and folder.is_dir()
    if choice == "official" and folder != official_folder(machine, pins) / "bin":
        return False
    return choice is not None and (folder / "pulumi").exists() and not missing(machine, pins)


def from_path(machine: Machine, pins: Pins) -> Path | None:
    """The machine's own CLI, if it is recent, can run Python, and has or gets the plugins."""
    path = outside(machine.commands.environ["PATH"], machine.places.cache)
    found = shutil.which("pulumi", path=path)
    host = shutil.which("pulumi-language-python", path=path)
    if found is None or host is None:
        return None
    _, answer = machine.commands.ask([found, "version"], {"PULUMI_SKIP_UPDATE_CHECK": "1"})
    if not recent(answer):
        machine.report.say(f"pulumi: {found} is too old ({answer}), so it is not used")
        return None
    if not install_plugins(machine, pins, found):
        return None
    machine.report.say(f"pulumi: {found} {answer} is used")
    return Path(found).parent


def from_installer(machine: Machine, pins: Pins) -> Path | None:
    """What Pulumi itself offers for download, in the cache."""
    took = Stopwatch()
    target = official_folder(machine, pins)
    machine.places.cache.mkdir(parents=True, exist_ok=True)
    python = machine.places.venv / "bin" / "python"
    with tempfile.TemporaryDirectory(dir=machine.places.cache, prefix="pulumi-") as scratch:
        root = Path(scratch) / "pulumi"
        try:
            machine.commands.run(
                [python, "-c", INSTALL, root, str(ANSWER_SECONDS)],
                "pulumi-installer",
                timeout=DOWNLOAD_SECONDS,
            )
        except ToolchainError:
            machine.report.say("pulumi: its official download does not answer here")
            return None
        shutil.rmtree(target, ignore_errors=True)
        root.replace(target)
    if not install_plugins(machine, pins, str(target / "bin" / "pulumi")):
        return None
    machine.report.say(f"pulumi: CLI {pins.sdk} downloaded from Pulumi, {took}")
    return target / "bin"


def install_plugins(machine: Machine, pins: Pins, pulumi: str) -> bool:
    """Download the plugins that are not there; False if they cannot be had."""
    for name, version in missing(machine, pins).items():
        try:
            machine.commands.run(
                [pulumi, "plugin", "install", "resource", name, version],
                f"pulumi-plugin-{name}",
                env={"PULUMI_HOME": str(pulumi_home(machine))},
                timeout=DOWNLOAD_SECONDS,
            )
        except ToolchainError:
            machine.report.say(f"pulumi: the plugin {name} {version} is not available for {pulumi}")
            return False
    return True


def missing(machine: Machine, pins: Pins) -> dict[str, str]:
    """The plugins that are not in Pulumi's own folder."""
    plugins = pulumi_home(machine) / "plugins"
    return {
        name: version
        for name, version in pins.plugins.items()
        if not (plugins / f"resource-{name}-v{version}").is_dir()
    }


def pulumi_home(machine: Machine) -> Path:
    """Pulumi's own folder, even in a shell whose environment leads to a build of ours."""
    home = Path(machine.environ.get("PULUMI_HOME") or "")
    ours = home.is_relative_to(machine.places.cache)
    return Path.home() / ".pulumi" if ours or home == Path() else home


def official_folder(machine: Machine, pins: Pins) -> Path:
    """Where a downloaded CLI lies: the installer takes the version of the Python package."""
    return machine.places.cache / f"pulumi-official-{pins.sdk}"


def recent(version: str) -> bool:
    """Whether a CLI that says `v3.259.0` is new enough for the program."""
    match = re.match(r"v?(\d+)\.(\d+)\.", version)
    return match is not None and (int(match[1]), int(match[2])) >= OLDEST_CLI


def outside(path: str, cache: Path) -> str:
    """PATH without what set-up put there, which is not "the machine's own"."""
    folders = [Path(folder) for folder in path.split(os.pathsep) if folder]
    return os.pathsep.join(str(folder) for folder in folders if not folder.is_relative_to(cache))


WAYS: Ways = {"path": from_path, "official": from_installer, "built": pulumi_build.build}

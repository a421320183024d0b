"""Runs a command of the README in a fresh Debian, made for it and removed afterwards.

    python3 -m tools.setup.fresh_root [--cache] 12|13|other COMMAND…

The fresh Debian has the base system, `git`, `make` and a checkout of HEAD, nothing else. Its Docker
daemon and this machine's know nothing of each other.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.setup import images, pulumi_build
from tools.setup.apart import RESOLVER, running_apart
from tools.setup.errors import Missing, ToolchainError
from tools.setup.machine import Machine, Stopwatch
from tools.setup.own_folder import own_folder
from tools.setup.pins import Pins
from tools.setup.registries import Registries, at, carry_files
from tools.setup.steps import ended_like_ctrl_c

SUITES = {"12": "bookworm", "13": "trixie"}
INCLUDED = "ca-certificates,git,make"
NEEDED = ("mmdebstrap", "slirp4netns", "git")
HOME, CHECKOUT = "/root", "/root/checkout"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
# The machine's own certificates are among those that the root trusts, then the command runs.
ENTER = ("sh", "-c", 'update-ca-certificates >/dev/null 2>&1; exec "$@"', "sh")
# Of Pulumi's folder; the rest is which stacks somebody has selected here, and logs.
BUILT = ("bin", "home/plugins")
NOT_OURS = shutil.ignore_patterns(".venv", "out", "__pycache__", ".*_cache")


def main() -> int:
    """The command's exit code; 1 if it could not be run, 130 if this was interrupted."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.setup.fresh_root", description=__doc__)
    kept = (
        "give it what set-up has built here (Pulumi, the images' files), and keep its base system"
    )
    parser.add_argument("--cache", action="store_true", help=kept)
    parser.add_argument("release", choices=[*SUITES, "other"], help="other: not this machine's")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="such as: make demo")
    options = parser.parse_args()
    if not options.command:
        parser.error("name a command, such as: make demo")
    machine = Machine.here()
    try:
        with ended_like_ctrl_c():
            return run(machine, options.release, options.command, cache=options.cache)
    except ToolchainError as error:
        machine.report.say(str(error))
        return 1
    except KeyboardInterrupt:
        machine.report.say("interrupted; the fresh root is removed")
        return 130


def run(machine: Machine, release: str, command: Sequence[str], *, cache: bool) -> int:
    """Make the root, run the command in it, remove it; the command's exit code."""
    if os.geteuid() != 0:
        raise Missing("Only root can make and enter a fresh Debian. Run this as root on Debian.")
    for program in NEEDED:
        if machine.find(program) is None:
            machine.debian.require([program], f"{program}, to make a fresh Debian with,")
    own = platform.freedesktop_os_release()
    if release == "other":
        release = other_than(own.get("VERSION_ID"))
    suite = SUITES[release]
    registries = Registries.of(machine, own.get("VERSION_CODENAME", "?"), suite)
    with own_folder(machine.places.cache) as folder:
        took, root = Stopwatch(), folder / "root"
        root.mkdir()
        base = base_system(machine, suite, registries, machine.places.cache if cache else folder)
        machine.commands.run(["tar", "-xpf", base, "--numeric-owner", "-C", root], "fresh-unpack")
        furnish(machine, root, folder.name)
        if cache:
            share(machine, root)
        machine.report.say(f"fresh: Debian {release} made, {took}")
        took = Stopwatch()
        environment = {**ENVIRONMENT, **registries.environment}
        log = folder / "network.log"
        with running_apart(root, CHECKOUT, [*ENTER, *command], environment, log) as process:
            code = process.wait()
        line = " ".join(command)
        machine.report.say(f"fresh: `{line}` in Debian {release} ended with {code}, {took}")
        return code


def other_than(release: str | None) -> str:
    """The newest release that this one is not."""
    return next(each for each in reversed(SUITES) if each != release)


def base_system(machine: Machine, suite: str, registries: Registries, keep: Path) -> Path:
    """Debian's base system as a tar file in `keep`, made unless it is there."""
    options = [f"--aptopt={option}" for option in registries.apt_options]
    args = ["--mode=root", "--variant=minbase", f"--include={INCLUDED}", *options, suite]
    sources = "\n".join(registries.apt_sources) + "\n"
    key = hashlib.sha256(repr((args, sources)).encode()).hexdigest()[:12]
    tar = keep / f"base-{suite}-{key}.tar"
    if not tar.exists():
        with tempfile.TemporaryDirectory(dir=keep, prefix="base-") as scratch:
            part = Path(scratch) / tar.name
            machine.commands.run(
                ["mmdebstrap", *args, part, "-"],
                "fresh-base",
                env={"TMPDIR": scratch},  # what it leaves when it is interrupted goes with that
                stdin=sources,
            )
            part.replace(tar)
    return tar


def furnish(machine: Machine, root: Path, name: str) -> None:
    """What the namespaces need, this machine's settings for packages, and the checkout."""
    (root / "etc/resolv.conf").write_text(f"nameserver {RESOLVER}\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    # All that Docker is told: control groups are this machine's, and are removed by their name.
    (root / "etc/docker").mkdir()
    (root / "etc/docker/daemon.json").write_text(f'{{"cgroup-parent": "/{name}"}}\n')
    carry_files(root, HOME)
    check_out(machine, at(root, Path(CHECKOUT)), root.parent / "gitconfig")


def check_out(machine: Machine, target: Path, settings: Path) -> None:
    """Clone HEAD; copy these files where they came without their history."""
    repo = machine.places.repo
    if not (repo / ".git").exists():
        shutil.copytree(repo, target, symlinks=True, ignore=NOT_OURS)
        return
    # In CI the checkout often belongs to somebody else, which git refuses unless told by a file.
    settings.write_text("[safe]\n\tdirectory = *\n")
    clone = ["git", "clone", "--quiet", "--depth=1", f"file://{repo}"]
    machine.commands.run([*clone, target], "fresh-clone", env={"GIT_CONFIG_GLOBAL": str(settings)})


def share(machine: Machine, root: Path) -> None:
    """Copy what set-up has made on this machine and would make the same there."""
    cache, target = machine.places.cache, at(root, Path(HOME)) / ".cache" / "bluegreen"
    target.mkdir(parents=True)
    pulumi = pulumi_build.folder(machine.places, Pins.of(machine.places.repo))
    if pulumi.is_dir():
        for part in BUILT:
            shutil.copytree(pulumi / part, target / pulumi.name / part, symlinks=True)
    rootfs = f"rootfs-{images.rootfs_key()}.tar"
    if (cache / rootfs).exists():
        shutil.copyfile(cache / rootfs, target / rootfs)


if __name__ == "__main__":
    sys.exit(main())

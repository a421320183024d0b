"""The container images, where Docker Hub does not answer: made from Debian packages.

One root file system with Debian's nginx, Python, curl and PostgreSQL serves for the edge, for the
stand-in for Grafana, and for the tools that snapshots and databases need. Where Docker Hub
answers, nothing is made: the program then asks it for the real ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from tools.setup.errors import Missing, ToolchainError
from tools.setup.machine import Machine, Stopwatch

SUITE = "forky"  # Debian's first with nginx 1.30; the program needs 1.28 or later
PACKAGES = "nginx-light,python3,curl,python3-psycopg2,postgresql,lego,pebble"
# The package would make a database of its own while it is installed.
NO_CLUSTER = (
    'mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" '
    '> "$1/etc/postgresql-common/createcluster.conf"'
)
# Mirrors may carry a suite under development whose list has passed its date.
APT_OPTION = 'Acquire::Check-Valid-Until "false"'
ROOTFS_IMAGE = "bluegreen-debian"
EDGE_IMAGE = "bluegreen-nginx"
TOOLS_IMAGE = "bluegreen-tools:1"
STANDIN_BASE = "bluegreen-standin-base:1"
STANDIN_IMAGE = "bluegreen-standin"
STANDIN_VERSIONS = ("12.3.0", "12.3.1", "12.4.0", "12.4.1", "12.5.0", "13.0.0")
LABEL = "bluegreen.made-from"
RECIPES = Path(__file__).parent / "images"
# Smallest of Docker Hub's images. An answer that we ask too often is an answer.
PROBE_IMAGE, RATE_LIMIT = "hello-world", "toomanyrequests"


def ensure_images(machine: Machine) -> bool:
    """Make the images that are missing or out of date; True if any was made."""
    if machine.choices.docker_hub:
        return False
    wanted = wanted_images(machine)
    present = labels(machine, list(wanted))
    stale = [image for image, made_from in wanted.items() if present.get(image) != made_from]
    if machine.choices.docker_hub is False and machine.choices.edge_image and not stale:
        return False

    machine.choices.docker_hub = docker_hub_answers(machine)
    if machine.choices.docker_hub:
        machine.report.say("images: Docker Hub answers, so nothing is built here")
        return True
    machine.report.say("images: Docker Hub does not answer; building them from Debian packages")
    took = Stopwatch()
    base = import_rootfs(machine)
    machine.choices.edge_image = make_edge(machine, base)
    build(machine, TOOLS_IMAGE, RECIPES / "tools", rootfs_key(), BASE=base)
    make_standins(machine, base)
    machine.report.say(
        f"images: {machine.choices.edge_image} and {len(STANDIN_VERSIONS)} versions of "
        f"{STANDIN_IMAGE} built, {took}"
    )
    return True


def docker_hub_answers(machine: Machine) -> bool:
    """Whether the daemon gets an image from Docker Hub."""
    answers, answer = machine.commands.ask(["docker", "pull", "--quiet", PROBE_IMAGE])
    return answers or RATE_LIMIT in answer


def wanted_images(machine: Machine) -> dict[str, str]:
    """What each image has to be made from, as recorded in its label."""
    rootfs, standin = rootfs_key(), standin_key(machine.places.repo)
    edge = machine.choices.edge_image or f"{EDGE_IMAGE}:unknown"
    made = {edge: rootfs, TOOLS_IMAGE: rootfs}
    return made | {f"{STANDIN_IMAGE}:{version}": standin for version in STANDIN_VERSIONS}


def labels(machine: Machine, images: list[str]) -> dict[str, str]:
    """The label of each image that there is."""
    template = '{{json .RepoTags}} {{index .Config.Labels "' + LABEL + '"}}'
    _, answer = machine.commands.ask(["docker", "image", "inspect", "-f", template, *images])
    found: dict[str, str] = {}
    for line in answer.splitlines():
        tags, _, made_from = line.rpartition(" ")
        if tags.startswith("["):
            found.update(dict.fromkeys(json.loads(tags), made_from))
    return found


def import_rootfs(machine: Machine) -> str:
    """Debian's packages as an image; the unpacked system is kept as a tar file in the cache."""
    image = f"{ROOTFS_IMAGE}:{rootfs_key()}"
    present, _ = machine.commands.ask(["docker", "image", "inspect", image])
    if present:
        return image
    tar = machine.places.cache / f"rootfs-{rootfs_key()}.tar"
    if not tar.exists():
        if os.geteuid() != 0:
            raise Missing(
                "Docker Hub does not answer, and only root can build the images from Debian "
                "packages. Run this as root on Debian, or let the Docker daemon reach a registry."
            )
        machine.debian.require(["mmdebstrap"], "mmdebstrap, which builds images,")
        with tempfile.TemporaryDirectory(dir=machine.places.cache, prefix="rootfs-") as scratch:
            part = Path(scratch) / "rootfs.tar"
            # It takes Debian's packages from where this machine takes them.
            machine.commands.run(
                [
                    *("mmdebstrap", "--mode=root", "--variant=minbase"),
                    *(f"--aptopt={APT_OPTION}", f"--setup-hook={NO_CLUSTER}"),
                    *(f"--include={PACKAGES}", SUITE, part),
                ],
                "mmdebstrap",
            )
            part.replace(tar)
    machine.commands.run(["docker", "import", tar, image], "docker-import")
    return image


def make_edge(machine: Machine, base: str) -> str:
    """The nginx image, tagged with the version of nginx in it."""
    asked, answer = machine.commands.ask(
        ["docker", "run", "--rm", "--network=none", base, *("dpkg-query", "-Wf${Version}", "nginx")]
    )
    if not asked:
        raise ToolchainError(f"Debian's nginx does not report its version: {answer}")
    image = f"{EDGE_IMAGE}:{answer.partition('-')[0]}"
    build(machine, image, RECIPES / "edge", rootfs_key(), BASE=base)
    return image


def make_standins(machine: Machine, base: str) -> None:
    """One image of the stand-in per version of Grafana that it stands in for."""
    build(machine, STANDIN_BASE, RECIPES / "standin-base", rootfs_key(), BASE=base)
    key = standin_key(machine.places.repo)
    for version in STANDIN_VERSIONS:
        image = f"{STANDIN_IMAGE}:{version}"
        context = machine.places.repo / "evidence" / "standin"
        build(machine, image, context, key, BASE=STANDIN_BASE, GRAFANA_VERSION=version)


def build(machine: Machine, image: str, context: Path, made_from: str, **arguments: str) -> None:
    """Run `docker build` with the old builder, as the new one is not part of Docker's packages."""
    given = [part for name in arguments for part in ("--build-arg", f"{name}={arguments[name]}")]
    machine.commands.run(
        ["docker", "build", "--tag", image, "--label", f"{LABEL}={made_from}", *given, context],
        f"docker-build-{image.replace(':', '-')}",
        env={"DOCKER_BUILDKIT": "0"},
    )


def rootfs_key() -> str:
    """Changes with what the edge image and the stand-in's base are made of."""
    return hash_of(f"{SUITE} {PACKAGES}", RECIPES)


def standin_key(repo: Path) -> str:
    """Changes with the stand-in's code and what is below it."""
    return hash_of(rootfs_key(), repo / "evidence" / "standin")


def hash_of(seed: str, folder: Path) -> str:
    """A short hash of a text and of all files in a folder."""
    digest = hashlib.sha256(seed.encode())
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]

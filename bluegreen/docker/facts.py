"""What Docker has of a service, asked and never changed."""

import io
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import ask
from bluegreen.errors import BluegreenError, CommandFailed

_BEGINNING = 4096  # of a file in a container
LABEL = "bluegreen.service"
STACK_LABEL = "bluegreen.stack"  # the id of the stack whose state owns it
FINGERPRINT_LABEL = "bluegreen.fingerprint"
COPY_LABEL = "bluegreen.copy"  # of the data; of a container that runs on it and of its volume
LABELS = (STACK_LABEL, FINGERPRINT_LABEL, COPY_LABEL)

Listing = tuple[str, tuple[str, ...], str]
LISTINGS: tuple[Listing, ...] = (
    ("container", ("ps", "-a", "--no-trunc"), "{{.ID}}\t{{.Names}}\t{{.State}}"),
    ("network", ("network", "ls", "--no-trunc"), "{{.ID}}\t{{.Name}}\t"),
    ("volume", ("volume", "ls"), "{{.Name}}\t{{.Name}}\t"),
)


@dataclass(frozen=True)
class Thing:
    """A container, network or volume of a service.

    Attributes:
        kind: container, network, volume; on a Swarm service, secret, config too.
        identity: what a stack's state calls it; of what a Swarm manages, the beginning of that.
        name: its name in Docker.
        docker: the daemon that has it.
        state: of a container, such as running or exited; else "".
        labels: ours, by name; "" where it has none.
    """

    kind: str
    identity: str
    name: str
    docker: Docker = field(default_factory=Docker)
    state: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The id of the stack that made it; "" where it says none."""
        return self.labels.get(STACK_LABEL, "")


@dataclass(frozen=True)
class Container:
    """One container of a service: its state (running, exited …), and what it was made of.

    Of a Swarm's service too, which runs when a replica does. `copy` is the copy of the data that
    it runs on, "" for the first; `owner` the id of the stack that made it.
    """

    state: str
    fingerprint: str
    copy: str = ""
    owner: str = ""

    @property
    def up(self) -> bool:
        """Whether it serves, or is about to again."""
        return self.state.split()[0] in ("running", "restarting")


@dataclass(frozen=True)
class Folder:
    """A folder in a container: the beginning of each file, by its path; a folder's ends with /.

    `missing` says what is not there, if it is not: the container, or the path in it.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    missing: Literal["", "container", "path"] = ""


def read_folder(docker: Docker, container: str, path: str) -> Folder:
    """Read a folder; `docker cp` also answers for a container that is stopped.

    Raises:
        BluegreenError: it could not be asked.
    """
    done = ask(docker, "cp", f"{container}:{path}", "-", errors="surrogateescape")
    if done.returncode == 0:
        return Folder(_unpack(done.stdout.encode(errors="surrogateescape")))
    if "ould not find the file" in done.stderr:
        return Folder(missing="path")
    if "o such container" in done.stderr:
        return Folder(missing="container")
    raise CommandFailed(done.stderr.strip())


def _unpack(tar: bytes) -> dict[str, str]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            opened = archive.extractfile(member)
            if opened:
                found[member.name] = opened.read(_BEGINNING).decode(errors="replace")
            elif member.isdir():
                found[f"{member.name}/"] = ""
    return found


def kernel_of(docker: Docker) -> tuple[int, int]:
    """The version of its host's kernel; (0, 0) where it does not say."""
    said = ask(docker, "version", "--format", "{{.Server.KernelVersion}}").stdout
    number = re.match(r"(\d+)\.(\d+)", said)
    return (int(number[1]), int(number[2])) if number else (0, 0)


def read_things(
    docker: Docker, service: str, listings: Sequence[Listing] = LISTINGS
) -> tuple[Thing, ...]:
    """All that a Docker has with the service's label.

    Raises:
        BluegreenError: it could not be asked.
    """
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda listing: _read(docker, service, *listing), listings))
    return tuple(thing for things in found for thing in things)


def _read(docker: Docker, service: str, kind: str, words: Sequence[str], shape: str) -> list[Thing]:
    mine = ("--filter", f"label={LABEL}={service}", "--format")
    if kind == "service":
        # `docker service ls` alone of all these cannot show labels.
        found = _lines(docker, *words, *mine, "{{.ID}}")
        shape = "{{.ID}}\t{{.Spec.Name}}\t"
        labels = "\t".join(f'{{{{index .Spec.Labels "{label}"}}}}' for label in LABELS)
        inspect = ("service", "inspect", "--format", f"{shape}\t{labels}", *found)
        lines = _lines(docker, *inspect) if found else []
    else:
        labels = "\t".join(f'{{{{.Label "{label}"}}}}' for label in LABELS)
        lines = _lines(docker, *words, *mine, f"{shape}\t{labels}")
    things = []
    for line in lines:
        identity, name, state, *told = line.split("\t")
        said = {label: value for label, value in zip(LABELS, told, strict=True) if value}
        things.append(Thing(kind, identity, name, docker, state, said))
    return things


def _lines(docker: Docker, *words: str) -> list[str]:
    done = ask(docker, *words)
    # What is removed between listing and inspecting it fails the command, which tells the others.
    if done.returncode and "no such service" not in done.stderr.lower():
        raise CommandFailed(f"`docker {' '.join(words[:2])}`: {done.stderr.strip()}")
    return done.stdout.splitlines()


def containers_of(things: Iterable[Thing], service: str) -> dict[str, Container]:
    """The containers among them by part (edge, blue, green)."""
    return {
        thing.name.removeprefix(f"{service}-"): Container(
            thing.state,
            thing.labels.get(FINGERPRINT_LABEL, ""),
            thing.labels.get(COPY_LABEL, ""),
            thing.owner,
        )
        for thing in things
        if thing.kind == "container"
    }


def unanswered(docker: Docker, error: BluegreenError) -> tuple[str, str]:
    """Which Docker could not be asked, and why, as two phrases."""
    return docker.context or docker.host or "the local Docker", str(error)

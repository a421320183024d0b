"""The services of an edge, asked and never changed: what each serves, and what it claims."""

from collections.abc import Mapping
from dataclasses import dataclass

from bluegreen.config.settings import Place
from bluegreen.docker.facts import read_folder
from bluegreen.edge.state import SERVICES, State, state_in

_CLAIMS = "# claims: "


@dataclass(frozen=True)
class Service:
    """A service that has a folder in an edge.

    Attributes:
        name: the prefix of what its stack has in Docker.
        state: what the edge serves of it; None before its first release.
        claims: the HOST/PATHs that lead to it, and `default`.
    """

    name: str
    state: State | None
    claims: tuple[str, ...]


def read_services(place: Place) -> list[Service] | None:
    """The services of an edge, by name; None where there is no such container.

    Raises:
        BluegreenError: it could not be asked.
    """
    found = read_folder(place.docker, place.container, SERVICES)
    if found.missing == "container":
        return None
    folders: dict[str, dict[str, str]] = {}
    for path, text in found.files.items():
        _, name, *file = path.split("/")  # services/NAME/FILE
        if file:
            folders.setdefault(name, {})[file[0]] = text
    return services_in(folders)


def services_in(folders: Mapping[str, Mapping[str, str]]) -> list[Service]:
    """The services that have these folders: the beginning of each file, by name."""
    return [
        Service(name, state_in(files), _claims(files)) for name, files in sorted(folders.items())
    ]


def _claims(files: Mapping[str, str]) -> tuple[str, ...]:
    found = [
        claim
        for config in ("nginx.conf", "stable.conf")
        for line in files.get(config, "").splitlines()
        if line.startswith(_CLAIMS)
        for claim in line.removeprefix(_CLAIMS).split()
    ]
    return tuple(dict.fromkeys(found))

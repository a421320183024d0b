"""Facts: what nginx serves and what runs in Docker, asked and never changed."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bluegreen.config.settings import Docker, Place
from bluegreen.docker.shell import ask
from bluegreen.edge.render import CONFIG_FOLDER, State, state_of
from bluegreen.errors import BluegreenError
from bluegreen.platforms.swarm.tasks import manager_trouble, read_services

LABEL = "bluegreen.service"
FINGERPRINT_LABEL = "bluegreen.fingerprint"
COPY_LABEL = "bluegreen.copy"  # of the data; of a container that runs on it and of its volume


@dataclass(frozen=True)
class Container:
    """One container of a service: its state (running, exited …), and what it was made of.

    Of a Swarm's service too, which runs when a replica does. `copy` is the copy of the data that
    it runs on, "" for the first.
    """

    state: str
    fingerprint: str
    copy: str = ""

    @property
    def up(self) -> bool:
        """Whether it serves, or is about to again."""
        return self.state.split()[0] in ("running", "restarting")


@dataclass(frozen=True)
class Facts:
    """What is known of a service.

    Attributes:
        states: what each edge serves, by its container's name; None = no color.
        troubles: why an edge could not be asked, by its container's name.
        containers: what runs, by part; None when Docker does not answer.
        no_manager: why the stack's Docker cannot manage Swarm services, where it shall; else "".
    """

    states: Mapping[str, State | None]
    troubles: Mapping[str, str]
    containers: Mapping[str, Container] | None
    no_manager: str = ""

    @property
    def edge(self) -> State | None:
        """What nginx serves: of several edges, what was switched to last."""
        return newest(self.states.values())

    @property
    def disagreement(self) -> str:
        """Which edges serve something else than the newest, as a phrase; "" when none does."""
        last = self.edge
        others = [
            f"{name} serves {state.color} {state.version}" if state else f"{name} serves no color"
            for name, state in self.states.items()
            if last and state != last
        ]
        serves = f"{last.color} {last.version} was switched to last" if last else ""
        return f"{', '.join(others)}; {serves}" if others else ""


def newest(states: Iterable[State | None]) -> State | None:
    """Of what several edges serve, what was switched to last."""
    known = [state for state in states if state]
    return max(known, key=lambda state: state.generation, default=None)


def read_facts(
    docker: Docker, places: Sequence[Place], service: str, *, swarm: bool = False
) -> Facts:
    """Ask all edges and the stack's Docker at once: one behind ssh takes its time to answer."""
    mine = f"{LABEL}={service}"
    with ThreadPoolExecutor() as pool:
        headers = [pool.submit(_read_header, place.docker, place.container) for place in places]
        dockers = dict.fromkeys([docker, *(place.docker for place in places)])
        listed = [pool.submit(read_containers, each, service) for each in dockers]
        services = pool.submit(read_services, docker, service, mine) if swarm else None
        manager = pool.submit(manager_trouble, docker) if swarm else None
    told = {place.container: header.result() for place, header in zip(places, headers, strict=True)}
    containers: dict[str, Container] | None = None
    for each in listed:
        if (found := each.result()) is not None:
            containers = {**(containers or {}), **found}
    for part, labels in (services.result() if services else {}).items():
        state = labels.pop("state")
        containers = (containers or {}) | {
            part: Container(state, labels.get(FINGERPRINT_LABEL, ""), labels.get(COPY_LABEL, ""))
        }
    return Facts(
        states={name: state_of(said) for name, (said, trouble) in told.items() if not trouble},
        troubles={name: trouble for name, (_, trouble) in told.items() if trouble},
        containers=containers,
        no_manager=manager.result() if manager else "",
    )


def read_newest(places: Sequence[Place]) -> State | None:
    """What nginx serves: of several edges, what was switched to last."""
    with ThreadPoolExecutor() as pool:
        states = list(pool.map(lambda place: read_edge(place.docker, place.container), places))
    return newest(states)


def read_edge(docker: Docker, edge: str) -> State | None:
    """Ask an edge what is live; None when there is no such edge, or no color."""
    return state_of(_read_header(docker, edge)[0])


def _read_header(docker: Docker, edge: str) -> tuple[str, str]:
    """The beginning of the config in force, and why that cannot be known.

    `docker cp` also answers for an edge that is stopped.
    """
    try:
        done = ask(docker, "cp", f"{edge}:{CONFIG_FOLDER}/nginx.conf", "-")
    except BluegreenError as error:
        return "", str(error)
    if done.returncode == 0:
        return done.stdout[512:1024], ""  # a tar's first file
    missing = any(words in done.stderr for words in ("o such container", "ould not find the file"))
    return "", "" if missing else done.stderr.strip()


def read_containers(docker: Docker, service: str) -> Mapping[str, Container] | None:
    """The service's containers by part (edge, blue, green); None when Docker does not answer."""
    shape = " ".join(
        (
            "{{.Names}}",
            "{{.State}}",
            *(f'{{{{.Label "{x}"}}}}' for x in (FINGERPRINT_LABEL, COPY_LABEL)),
        )
    )
    where = ("--filter", f"label={LABEL}={service}")
    try:
        done = ask(docker, "ps", "-a", *where, "--format", shape)
    except BluegreenError:
        return None
    if done.returncode:
        return None
    found: dict[str, Container] = {}
    for line in done.stdout.splitlines():
        name, state, fingerprint, copy = [*line.split(" "), "", "", ""][:4]
        found[name.removeprefix(f"{service}-")] = Container(state, fingerprint, copy)
    return found

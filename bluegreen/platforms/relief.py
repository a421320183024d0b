"""Replacing nginx in an edge without a gap: another nginx serves while it is made anew.

Two resources around the edge's container. The one before starts the relief, of what nginx shall be
made of from now on, and lets it take connections: what does not start never gets to replace what
serves. The one after waits until the new nginx takes connections, and ends the relief. Between them
the old one gets its drain. Whatever ends the update in between, one nginx serves: the next update
goes on from there.
"""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import ask
from bluegreen.edge.state import CONFIG_FOLDER, IN_MEMORY, LISTEN, START
from bluegreen.errors import ReliefFailed
from bluegreen.platforms.dynamic import Provider

READY_SECONDS = 30.0
POLL = 0.1
# Not the stack's own label: whoever cleans up after a killed update must not end what serves.
LABEL = "bluegreen.relief"


class ReliefProvider(Provider):
    """Starts the relief when what nginx is made of has changed."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """For another image, script or config; what only names them otherwise is no reason."""
        changed = any(_olds.get(key) != _news.get(key) for key in ("files", "image"))
        # With another holder all is made anew: nobody is served in the meantime.
        return DiffResult(changes=changed or _olds.get("holder") != _news.get("holder"))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """At first there is nothing to relieve."""
        return CreateResult(id_=props["relieves"], outs=props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Let the relief take connections, beside the nginx that it relieves."""
        if _olds.get("holder") == _news["holder"]:
            start(_news)
        return UpdateResult(outs=_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """End it, should it be there."""
        end(Docker(**_props["docker"]), _props["relieves"], 0)


class RelievedProvider(Provider):
    """Ends the relief once the new nginx takes connections."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """For another nginx."""
        return DiffResult(changes=_olds.get("nginx") != _news.get("nginx"))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait for the first one, too."""
        _settle(props)
        return CreateResult(id_=props["relieves"], outs=props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Wait for it, then end the relief."""
        _settle(_news)
        return UpdateResult(outs=_news)


def relief_of(edge: str) -> str:
    """The name of an edge's relief."""
    return f"{edge}-relief"


def start(props: Mapping[str, Any]) -> None:
    """Start the relief and wait until it takes connections.

    Raises:
        ReliefFailed: it does not; the nginx from before serves.
    """
    docker, edge = Docker(**props["docker"]), str(props["relieves"])
    name, shared = relief_of(edge), f"container:{props['holder']}"
    end(docker, edge, int(props["drain"]))  # of an update that was killed
    words = ["--name", name, "--label", f"{LABEL}={edge}", "--restart", "unless-stopped"]
    words += ["--network", shared, "--ipc", shared, *_tmpfs(), "-e", "RELIEF=1"]
    words += ["--mount", f"type=volume,src={props['volume']},dst={CONFIG_FOLDER}"]
    words += ["--stop-signal", "SIGQUIT", "--entrypoint", "sh", str(props["image"]), "-e", START]
    try:
        _must(docker, "create", *words)
        with tempfile.TemporaryDirectory() as folder:
            for path, text in props["files"].items():
                file = Path(folder) / Path(path).name
                file.write_text(text)
                _must(docker, "cp", str(file), f"{name}:{path}")
        _must(docker, "start", name)
        _await(docker, name)
    except ReliefFailed as error:
        log = ask(docker, "logs", "--tail", "5", name)
        end(docker, edge, 0)
        said = " | ".join((log.stdout + log.stderr).split("\n")[-6:]).strip(" |")
        raise ReliefFailed(
            f"nginx is not replaced, because the new one does not get ready: {error}"
            f"{f'; its log: {said}' if said else ''}. The nginx from before keeps serving. "
            "Next: fix edge_image, or set it back, and run the same command again."
        ) from error


def _tmpfs() -> list[str]:
    return [word for path, how in IN_MEMORY.items() for word in ("--tmpfs", f"{path}:{how}")]


def _settle(props: Mapping[str, Any]) -> None:
    docker, edge = Docker(**props["docker"]), str(props["relieves"])
    try:
        _await(docker, edge)
    except ReliefFailed as error:
        there = ask(docker, "inspect", relief_of(edge)).returncode == 0
        serves = "Its relief keeps serving" if there else "No nginx serves"
        raise ReliefFailed(
            f"nginx does not get ready: {error}. {serves}. Next: look at "
            f"`docker logs {edge}`, then run the same command again."
        ) from error
    end(docker, edge, int(props["drain"]))


def _await(docker: Docker, name: str) -> None:
    """Wait until this nginx takes connections, which it does once it knows its upstreams."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        if _listens(docker, name):
            return
        if time.monotonic() > deadline:
            state = ask(docker, "inspect", "-f", "{{.State.Status}}", name).stdout.strip()
            raise ReliefFailed(f"{name} is {state or 'gone'} after {READY_SECONDS:g} s")
        time.sleep(POLL)


def _listens(docker: Docker, name: str) -> bool:
    return ask(docker, "exec", name, "sh", "-c", f"test -e {LISTEN}/listens").returncode == 0


def end(docker: Docker, edge: str, drain: int) -> None:
    """End an edge's relief, should it be there; what it serves gets so many seconds."""
    name = relief_of(edge)
    if ask(docker, "inspect", name).returncode:
        return
    stop(docker, name, drain)
    ask(docker, "rm", "-f", name)


def stop(docker: Docker, name: str, drain: int) -> None:
    """Let an nginx finish what it serves, for so many seconds at most."""
    ask(docker, "stop", "-t", str(drain), name, timeout=drain + 30)


def serves(docker: Docker, edge: str) -> bool:
    """Whether an edge's relief is there and takes connections."""
    return _listens(docker, relief_of(edge))


def _must(docker: Docker, *words: str) -> None:
    done = ask(docker, *words, timeout=60)
    if done.returncode:
        raise ReliefFailed(f"`docker {words[0]}`: {done.stderr.strip()}")


class Relief(Resource, module="bluegreen", name="Relief"):
    """Done when another nginx serves beside the one that is about to be replaced."""

    def __init__(
        self,
        name: str,
        *,
        relieves: str,
        image: pulumi.Input[str],
        holder: pulumi.Input[str],
        volume: pulumi.Input[str],
        files: Mapping[str, str],
        drain: int,
        docker: Docker,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare it.

        Args:
            name: of the resource.
            relieves: name of the edge's container.
            image: what nginx shall run from now on, by its id.
            holder: id of the container that owns the ports.
            volume: the edge's.
            files: what nginx starts with, by path.
            drain: seconds for what a relief still serves.
            docker: which daemon.
            opts: resource options.
        """
        inputs: dict[str, Any] = {
            "relieves": relieves,
            "image": image,
            "holder": holder,
            "volume": volume,
            "files": dict(files),
            "drain": drain,
            "docker": asdict(docker),
        }
        super().__init__(ReliefProvider(), name, inputs, opts)


class Relieved(Resource, module="bluegreen", name="Relieved"):
    """Done when the edge's own nginx serves, alone."""

    holder: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        relieves: str,
        nginx: pulumi.Input[str],
        holder: pulumi.Input[str],
        drain: int,
        docker: Docker,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare it.

        Args:
            name: of the resource.
            relieves: name of the edge's container.
            nginx: its id; another one is waited for.
            holder: id of the container that owns the ports.
            drain: seconds for what the relief still serves.
            docker: which daemon.
            opts: resource options.
        """
        inputs: dict[str, Any] = {
            "relieves": relieves,
            "nginx": nginx,
            "holder": holder,
            "drain": drain,
            "docker": asdict(docker),
        }
        super().__init__(RelievedProvider(), name, inputs, opts)

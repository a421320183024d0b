"""The program's folder and one of its stacks, through Pulumi's Automation API."""

import contextlib
import getpass
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation.errors import CommandError as PulumiError
from pulumi.automation.events import EngineEvent

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.stackfile import StackFile
from bluegreen.config import load as config
from bluegreen.config.reader import Reader
from bluegreen.config.settings import EDGE, Docker, Edge, Place, Settings, places_of
from bluegreen.config.swarm import read_edges
from bluegreen.edge.state import State, read_newest
from bluegreen.plan.facts import Facts, read_facts

PROJECT = "bluegreen"


@dataclass(frozen=True)
class Outcome:
    """An update that ended: whether well, and if not the errors it told."""

    ok: bool
    errors: list[str]


class Project:
    """One stack of the project in a folder."""

    def __init__(self, root: Path, stack: str) -> None:
        """Take the folder and the stack's name; nothing is asked yet."""
        if not (root / "Pulumi.yaml").is_file():
            raise CommandError(
                f"there is no Pulumi.yaml in {root}",
                todo="run this in the project's folder, or name it with --dir",
                code=Exit.USAGE,
            )
        self.root, self.name = root, stack
        self.service = f"{PROJECT}-{stack}"

    @property
    def file(self) -> StackFile:
        """The stack's config file, read anew."""
        return StackFile(self.root / f"Pulumi.{self.name}.yaml")

    @cached_property
    def stack(self) -> automation.Stack:
        """The stack; CommandError when there is none of this name."""
        with told():
            return automation.select_stack(self.name, work_dir=str(self.root))

    def create(self) -> None:
        """Make the stack where it is not there yet, as the first deploy does."""
        with told():
            self.stack = automation.create_or_select_stack(self.name, work_dir=str(self.root))

    def settings(self) -> Settings:
        """The stack's settings, secrets among them."""
        with told():
            given = self.stack.get_all_config()
        prefix = f"{PROJECT}:"
        ours = {k.removeprefix(prefix): v for k, v in given.items() if k.startswith(prefix)}
        return config.load(
            {key: value.value for key, value in ours.items()},
            self.root,
            secrets=[key for key, value in ours.items() if value.secret],
            docker=self.docker,
        )

    def outputs(self) -> dict[str, Any]:
        """The outputs of the last update that went well; secrets are left out."""
        with told():
            return {k: v.value for k, v in self.stack.outputs().items() if not v.secret}

    @property
    def docker(self) -> Docker:
        """Which daemon the stack's config names."""
        said = self.file.section("docker")
        return Docker(
            host=said.get("host", ""),
            context=said.get("context", ""),
            cert_path=said.get("certPath", ""),
        )

    @property
    def swarm(self) -> bool:
        """Whether the colors are services of a Swarm."""
        return self.file.get("platform") == "swarm"

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges that the stack's file names."""
        usual = Edge(EDGE, self.docker, "0.0.0.0", 80)
        read = Reader({"edges": self.file.listing("edges")}, [], ["edges"])
        return read_edges(read, usual, swarm=self.swarm)[0]

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the edges are."""
        return places_of(self.edges, self.service)

    @property
    def dockers(self) -> list[Docker]:
        """Each Docker that has something of the stack, the stack's own first."""
        return list(dict.fromkeys([self.docker, *(edge.docker for edge in self.edges)]))

    def facts(self) -> Facts:
        """What each edge serves, and what runs."""
        return read_facts(self.docker, self.places, self.service, swarm=self.swarm)

    def edge(self) -> State | None:
        """What nginx serves; None without an edge, or before the first release."""
        return read_newest(self.places)

    def serves(self) -> str:
        """What nginx serves, as a phrase."""
        edge = self.edge()
        return f"{edge.color} {edge.version} serves" if edge else "no color is live"

    def up(self, message: str, on_event: Callable[[EngineEvent], None]) -> Outcome:
        """Run the update."""
        return self._run(lambda: self.stack.up(message=message, on_event=on_event, color="never"))

    def preview(self, on_event: Callable[[EngineEvent], None]) -> Outcome:
        """Run the preview."""
        return self._run(lambda: self.stack.preview(on_event=on_event, color="never"))

    def destroy(self, on_event: Callable[[EngineEvent], None]) -> Outcome:
        """Remove all that the stack made, but for what is retained."""
        return self._run(lambda: self.stack.destroy(on_event=on_event, color="never"))

    def _run(self, act: Callable[[], Any]) -> Outcome:
        try:
            act()
        except PulumiError as error:
            return Outcome(False, errors_in(str(error)))
        return Outcome(True, [])

    def history(self) -> list[automation.UpdateSummary]:
        """The stack's updates, the newest first."""
        with told():
            return self.stack.history(show_secrets=False)


def who() -> str:
    """Who releases, for the history."""
    return os.environ.get("GITHUB_ACTOR") or getpass.getuser()


@contextlib.contextmanager
def told() -> Any:
    """Turn Pulumi's own failures into a short block."""
    try:
        yield
    except (PulumiError, FileNotFoundError) as error:
        errors = errors_in(str(error))
        todo = "`bluegreen doctor` tells what is missing"
        if any("no stack named" in line for line in errors):
            todo = "`bluegreen deploy VERSION --stack NAME` makes it"
        if any("failed to load checkpoint" in line for line in errors):
            todo = "`bluegreen recover --stack NAME` puts back the last state that is whole"
        raise CommandError("; ".join(errors), todo=todo, code=Exit.USAGE) from None


def errors_in(text: str) -> list[str]:
    """The errors that pulumi told, without its frame and repetitions."""
    found: list[str] = []
    block: list[str] = []
    for line in text.replace("\\n", "\n").splitlines():
        start = re.match(r"\s*(?:stderr: )?error: (.*)", line)
        if start:
            block = [start[1]]
            found.append(start[1])
        elif block and line.startswith("  ") and line.strip():
            block.append(line.strip())
            found[-1] = "\n".join(block)
        else:
            block = []
    noise = ("update failed", "preview failed", "an unhandled error occurred")
    kept = [each for each in dict.fromkeys(found) if not each.startswith(noise)]
    return kept or [text.strip().splitlines()[-1] if text.strip() else "pulumi failed"]


def as_json(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(value, default=str)

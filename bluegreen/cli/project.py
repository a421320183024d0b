"""The program's folder and one of its stacks, through Pulumi's Automation API."""

import getpass
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pulumi import automation
from pulumi.automation.errors import CommandError as PulumiError
from pulumi.automation.errors import StackNotFoundError
from pulumi.automation.events import EngineEvent
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.failures import errors_in, told
from bluegreen.cli.stackfile import StackFile
from bluegreen.config import load as config
from bluegreen.config.load import Reading
from bluegreen.config.settings import Docker, Edge, Place, Settings
from bluegreen.config.written import as_engine, is_hidden, read_written, stack_file
from bluegreen.edge.state import State
from bluegreen.plan.shared import OUTPUT, on_shared
from bluegreen.plan.situation import Previous, Situation, observe
from bluegreen.plan.update import PLAN_FILE
from bluegreen.platforms import Platform, of

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """An update or a preview that ended: whether well, and if not the errors it told.

    `words` and `reasons` are a preview's: the plan, a line for each step, or why it is refused.
    """

    ok: bool
    errors: list[str]
    words: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


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
        self.namespace = name_in(root / "Pulumi.yaml")
        self._read: tuple[list[str], Reading] | None = None

    @property
    def service(self) -> str:
        """Prefix of what the stack has in Docker."""
        return self.said.settings.prefix(self.namespace, self.name)

    @property
    def file(self) -> StackFile:
        """The stack's config file, read anew."""
        return StackFile(stack_file(self.root, self.name), self.namespace)

    @property
    def said(self) -> Reading:
        """What the files say, with secrets left hidden and mistakes beside it; asks nobody."""
        files = (self.root / "Pulumi.yaml", stack_file(self.root, self.name))
        texts = [file.read_text() if file.is_file() else "" for file in files]
        if not self._read or self._read[0] != texts:
            self._read = texts, self._read_files()
        return self._read[1]

    def _read_files(self) -> Reading:
        written = read_written(self.root, self.namespace, self.name)
        return config.read_config(
            as_engine(written),
            self.root,
            secrets=[key for key, value in written.items() if is_hidden(value)],
            docker=self.docker,
            written=written,
        )

    @cached_property
    def stack(self) -> automation.Stack:
        """The stack; CommandError when there is none of this name."""
        self._keep_texts()
        with told():
            return automation.select_stack(self.name, work_dir=str(self.root))

    def _keep_texts(self) -> None:
        """Quote what Pulumi is about to rewrite: it does so once, when it adds the salt."""
        file = stack_file(self.root, self.name)
        if file.is_file() and "encryptionsalt:" not in file.read_text():
            self.file.quote()

    def create(self) -> None:
        """Make the stack where it is not there yet, as the first deploy does."""
        if "stack" in vars(self):  # known to be there; to ask costs 0.4 s
            return
        self._keep_texts()
        with told():
            try:
                self.stack = automation.select_stack(self.name, work_dir=str(self.root))
            except StackNotFoundError:
                self.file.quote()  # Pulumi rewrites the file when it makes a stack
                self.stack = automation.create_stack(self.name, work_dir=str(self.root))

    def settings(self) -> Settings:
        """The stack's settings, secrets among them; raises ConfigError with every mistake."""
        written = read_written(self.root, self.namespace, self.name)
        if not is_hidden(written):
            return self._on_its_edge(self.said.checked())
        with told():
            given = self.stack.get_all_config()
        ours = self.ours(given)
        found = config.load(
            {key: value.value for key, value in ours.items()},
            self.root,
            secrets=[key for key, value in ours.items() if value.secret],
            docker=self.docker,
            written=written,
        )
        return self._on_its_edge(found)

    def _on_its_edge(self, settings: Settings) -> Settings:
        return on_shared(settings, self._shared_edge) if settings.edge else settings

    def ours(self, config: Mapping[str, T]) -> dict[str, T]:
        """What of a stack's config is the project's own, by key."""
        prefix = f"{self.namespace}:"
        return {k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}

    def outputs(self, *, secrets: bool = False) -> dict[str, Any]:
        """The outputs of the last update that went well; secret ones only if asked for."""
        found = self._outputs.items()
        return {key: output.value for key, output in found if secrets or not output.secret}

    @cached_property
    def _outputs(self) -> automation.OutputMap:
        """Read once for each update: it takes two runs of pulumi."""
        with told():
            return self.stack.outputs()

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
    def platform(self) -> Platform:
        """What the colors run on."""
        return of(self.said.settings)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges that the stack's file names, or those that it shares."""
        return self.on_edge.edges

    @property
    def on_edge(self) -> Settings:
        """What the files say, with the edge that the service shares, if it does.

        Raises:
            CommandError: the edge's stack could not be read.
            ConfigError: it has no edge that this service can share.
        """
        return self._on_its_edge(self.said.settings)

    @cached_property
    def _shared_edge(self) -> Any:
        edge = self.said.settings.edge
        # Of a backend that has organizations all three parts are given.
        name = f"organization/{edge}" if edge.count("/") == 1 else edge
        with told():
            outputs = automation.LocalWorkspace(work_dir=str(self.root)).stack_outputs(name)
        return outputs[OUTPUT].value if OUTPUT in outputs else None

    def places(self, service: str = "") -> tuple[Place, ...]:
        """Where the edges are, of the service of this name; "" = the stack's."""
        return self.on_edge.places(service or self.service)

    @property
    def is_edge(self) -> bool:
        """Whether it is an edge that services share, which has no colors."""
        return self.said.settings.kind == "edge"

    @property
    def drain_timeout(self) -> int:
        """Seconds that open requests get, of an nginx too."""
        return self.said.settings.drain_timeout

    def require_service(self) -> None:
        """Raise CommandError for a stack of kind edge, which has nothing to release."""
        if self.is_edge:
            raise CommandError(
                f"stack {self.name} is an edge: it has no colors and no data",
                todo="name a service's stack with --stack; `pulumi up` updates the edge",
                code=Exit.USAGE,
            )

    @property
    def dockers(self) -> list[Docker]:
        """Each Docker that has something of the stack, the stack's own first."""
        return list(dict.fromkeys([self.docker, *(edge.docker for edge in self.edges)]))

    def look(self) -> Situation:
        """What runs and what serves, without what the last update left."""
        return observe(self, self.service, self.platform, Previous)

    def situation(self) -> Situation:
        """All that is known of the stack."""
        return observe(self, self.service, self.platform, self._previous)

    def _previous(self) -> Previous:
        return Previous.of(self.outputs(secrets=True))

    def edge(self) -> State | None:
        """What nginx serves; None without an edge, or before the first release."""
        return self.look().edge

    def serves(self) -> str:
        """What users get now, as a phrase."""
        if self.is_edge:
            return f"`bluegreen status --stack {self.name}` lists what its services serve"
        return self.look().serves

    def up(self, message: str, on_event: Callable[[EngineEvent], None]) -> Outcome:
        """Run the update."""
        return self._run(lambda: self.stack.up(message=message, on_event=on_event, color="never"))

    def preview(self, on_event: Callable[[EngineEvent], None]) -> Outcome:
        """Run the preview; the program hands over its plan by a file."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan.json"
            workspace = self.stack.workspace
            before = workspace.env_vars
            workspace.env_vars = {**before, PLAN_FILE: str(file)}
            try:
                ended = self._run(lambda: self.stack.preview(on_event=on_event, color="never"))
            finally:
                workspace.env_vars = before  # the update that follows has no such folder
            said = json.loads(file.read_text()) if file.exists() else {}
        return replace(ended, words=said.get("words", []), reasons=said.get("reasons", []))

    def destroy(self, on_event: Callable[[EngineEvent], None]) -> Outcome:
        """Remove all that the stack made, but for what is retained."""
        return self._run(lambda: self.stack.destroy(on_event=on_event, color="never"))

    def _run(self, act: Callable[[], Any]) -> Outcome:
        try:
            act()
        except PulumiError as error:
            return Outcome(False, errors_in(str(error)))
        finally:
            vars(self).pop("_outputs", None)
        return Outcome(True, [])

    def history(self) -> list[automation.UpdateSummary]:
        """The stack's updates, the newest first."""
        with told():
            return self.stack.history(show_secrets=False)


def name_in(file: Path) -> str:
    """The project's name, which config keys and all that is made in Docker begin with."""
    try:
        name = (YAML(typ="safe").load(file) or {}).get("name")
    except (YAMLError, AttributeError, UnicodeDecodeError):
        name = None
    if not name:
        raise CommandError(
            f"{file} does not say the project's name",
            todo="add a line `name: …`",
            code=Exit.USAGE,
        )
    return str(name)


def who() -> str:
    """Who releases, for the history."""
    return os.environ.get("GITHUB_ACTOR") or getpass.getuser()

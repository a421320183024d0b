"""Stacks of one's own.

A stack lives in a copy of the program, so that a template or a file may be changed, and in a
state folder of its own. Whatever was done with it, `removed` leaves nothing of it in Docker.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import yaml

from bluegreen.config.settings import Color
from bluegreen.docker.facts import LABEL
from evidence.lab.host import Finished, LabFailed, docker, finish, free_ports

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ("bluegreen", "nginx", "evidence/standin", "__main__.py", "Pulumi.yaml", "grafana.ini")
BLUEGREEN = Path(sys.executable).parent / "bluegreen"
TIMEOUT = 240
GONE_SECONDS = 15
# What each color carries where a release is one of many.
VERSIONS: Mapping[Color, str] = {"blue": "12.3.0", "green": "12.4.0"}


class Stack:
    """One stack, with settings that make a release quick; `config` changes them."""

    def __init__(self, folder: Path, *, beside: "Stack | None" = None, **config: Any) -> None:
        """Copy the program and write the stack's config; nothing runs yet.

        `beside`: the stack whose backend it is in, too.
        """
        self.folder, self.name = folder, f"t{uuid.uuid4().hex[:10]}"
        self.service = f"bluegreen-{self.name}"
        self.http_port, self.preview_port = free_ports(2)
        self.provider: dict[str, Any] = {}
        self.within: Sequence[str] = ()  # a command that all others are run through
        for part in PROGRAM:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / Path(part).name)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        (folder / "state").mkdir(exist_ok=True)
        self.environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{(beside or self).folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        self.environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        self.config: dict[str, Any] = {
            "active_color": "blue",
            "blue_version": VERSIONS["blue"],
            "http_port": self.http_port,
            "preview_port": self.preview_port,
            "bake": {"seconds": 1},
            "drain_timeout": 12,
            "health": {"interval": 0.1},
        }
        self.configure(**config)
        _must(self.pulumi("stack", "init", self.name))

    @property
    def url(self) -> str:
        """Where users reach the service."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def file(self) -> Path:
        """The stack's config file."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    def configure(self, **config: Any) -> None:
        """Change the stack's config; None removes a key."""
        self.config = {k: v for k, v in (self.config | config).items() if v is not None}
        text = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        mine = {f"bluegreen:{key}": value for key, value in self.config.items()}
        text["config"] = mine | self.provider
        self.file.write_text(yaml.safe_dump(text))

    def secret(self, path: str, value: str) -> None:
        """Set a secret, as a user does; it stays when the rest of the config changes."""
        key = f"bluegreen:{path.partition('.')[0]}"
        _must(self.pulumi("config", "set", "--secret", "--path", f"bluegreen:{path}", value))
        self.provider[key] = yaml.safe_load(self.file.read_text())["config"][key]

    def command(self, *words: str) -> list[str]:
        """A `pulumi` command line for this stack."""
        where = [] if words[0] == "stack" else ["--stack", self.name]
        return ["pulumi", *words, *where, "--non-interactive", "--color", "never"]

    def pulumi(self, *words: str) -> Finished:
        """Run `pulumi` for this stack and wait."""
        return self.run(self.command(*words))

    def bluegreen(self, *words: str, name: str | None = None) -> Finished:
        """Run `bluegreen` for this stack, or the one of that name, and wait."""
        where = [] if words[0] == "promote" else ["--stack", name or self.name]
        done = self.run([str(BLUEGREEN), *words, *where, "--dir", str(self.folder)])
        if "Traceback" in done.output:
            raise LabFailed(done.output)
        return done

    def start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """Start a command in a session of its own; its end is the caller's to see to."""
        with self.started_log.open("wb") as log:
            return subprocess.Popen(
                [*self.within, *command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def started_log(self) -> Path:
        """What the last started command said."""
        return self.folder / "started.log"

    def run(self, command: list[str]) -> Finished:
        """Run a command in the stack's folder and environment, and wait."""
        environment = self.environment | {"COLUMNS": "200"}
        command = [*self.within, *command]
        return finish(command, cwd=self.folder, env=environment, timeout=TIMEOUT)

    def up(self, **config: Any) -> Finished:
        """Change the config and update; the update must succeed."""
        self.configure(**config)
        return _must(self.pulumi("up", "--yes", "--skip-preview"))

    def up_fails(self, **config: Any) -> str:
        """Change the config and update; the update must fail. Return what it said."""
        self.configure(**config)
        done = self.pulumi("up", "--yes", "--skip-preview")
        if done.code == 0:
            raise LabFailed(f"the update succeeded, and should not have:\n{done.output}")
        return done.output

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        done = _must(self.pulumi("stack", "output", "--json", "--stack", self.name))
        found: dict[str, Any] = json.loads(done.output)
        return found

    def live(self) -> tuple[str | None, str | None]:
        """Color and version that nginx says it serves."""
        # Without `verify`, all of this machine's certificates are read first: 22 ms.
        said = httpx.get(f"{self.url}/-/bluegreen", verify=False).json()
        return said["color"], said["version"]

    def containers(self) -> set[str]:
        """The stack's running containers, without the common prefix and without holders."""
        names = docker("ps", "--filter", f"label={LABEL}={self.service}", "--format", "{{.Names}}")
        parts = {name.removeprefix(f"{self.service}-") for name in names.split()}
        return {part for part in parts if not part.endswith("-holder")}

    def exec_edge(self, script: str) -> str:
        """Run a script in the edge."""
        return docker("exec", f"{self.service}-edge", "sh", "-c", script)


def _must(done: Finished) -> Finished:
    if done.code:
        raise LabFailed(done.output)
    return done


def remove(service: str, run: Callable[..., str] = docker, scope: str = "local") -> None:
    """Remove all that a stack made in Docker.

    `run` runs docker's commands; networks of a `scope` of swarm are a manager's to remove.
    """
    mine = f"label={LABEL}={service}"
    for listing, removal in (
        # The relief of an update that was killed has a label of its own.
        (("ps", "-a", "--filter", f"name=^{service}-.*-relief$"), ("rm", "-f", "-v")),
        (("ps", "-a", "--filter", mine), ("rm", "-f", "-v")),
        (("network", "ls", "--filter", mine, "--filter", f"scope={scope}"), ("network", "rm")),
        (("volume", "ls", "--filter", mine), ("volume", "rm", "-f")),
        (("images", "--filter", mine), ("rmi", "-f")),
    ):
        deadline = time.monotonic() + GONE_SECONDS
        while found := run(*listing, "-q").split():
            with suppress(LabFailed):  # what ends by itself meanwhile cannot be removed any more
                run(*removal, *found)
                break
            if time.monotonic() > deadline:
                raise LabFailed(f"docker {' '.join(removal)} fails: {', '.join(found)} stay")
            time.sleep(0.1)


@contextmanager
def removed(folder: Path, **config: Any) -> Iterator[Stack]:
    """A stack that is gone afterwards, also when the test failed."""
    stack = Stack(folder, **config)
    try:
        yield stack
    finally:
        remove(stack.service)

"""Stacks of the tests' own: real engine, real daemon, real nginx, names and ports nobody has.

A stack lives in a copy of the program, so that a test may change a template or a file, and in
a state folder of its own. Whatever a test did, `removed` leaves nothing of it in Docker.
"""

import json
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = ("bluegreen", "nginx", "standin", "__main__.py", "Pulumi.yaml", "grafana.ini")
LABEL = "bluegreen.service"


@dataclass(frozen=True)
class Finished:
    """A finished `pulumi` command."""

    code: int
    output: str


class Stack:
    """One stack of a test."""

    def __init__(self, folder: Path, **config: Any) -> None:
        """Copy the program and write the stack's config; nothing runs yet."""
        self.folder, self.name = folder, f"t{uuid.uuid4().hex[:10]}"
        self.service = f"bluegreen-{self.name}"
        self.http_port, self.preview_port = free_ports(2)
        self.provider: dict[str, str] = {}
        for part in PROGRAM:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        (folder / "state").mkdir()
        self.environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        self.environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        self.config: dict[str, Any] = {
            "active_color": "blue",
            "blue_version": "12.3.0",
            "http_port": self.http_port,
            "preview_port": self.preview_port,
            "bake": {"seconds": 1},
            "drain_timeout": 12,
            "health": {"interval": 0.1},
        }
        self.configure(**config)
        assert self.pulumi("stack", "init", self.name).code == 0

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

    def command(self, *words: str) -> list[str]:
        """A `pulumi` command line for this stack."""
        where = [] if words[0] == "stack" else ["--stack", self.name]
        return ["pulumi", *words, *where, "--non-interactive", "--color", "never"]

    def pulumi(self, *words: str) -> Finished:
        """Run `pulumi` for this stack and wait."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        return Finished(done.returncode, done.stdout)

    def up(self, **config: Any) -> Finished:
        """Change the config and update; the update must succeed."""
        self.configure(**config)
        done = self.pulumi("up", "--yes", "--skip-preview")
        assert done.code == 0, done.output
        return done

    def up_fails(self, **config: Any) -> str:
        """Change the config and update; the update must fail. Return what it said."""
        self.configure(**config)
        done = self.pulumi("up", "--yes", "--skip-preview")
        assert done.code != 0, done.output
        return done.output

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        done = self.pulumi("stack", "output", "--json", "--stack", self.name)
        assert done.code == 0, done.output
        found: dict[str, Any] = json.loads(done.output)
        return found

    def live(self) -> tuple[str | None, str | None]:
        """Color and version that nginx says it serves."""
        said = httpx.get(f"{self.url}/-/bluegreen").json()
        return said["color"], said["version"]

    def containers(self) -> set[str]:
        """The stack's running containers, without the common prefix."""
        names = docker("ps", "--filter", f"label={LABEL}={self.service}", "--format", "{{.Names}}")
        return {name.removeprefix(f"{self.service}-") for name in names.split()}

    def exec_edge(self, script: str) -> str:
        """Run a script in the edge."""
        return docker("exec", f"{self.service}-edge", "sh", "-c", script)


def docker(*words: str) -> str:
    """Run a docker command that must succeed."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {words}: {done.stderr}"
    return done.stdout


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def remove(service: str) -> None:
    """Remove all that a stack made in Docker, by its label alone."""
    mine = ("--filter", f"label={LABEL}={service}", "-q")
    for listing, removal in (
        (("ps", "-a"), ("rm", "-f", "-v")),
        (("network", "ls"), ("network", "rm")),
        (("volume", "ls"), ("volume", "rm", "-f")),
        (("images",), ("rmi", "-f")),
    ):
        found = docker(*listing, *mine).split()
        if found:
            docker(*removal, *found)


@contextmanager
def removed(folder: Path, **config: Any) -> Iterator[Stack]:
    """A stack that is gone afterwards, also when the test failed."""
    stack = Stack(folder, **config)
    try:
        yield stack
    finally:
        remove(stack.service)

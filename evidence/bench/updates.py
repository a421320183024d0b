"""How long `pulumi` takes when there is little or nothing to do."""

import os
import statistics
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evidence.bench.errors import BenchError
from evidence.bench.figures import ratio, spread, timed
from evidence.lab.host import finish
from evidence.lab.stacks import ROOT, Stack, removed

ROUNDS = 7
ONE = """\
import pulumi_docker as docker

docker.Volume("only", name="{name}")
"""
PROJECT = """\
name: one
runtime:
  name: python
  options: {toolchain: pip, virtualenv: .venv}
"""


def measure(folder: Path, told: Callable[[str], None]) -> dict[str, Any]:
    """No-op update and preview of a stack, in turns with a program of one resource, in seconds."""
    ours: list[float] = []
    theirs: list[float] = []
    previews: list[float] = []
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    with removed(folder / "two") as stack:
        stack.up()
        one = OneResource(folder / "one", stack.environment)
        try:
            for number in range(1, ROUNDS + 1):
                told(f"update without changes {number} of {ROUNDS}")
                ours.append(timed(stack.up))
                theirs.append(timed(one.up))
                previews.append(preview_seconds(stack))
        finally:
            one.destroy()
    return {
        "noop_up_s": spread(ours),
        "one_resource_up_s": spread(theirs),
        "preview_s": spread(previews),
        "ratio_noop_up": ratio(statistics.median(ours), statistics.median(theirs)),
    }


def preview_seconds(stack: Stack) -> float:
    """How long a preview takes, which must succeed."""

    def preview() -> None:
        done = stack.pulumi("preview")
        if done.code:
            raise BenchError(f"`pulumi preview` failed: {done.output}")

    return timed(preview)


class OneResource:
    """A Pulumi program in Python with one resource, a Docker volume."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Write the program and make its stack, with the state where the environment says."""
        self._folder, self._environment = folder, environment
        name = f"bench-one-{uuid.uuid4().hex[:8]}"
        (folder / "Pulumi.yaml").write_text(PROJECT)
        (folder / "__main__.py").write_text(ONE.format(name=name))
        os.symlink(ROOT / ".venv", folder / ".venv")
        self._pulumi("stack", "init", "one")
        self.up()

    def up(self) -> None:
        """Update."""
        self._pulumi("up", "--yes", "--skip-preview", "--stack", "one")

    def destroy(self) -> None:
        """Remove what it made."""
        self._pulumi("destroy", "--yes", "--skip-preview", "--stack", "one")

    def _pulumi(self, *words: str) -> None:
        command = ["pulumi", *words, "--non-interactive"]
        done = finish(command, cwd=self._folder, env=self._environment)
        if done.code:
            raise BenchError(f"`pulumi {words[0]}` of one resource failed: {done.output}")

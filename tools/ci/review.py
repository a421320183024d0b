"""What a branch would release in each stack that it changes, as Markdown."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bluegreen.cli.errors import CommandError, NoSuchStack
from bluegreen.cli.plan import as_markdown, read_plan
from bluegreen.cli.project import Project

# No stack is made of these. Whatever is not named here counts as part of every stack: a plan
# too many says "nothing to release", one too few would hide a release.
NO_PART = (
    ".ci/",
    ".github/",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "bluegreen/cli/",
    "docs/",
    "evidence/",
    "requirements-dev.",
    "tests/",
    "tools/",
)


@dataclass(frozen=True)
class Review:
    """The words for all stacks, and whether a stack's update was refused."""

    text: str
    refused: bool


def changed_stacks(root: Path, base: str) -> list[str]:
    """The stacks whose next update the branch can change, by name.

    Args:
        root: the project's folder, a git work tree.
        base: what the branch is compared with, such as origin/main.
    """
    stacks = {_stack(file): file for file in _git(root, "ls-files", "Pulumi.*.yaml")}
    changed = _git(root, "diff", "--name-only", "--end-of-options", f"{base}...HEAD")
    everywhere = [
        file
        for file in changed
        if file not in stacks.values() and not file.startswith(NO_PART) and file[-3:] != ".md"
    ]
    return sorted(stack for stack, file in stacks.items() if everywhere or file in changed)


def review(root: Path, stacks: list[str]) -> Review:
    """Preview each stack; one that is refused does not hide the others."""
    parts, refused = [], False
    for stack in stacks:
        try:
            plan = read_plan(Project(root, stack))
            parts.append(as_markdown(plan))
            refused = refused or plan.refused
        except NoSuchStack:
            parts.append(f"**{stack}**: not created yet; the first deploy creates everything")
        except CommandError as error:
            refused = True
            parts.append(_refusal(stack, error))
    text = "\n\n".join(parts) or "No stack changes."
    return Review(f"### What this would release\n\n{text}", refused)


def _refusal(stack: str, error: CommandError) -> str:
    serves = f"\n\nNow {error.serves}." if error.serves else ""
    return f"**{stack}**: refused\n\n````\n{error.what}\n````{serves}"


def _stack(file: str) -> str:
    return file.removeprefix("Pulumi.").removesuffix(".yaml")


def _git(root: Path, *words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing said"])[0]
        raise CommandError(f"`git {' '.join(words)}` failed: {said}")
    return done.stdout.splitlines()

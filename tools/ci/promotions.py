"""What a stage of a delivery runs: its own commit, with the promotions that were made since.

A reviewer approved a commit. Whatever else was merged meanwhile is not released with it; which
color and version of each stack is live was decided by promotions, and is taken over.
"""

import subprocess
import tempfile
from pathlib import Path

from bluegreen.cli.stackfile import StackFile

KEYS = ("active_color", "blue_version", "green_version")


def take(root: Path, namespace: str, ref: str) -> list[str]:
    """Write what promotions decided into the stacks' files; return the files that changed.

    Args:
        root: the repository's folder.
        namespace: of the config's keys: the project's name.
        ref: where promotions are pushed, such as origin/main.
    """
    changed = []
    for path in sorted(root.glob("Pulumi.*.yaml")):
        there = subprocess.run(
            ["git", "show", f"{ref}:./{path.name}"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if there.returncode:
            continue  # the stack is new in this commit
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_text(there.stdout)
            promoted = StackFile(copy, namespace)
        own, before = StackFile(path, namespace), path.read_text()
        own.change(**{key: promoted.get(key) for key in KEYS})
        if promoted.data.get("copy") != own.data.get("copy"):
            own.change_copy(str(promoted.data.get("copy") or ""))
        if path.read_text() != before:
            changed.append(path.name)
    return changed

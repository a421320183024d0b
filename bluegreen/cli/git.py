"""A git commit of the stack's file, for `--commit`."""

import subprocess

from bluegreen.cli.errors import CommandError
from bluegreen.cli.project import Project


def commit(project: Project, message: str) -> None:
    """Commit the stack's file alone; other changes in the work tree stay as they are."""
    path = project.file.path.name
    for words in (["add", "--", path], ["commit", "--quiet", "-m", message, "--", path]):
        done = subprocess.run(
            ["git", *words], cwd=project.root, capture_output=True, text=True, check=False
        )
        if done.returncode and "nothing to commit" not in done.stdout:
            said = (done.stderr or done.stdout).strip()
            raise CommandError(
                f"released, but `git {words[0]}` failed: {said}",
                serves=project.serves(),
                todo=f"commit {path} yourself",
            )

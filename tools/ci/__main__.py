"""`make review` and `make runner`."""

import os
import sys
from pathlib import Path

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.errors import BluegreenError
from tools.ci import review, runner
from tools.ci.github import PullRequest

ROOT = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    """Run one of the two; return the exit code."""
    try:
        if words == ["review"]:
            return _review()
        if words == ["runner"]:
            print(runner.prepare(Path.home() / ".ssh", os.environ))
            return Exit.OK
    except (CommandError, BluegreenError) as error:
        print(f"failed: {error}", file=sys.stderr)
        if todo := getattr(error, "todo", ""):
            print(f"to do: {todo}", file=sys.stderr)
        return getattr(error, "code", Exit.FAILED)
    print("usage: python -m tools.ci review|runner", file=sys.stderr)
    return Exit.USAGE


def _review() -> int:
    """Tell what a branch would release, in its pull request too if there is one."""
    base = os.environ.get("BASE") or "origin/main"
    stacks = review.changed_stacks(ROOT, base)
    found = review.review(ROOT, stacks)
    print(found.text)
    pull_request = PullRequest.of(os.environ)
    if pull_request:
        pull_request.tell(found.text, worth_a_new_comment=bool(stacks))
    return Exit.USAGE if found.refused else Exit.OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make review`, `make runner` and `make promotions`."""

import os
import sys
from pathlib import Path

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.project import name_in
from bluegreen.errors import BluegreenError
from tools.ci import promotions, review, runner
from tools.ci.github import PullRequest

ROOT = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    """Run one of them; return the exit code."""
    try:
        if words == ["review"]:
            return _review()
        if words == ["runner"]:
            print(runner.prepare(Path.home() / ".ssh", os.environ))
            return Exit.OK
        if words == ["promotions"]:
            changed = promotions.take(ROOT, name_in(ROOT / "Pulumi.yaml"), "origin/main")
            print(f"promotions since: {', '.join(changed) or 'none'}")
            return Exit.OK
    except (CommandError, BluegreenError) as error:
        print(f"failed: {error}", file=sys.stderr)
        if todo := getattr(error, "todo", ""):
            print(f"to do: {todo}", file=sys.stderr)
        return getattr(error, "code", Exit.FAILED)
    print("usage: python -m tools.ci review|runner|promotions", file=sys.stderr)
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

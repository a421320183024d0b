"""The workflows run nothing but this project's own commands, with no more rights than they need."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bluegreen.cli.app import app
from tests.unit.examples import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
READY = 'eval "$(make -s env)" && '
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
STACKS = {"dev", "staging", "prod"}


def content(name: str) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true.
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    return found


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = content(name)["jobs"]
    return found


def steps() -> Iterator[dict[str, Any]]:
    for file in FILES:
        for job in jobs(file.stem).values():
            yield from job["steps"]


def refuse_unless_ours(line: str) -> None:
    """Raise if a shell line is no make target and no `bluegreen` command with options it has."""
    words = shlex.split(line.removeprefix(READY))
    if words[0] == "make":
        assert set(words[1:]) <= TARGETS, line
        return
    assert line.startswith(READY), f"{line}: nothing puts `bluegreen` on PATH"
    assert words[0] == "bluegreen", line
    # Unknown words are refused before --help is answered.
    assert CliRunner().invoke(app, [*words[1:], "--help"]).exit_code == 0, line


def test_every_shell_step_is_a_command_that_exists() -> None:
    """What a workflow runs can be run, and is tested, at a desk."""
    lines = [step["run"] for step in steps() if "run" in step]
    assert len(lines) > len(FILES)
    for line in lines:
        assert "\n" not in line
        assert "${{" not in line, "values come by env, where no shell reads them"
        refuse_unless_ours(line)


@pytest.mark.parametrize(
    "line",
    [
        "make coffee",
        "bluegreen status",
        READY + "bluegreen brew",
        READY + "bluegreen status --loud",
        "curl example.com",
    ],
)
def test_a_command_that_does_not_exist_would_be_noticed(line: str) -> None:
    """The check above is one."""
    with pytest.raises(AssertionError):
        refuse_unless_ours(line)


def test_actions_are_pinned_to_a_commit_with_its_version_beside_it() -> None:
    """A tag can be moved, a commit cannot."""
    text = "".join(file.read_text() for file in FILES)
    used = re.findall(r"uses: .*", text)
    assert used
    for each in used:
        assert re.fullmatch(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_each_job_has_the_rights_it_needs_and_no_others() -> None:
    """Nothing by default; only promotions may write to the repository."""
    for file in FILES:
        assert content(file.stem)["permissions"] == {}
        for name, job in jobs(file.stem).items():
            assert job["timeout-minutes"]
            writes = {k for k, v in job["permissions"].items() if v == "write"}
            expected = {
                ("preview", "preview"): {"pull-requests"},
                ("deploy", "staging"): {"contents"},
                ("deploy", "prod"): {"contents"},
            }
            assert writes == expected.get((file.stem, name), set())


def test_secrets_are_handed_over_by_env_only() -> None:
    """Never in a command line."""
    for step in steps():
        for key, value in step.items():
            assert key == "env" or "secrets." not in str(value)


def test_each_stack_has_one_release_at_a_time_which_nothing_cancels() -> None:
    """One concurrency group per stack, which no other workflow shares."""
    deploy = jobs("deploy")
    assert set(deploy) == STACKS
    for stack, job in deploy.items():
        assert job["concurrency"] == {"group": f"bluegreen-{stack}", "cancel-in-progress": False}
        assert job["environment"] == stack
    others = content("preview")["concurrency"]["group"] + str(jobs("drift"))
    assert "bluegreen-" not in others


def test_stacks_are_released_in_order() -> None:
    """Staging waits for dev, prod for staging."""
    deploy = jobs("deploy")
    assert deploy["staging"]["needs"] == "dev"
    assert deploy["prod"]["needs"] == "staging"


def test_drift_is_looked_for_in_every_stack() -> None:
    """Each in a job of its own, so that one does not hide another."""
    strategy = jobs("drift")["drift"]["strategy"]
    assert set(strategy["matrix"]["stack"]) == STACKS
    assert strategy["fail-fast"] is False


def test_previews_are_not_run_for_forks() -> None:
    """A fork's branch would get the secrets of a preview."""
    condition = jobs("preview")["preview"]["if"]
    assert condition == "github.event.pull_request.head.repo.full_name == github.repository"

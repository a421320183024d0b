"""A `docker` of the tests' own, first on PATH: it runs on this machine what a test tells it to."""

import os
from pathlib import Path

import pytest

MAIN = """\
#!/bin/sh
here=${0%/*}
echo "$*" >> "$here/asked"
case $1 in --*) shift 2 ;; esac
verb=$1
shift
. "$here/docker-$verb"
"""


class FakeDocker:
    """The fake's folder: one script for each of docker's subcommands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # As `docker exec -i CONTAINER sh`: the shell is one of this machine.
        self.does("exec", 'shift 2; exec "$@"')
        self.does("wait", "exec tail -f /dev/null")
        self.does("inspect", "echo running 0 0 false")
        self.does("logs", "")
        self.put("docker", MAIN)

    def does(self, verb: str, script: str) -> None:
        """Let a subcommand do this; "$@" is what follows it on the command line."""
        (self.folder / f"docker-{verb}").write_text(f"{script}\n")

    def put(self, name: str, script: str) -> None:
        """Put an executable script beside it, first on PATH too."""
        (self.folder / name).write_text(script)
        (self.folder / name).chmod(0o755)

    def asked(self) -> list[str]:
        """The command lines so far."""
        log = self.folder / "asked"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A fake `docker`, first on PATH for as long as the test lasts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return FakeDocker(folder)

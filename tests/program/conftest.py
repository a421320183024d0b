"""No program test ever asks the machine's own Docker."""

import os
from pathlib import Path

import pytest

from tests.unit.conftest import FakeDocker


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A `docker` that has nothing, first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    fake = FakeDocker(folder)
    fake.does("cp", "echo 'No such container' >&2; exit 1")
    for listing in ("ps", "network", "volume", "service"):
        fake.does(listing, "")
    fake.does("info", "echo true")
    fake.does("image", "exit 1")
    fake.put("pulumi", "#!/bin/sh\nexit 1\n")  # a mock has no state
    return fake

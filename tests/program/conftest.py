"""No program test ever asks the machine's own Docker."""

import os
from pathlib import Path

import pytest

from tests.unit.conftest import FakeDocker


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A `docker` that knows no container, first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    fake = FakeDocker(folder)
    fake.does("cp", "echo 'No such container' >&2; exit 1")
    return fake

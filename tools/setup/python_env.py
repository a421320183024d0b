"""The virtual environment that the program and its checks run in."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

from tools.setup.machine import Machine, Stopwatch

REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
PROJECT = "pyproject.toml"
STAMP = ".installed"


def ensure_python(machine: Machine) -> bool:
    """Make .venv and install the hashed requirements; True if there was something to do."""
    venv = machine.places.venv
    files = [machine.places.repo / name for name in REQUIREMENTS]
    files = [file for file in files if file.exists()]
    project = machine.places.repo / PROJECT
    wanted = fingerprint([*files, project] if project.exists() else files)
    stamp = venv / STAMP
    complete = stamp.exists() and (venv / "bin" / "python").exists()
    if complete and stamp.read_text() == wanted:
        return False

    took = Stopwatch()
    if not complete:
        # Without the stamp it may be half of one, which pip cannot be trusted to complete.
        if importlib.util.find_spec("ensurepip") is None:
            machine.debian.require(["python3-venv"], "Python's venv module")
        # The real interpreter, as this may be running in the very environment to be made anew.
        python = os.path.realpath(sys.executable)
        machine.commands.run([python, "-m", "venv", "--clear", venv], "venv")
    for file in files:
        # One by one: pip wants a package's hash in the same file as whatever asks for it.
        machine.commands.run(
            [venv / "bin" / "python", "-m", "pip", "install", "--require-hashes", "-r", file],
            f"pip-{file.stem}",
        )
    # The command `bluegreen`: what it needs, and what builds it, is there by now.
    pip: list[str | Path] = [venv / "bin" / "python", "-m", "pip", "install", "--no-deps"]
    editable: list[str | Path] = ["--no-build-isolation", "--editable", machine.places.repo]
    machine.commands.run(pip + editable, "pip-bluegreen")
    stamp.write_text(wanted)
    machine.report.say(f"python: packages installed into {venv}, {took}")
    return True


def fingerprint(files: list[Path]) -> str:
    """Changes when a file's content does."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()

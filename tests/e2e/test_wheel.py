"""The wheel, alone in an environment of its own, and a project of somebody else that uses it."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import httpx
import pytest

from evidence.lab.host import Finished, finish, free_ports
from evidence.lab.stacks import ROOT, remove

SOURCES = ("bluegreen", "nginx", "pyproject.toml", "README.md", "LICENSE")
BUILD_SDIST = "import sys; from setuptools import build_meta as b; b.build_sdist(sys.argv[1])"
# By their metadata, in the environment itself: what `bluegreen` needs, directly or not.
NEEDED = """
import json, re
from importlib.metadata import distributions, requires

def named(text):
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", text)[0]).lower()

there, found, todo = {named(each.name) for each in distributions()}, set(), ["bluegreen"]
while todo:
    name = todo.pop()
    if name not in found and name in there:
        found.add(name)
        todo += [named(each) for each in requires(name) or []]
print(json.dumps([sorted(there), sorted(found)]))
"""
PROGRAM = '''\
"""A shop, released in two colors."""

import pulumi

from bluegreen.program import declare

service = declare()
pulumi.export("address", service.url)
pulumi.export("carries", service.live)
'''


def must(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command that must succeed; return what it said."""
    done = finish(list(map(str, command)), cwd=cwd, env=alone(), timeout=240)
    assert done.code == 0, done.output
    return done.output


def alone() -> dict[str, str]:
    """The environment, without a way from it to the code here."""
    theirs = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return theirs | {"COLUMNS": "200", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and what it needs."""

    venv: Path

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.venv / "bin" / "python"

    @property
    def bluegreen(self) -> Path:
        """Its command line."""
        return self.venv / "bin" / "bluegreen"

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        return next(self.venv.glob("lib/python3.*/site-packages"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The sdist, the wheel that is made of it, and an environment that has nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    sources, venv = folder / "sources", folder / "venv"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            copytree(ROOT / name, sources / name, ignore=ignore_patterns("__pycache__"))
        else:
            copy(ROOT / name, sources / name)
    must(sys.executable, "-c", BUILD_SDIST, folder, cwd=sources)
    (sdist,) = folder.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip")
    build = ("wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    must(*pip, *build, "--wheel-dir", folder, sdist)
    (wheel,) = folder.glob("*.whl")
    must(sys.executable, "-m", "venv", "--without-pip", venv)
    install = (*pip, "--python", venv / "bin" / "python", "install", "--quiet", "--no-compile")
    must(*install, "--require-hashes", "-r", ROOT / "requirements.txt")
    must(*install, "--no-index", "--no-deps", wheel)
    return Installed(venv)


def test_the_wheel_has_one_import_root_and_all_that_runs_in_the_edge(installed: Installed) -> None:
    """Nothing of what proves or installs the program, and no name that others want."""
    record = next(installed.packages.glob("bluegreen-*.dist-info")) / "RECORD"
    files = {line.partition(",")[0] for line in record.read_text().splitlines()}
    roots = {file.partition("/")[0] for file in files if not file.startswith("../")}
    assert roots == {"bluegreen", record.parent.name}
    assert {f for f in files if f.startswith("../")} == {"../../../bin/bluegreen"}
    ours = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "bluegreen").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    ours |= {
        f"bluegreen/{file.relative_to(ROOT)}"
        for file in (ROOT / "nginx").rglob("*")
        if file.is_file()
    }
    theirs = {f for f in files if f.startswith("bluegreen/") and not f.endswith(".pyc")}
    assert theirs == ours
    for name in ("load", "lab", "cli", "bench", "proof", "evidence", "tools", "tests", "nginx"):
        assert not list(installed.packages.glob(f"{name}*")), name


def test_the_wheel_declares_all_that_it_needs(installed: Installed) -> None:
    """What it names is there, in versions that it takes, and nothing is there that it does not."""
    must(sys.executable, "-m", "pip", "--python", installed.python, "check")
    there, needed = json.loads(must(installed.python, "-c", NEEDED))
    assert there == needed


def test_the_wheel_imports_and_its_command_line_answers(
    installed: Installed, tmp_path: Path
) -> None:
    """From any folder; a mistake in where is told as ever."""
    where = "import bluegreen; print(bluegreen.__file__)"
    said = must(installed.python, "-c", where, cwd=tmp_path)
    assert Path(said.strip()).is_relative_to(installed.packages)
    assert "deploy" in must(installed.bluegreen, "--help", cwd=tmp_path)
    refused = finish([str(installed.bluegreen), "status"], cwd=tmp_path, env=alone(), timeout=60)
    assert refused.code == 2
    assert "there is no Pulumi.yaml" in refused.output


@dataclass(frozen=True)
class Shop:
    """Somebody's project, in a folder that has nothing of this one."""

    folder: Path
    port: int
    installed: Installed

    def run(self, *command: str | Path) -> Finished:
        """Run a command there and wait."""
        state = {"PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}"}
        environment = alone() | state | {"PULUMI_CONFIG_PASSPHRASE": "test"}
        environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        words = list(map(str, command))
        return finish(words, cwd=self.folder, env=environment, timeout=240)

    def done(self, *command: str | Path) -> str:
        """Run a command that must succeed; return what it said."""
        done = self.run(*command)
        assert done.code == 0, done.output
        assert "Traceback" not in done.output, done.output
        return done.output

    def bluegreen(self, *words: str) -> str:
        """Run the wheel's command line, which must succeed."""
        return self.done(self.installed.bluegreen, *words, "--stack", self.stack)

    @property
    def stack(self) -> str:
        """The stack's name, no other's on this machine."""
        return f"t{self.port}"


@pytest.fixture
def shop(installed: Installed, tmp_path: Path) -> Iterator[Shop]:
    """A project named shop with a program of ten lines, gone afterwards."""
    (port,) = free_ports(1)
    shop = Shop(tmp_path, port, installed)
    (tmp_path / "state").mkdir()
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "Pulumi.yaml").write_text(
        "name: shop\n"
        f"runtime: {{name: python, options: {{toolchain: pip, virtualenv: {installed.venv}}}}}\n"
    )
    (tmp_path / f"Pulumi.{shop.stack}.yaml").write_text(
        "config:\n"
        "  shop:active_color: blue\n"
        '  shop:blue_version: "12.3.0"\n'
        f'  shop:http_port: "{shop.port}"\n'
        "  shop:bake: {seconds: 0}\n"
    )
    try:
        yield shop
    finally:
        remove(f"shop-{shop.stack}")


def test_a_program_of_ten_lines_in_a_project_of_another_name_releases_a_service(
    shop: Shop,
) -> None:
    """It previews with plain pulumi, and the command line knows the project by its own name."""
    assert len(PROGRAM.splitlines()) <= 10
    stack = ("--stack", shop.stack, "--non-interactive", "--color", "never")
    shop.done("pulumi", "stack", "init", *stack)
    seen = shop.done("pulumi", "preview", *stack)
    assert "bluegreen:index:Service" in seen
    assert "release blue 12.3.0" in seen

    assert "blue 12.3.0 is live" in shop.bluegreen("deploy", "12.3.0", "--yes")
    # Without `verify`, all of this machine's certificates are read first: 22 ms.
    live = httpx.get(f"http://127.0.0.1:{shop.port}/-/bluegreen", verify=False).json()
    assert (live["color"], live["version"]) == ("blue", "12.3.0")
    status = json.loads(shop.bluegreen("status", "--json", "--check"))
    assert (status["live"]["version"], status["drift"]) == ("12.3.0", [])
    outputs = json.loads(shop.done("pulumi", "stack", "output", "--json", *stack[:2]))
    assert outputs["address"] == outputs["url"]
    assert outputs["carries"] == outputs["live"]

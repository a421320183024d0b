"""What the wheel is made of, and the names by which a project of another name is known."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pulumi.automation import OutputValue

from bluegreen.cli import history
from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.project import Project
from tests.unit.examples import ROOT

CONTENT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
DECLARED = {each.name: each for each in map(Requirement, CONTENT["project"]["dependencies"])}
# In requirements.in for the development of this project alone.
OURS = {"setuptools", "pip"}
# Packages by what they are imported as, where that is not their own name.
PACKAGE_OF = {"pulumi_docker": "pulumi-docker", "pulumi_command": "pulumi-command"}
PACKAGE_OF |= {"ruamel": "ruamel.yaml", "yaml": "pyyaml", "grpc": "grpcio", "google": "protobuf"}


def lines(name: str) -> list[str]:
    """A requirements file's entries, without options, comments and hashes."""
    text = (ROOT / name).read_text().splitlines()
    return [line.split(" \\")[0] for line in text if line and line[0] not in "# -"]


def imported() -> set[str]:
    """The top names of all that bluegreen imports of others."""
    found: set[str] = set()
    for file in (ROOT / "bluegreen").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    tops = {name.partition(".")[0] for name in found}
    return tops - set(sys.stdlib_module_names) - {"bluegreen"}


def test_every_room_is_in_the_wheel() -> None:
    """A folder of code that is not listed would be missing in it, and only there."""
    rooms = {
        ".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "bluegreen").rglob("*.py")
    }
    assert set(CONTENT["tool"]["setuptools"]["packages"]) == rooms | {"bluegreen.nginx"}


def test_every_package_that_is_imported_is_declared() -> None:
    """And none that is not."""
    assert {PACKAGE_OF.get(name, name) for name in imported()} == set(DECLARED)


def test_dependencies_and_requirements_agree() -> None:
    """What the wheel asks for is what requirements.in names, and takes what that is pinned to."""
    asked = {Requirement(line).name for line in lines("requirements.in")}
    assert asked - OURS == set(DECLARED)
    pins = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in map(Requirement, lines("requirements.txt"))
    }
    for name, declared in DECLARED.items():
        version = pins[canonicalize_name(name)]
        assert version in declared.specifier, f"{declared}: pinned to {version}"


def test_importing_it_loads_neither_pulumi_nor_an_http_client() -> None:
    """The switch and each provider are processes of their own, which begin with this."""
    assert loaded("bluegreen", "pulumi", "httpx") == []


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("bluegreen.cli.app", ("pulumi", "grpc", "httpx")),
        ("bluegreen.cli.release, bluegreen.cli.status", ("pulumi_docker", "httpx")),
    ],
)
def test_a_verb_waits_only_for_what_it_uses(modules: str, unwanted: tuple[str, ...]) -> None:
    """`--help` needs no SDK, and a release asks Docker by its own command line."""
    assert loaded(modules, *unwanted) == []


def loaded(modules: str, *unwanted: str) -> list[str]:
    """Which of the unwanted are loaded by an import of these modules."""
    code = f"import sys, {modules}; print(*({{*{unwanted!r}}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode().split()


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """Stack dev of a project named shop."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  shop:active_color: green\n  bluegreen:active_color: blue\n"
    )
    return Project(tmp_path, "dev")


def test_a_projects_name_is_what_its_keys_and_containers_begin_with(shop: Project) -> None:
    """Keys of another namespace are not ours."""
    assert shop.service == "shop-dev"
    assert shop.file.active_color == "green"
    assert shop.ours({"shop:port": 1, "bluegreen:port": 2, "docker:host": 3}) == {"port": 1}
    file = shop.file
    file.change(active_color="blue", blue_version="12.4.0")
    text = file.path.read_text()
    assert "shop:active_color: blue" in text
    assert "shop:blue_version: 12.4.0" in text


def test_outputs_are_read_once_until_an_update(shop: Project) -> None:
    """It takes pulumi 0.6 s; and what an update changed is not told from before it."""
    lives = iter(("blue", "green"))
    shop.__dict__["stack"] = SimpleNamespace(
        outputs=lambda: {
            "live": OutputValue(value=next(lives), secret=False),
            "key": OutputValue(value="k", secret=True),
        },
        up=lambda **_how: None,
    )
    assert [shop.outputs(), shop.outputs(secrets=True)] == [
        {"live": "blue"},
        {"live": "blue", "key": "k"},
    ]
    shop.up("", lambda _event: None)
    assert shop.outputs() == {"live": "green"}


def test_history_reads_the_projects_own_keys(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each update, as it was then."""
    config = {"shop:active_color": "green", "shop:green_version": "12.4.0"}
    update = SimpleNamespace(
        kind="update",
        result="succeeded",
        config={key: SimpleNamespace(value=value) for key, value in config.items()},
        start_time=SimpleNamespace(isoformat=lambda *_: "then"),
        end_time=None,
        message="me: release",
        environment={},
    )
    monkeypatch.setattr(shop, "history", lambda: cast("Any", [update]))
    (release,) = history.read_history(shop, 5)
    assert release.after == "green 12.4.0"


@pytest.mark.parametrize("text", ["", "runtime: python\n", "- name\n", "name: [", "name:\n"])
def test_a_project_file_without_a_name_is_told_as_such(tmp_path: Path, text: str) -> None:
    """Everything is named after it."""
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(CommandError, match="does not say the project's name") as refused:
        Project(tmp_path, "dev")
    assert refused.value.code == Exit.USAGE

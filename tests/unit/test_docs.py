"""The docs name what there is: links, commands, config keys and their defaults."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import evidence.load as load
from bluegreen.cli.app import app
from bluegreen.config import defaults
from evidence.bench.chart import draw
from evidence.bench.table import as_markdown
from tests.unit.examples import ROOT
from tests.unit.test_workflows import TARGETS

DOCS = sorted(
    file
    for file in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "out" for part in file.relative_to(ROOT).parts)
)
OTHERS = {"cd", "curl", "docker", "eval", "export", "git", "pulumi", "python", "python3", "rm"}


def commands(file: Path) -> Iterator[str]:
    """What follows a $ in the console blocks."""
    for block in re.findall(r"```console\n(.*?)```", file.read_text(), re.DOTALL):
        yield from re.findall(r"^\$ (.*)", block, re.MULTILINE)


def names(file: Path) -> Iterator[str]:
    """Commands of ours in running text and tables."""
    text = re.sub(r"```.*?```", "", file.read_text(), flags=re.DOTALL)
    yield from re.findall(r"`((?:bluegreen|make) [^`|]+)`", text)


def refuse_unless_known(line: str) -> None:
    """Raise if a command is none of ours with options that it has, nor one of everybody's."""
    for part in re.split(r"\s&&\s", line):
        words = shlex.split(part, comments=True)
        if words[0] == "make":
            assert {word for word in words[1:] if word[0] != "-" and "=" not in word} <= TARGETS, (
                line
            )
        elif words[0] == "bluegreen":
            if words[1].startswith("--"):
                continue
            shown = CliRunner().invoke(app, [*words[1:], "--help"])
            assert shown.exit_code == 0, f"{line}: {shown.output}"
        else:
            assert words[0] in OTHERS, line


@pytest.mark.parametrize("file", DOCS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_in_the_docs_exists(file: Path) -> None:
    """Make targets, `bluegreen` with its options, and a few that everybody has."""
    for line in [*commands(file), *names(file)]:
        refuse_unless_known(line)


@pytest.mark.parametrize("line", ["make coffee", "bluegreen brew", "bluegreen plan --x", "sh x"])
def test_a_command_that_does_not_exist_would_be_noticed(line: str) -> None:
    """The check above is one."""
    with pytest.raises(AssertionError):
        refuse_unless_known(line)


@pytest.mark.parametrize("file", DOCS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_into_the_project_leads_somewhere(file: Path) -> None:
    """To a file or folder, and to a heading where it names one."""
    for link in re.findall(r"\]\(([^)\s]+)\)", file.read_text()):
        if link.startswith("http"):
            continue
        path, _, heading = link.partition("#")
        target = file.parent / path if path else file
        assert target.exists(), link
        if heading:
            found = re.findall(r"^#+ (.*)", target.read_text(), re.MULTILINE)
            assert heading in [each.lower().replace(" ", "-") for each in found], link


def table(file: Path) -> dict[str, str]:
    """Keys and defaults of a config table."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| ", file.read_text(), re.MULTILINE)
    return {key: default.strip() for key, default in rows}


def declared() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return found


def test_the_config_table_has_every_key_and_its_default() -> None:
    """Pulumi.yaml is the list; where it leaves a default to the code, the table may use words."""
    shown = table(ROOT / "docs" / "config.md")
    assert list(shown) == list(declared())
    for key, entry in declared().items():
        default = entry["default"]
        if default == "0":
            assert shown[key] == "none"
        elif default and isinstance(default, str):
            assert shown[key] == f"`{default}`"
    assert shown["image"] == f"`{defaults.GRAFANA}`"


def test_the_readmes_table_agrees_with_the_full_one() -> None:
    """It is shorter, and says nothing else."""
    full = table(ROOT / "docs" / "config.md")
    for key, default in table(ROOT / "README.md").items():
        assert key in full
        assert full[key] in (default, ""), key


def test_the_readme_fits_two_screens() -> None:
    """Before it links on."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100


MEASURED = sorted((ROOT / "docs" / "measured").glob("*.record.json"))


@pytest.mark.parametrize("record", MEASURED, ids=lambda file: file.stem)
def test_each_picture_is_drawn_from_its_recorded_run(record: Path, tmp_path: Path) -> None:
    """Nobody touched it up."""
    picture = record.with_name(record.name.replace(".record.json", ".svg"))
    title = record.name.partition(".")[0].replace("-", " ").capitalize()
    drawn = tmp_path / "again.svg"
    draw(load.Report.from_json(record.read_text()), drawn, title)
    assert drawn.read_text() == picture.read_text()


def test_the_measured_table_is_made_from_the_measured_data() -> None:
    """In the benchmark's page, word for word."""
    found = json.loads((ROOT / "docs" / "measured" / "bench.json").read_text())
    assert as_markdown(found).strip() in (ROOT / "docs" / "benchmark.md").read_text()

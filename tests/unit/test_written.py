"""Texts of a stack's file as written, whatever YAML makes of them."""

from pathlib import Path
from typing import Any

import pytest

from bluegreen.cli.errors import CommandError
from bluegreen.cli.stackfile import StackFile
from bluegreen.config import load as config
from bluegreen.config.load import Reading, read_config
from bluegreen.config.scalars import Plain, confirms, engine_text, resolve
from bluegreen.config.written import as_engine, of_text, own, read_written
from bluegreen.errors import ConfigError
from tests.unit.examples import ROOT, SMALLEST

# What the engine handed over for these, tried with Pulumi 3.259: alone, and in an object.
TRIED: list[tuple[str, str, Any]] = [
    ("2024.10", "2024.1", 2024.1),
    ("1.20", "1.2", 1.2),
    ("8e12345", "8e12345", "8e12345"),
    ("0123456", "42798", 42798),
    ("0o17", "15", 15),
    ("0089", "89", 89),
    ("-0123", "-83", -83),
    ("1e3", "1000", 1000),
    ("1e21", "1e+21", 1e21),
    ("0.0000001", "1e-7", 1e-7),
    ("0.00001", "0.00001", 0.00001),
    ("5e-324", "5e-324", 5e-324),
    (".5", "0.5", 0.5),
    ("1.", "1", 1),
    ("+1", "1", 1),
    ("-0", "0", 0),
    ("12_000", "12000", 12000),
    ("1_2.5", "12.5", 12.5),
    ("0x1F", "31", 31),
    ("0b101", "5", 5),
    ("12345678901234567890123", "1.2345678901234568e+22", 1.2345678901234568e22),
    ("9007199254740993", "9007199254740993", 9007199254740993),
    ("100000000000000000000.5", "100000000000000000000", 1e20),
    ("2024-10-01", "2024-10-01 00:00:00 +0000 UTC", "2024-10-01 00:00:00 +0000 UTC"),
    ("2024-1-2", "2024-01-02 00:00:00 +0000 UTC", "2024-01-02 00:00:00 +0000 UTC"),
    (
        "2024-10-01T10:00:00.120+02:00",
        "2024-10-01 10:00:00.12 +0200 +0200",
        "2024-10-01 10:00:00.12 +0200 +0200",
    ),
    ("2024-13-45", "2024-13-45", "2024-13-45"),
    ("True", "true", True),
    ("yes", "yes", "yes"),
    ("on", "on", "on"),
    ("1:30", "1:30", "1:30"),
    ("12.4.0", "12.4.0", "12.4.0"),
]


@pytest.mark.parametrize(("text", "alone", "inner"), TRIED, ids=[text for text, _, _ in TRIED])
def test_what_the_engine_makes_of_a_text_is_known(text: str, alone: str, inner: Any) -> None:
    """So that a value of the engine's is known to come from this text of the file."""
    assert confirms(Plain(text), alone)
    assert confirms(Plain(text), inner)
    assert alone.startswith(engine_text(resolve(Plain(text))))


@pytest.mark.parametrize(
    ("written", "value"),
    [(Plain("2024.10"), "2024.2"), (Plain("1.20"), "1.200"), ("1.20", "1.2"), (Plain("1"), True)],
)
def test_a_value_from_elsewhere_is_not_taken_for_the_files(written: str, value: Any) -> None:
    """Another config file, or a value of the command line's: that wins."""
    assert not confirms(written, value)


def read(folder: Path, text: str, raw: dict[str, Any] | None = None) -> Reading:
    """Read a stack's file as the command line does; with raw as the program, from the engine."""
    (folder / "Pulumi.yaml").write_text("name: shop\n")
    (folder / "Pulumi.dev.yaml").write_text(text)
    said = read_written(folder, "shop", "dev")
    return config.read_config(as_engine(said) if raw is None else raw, ROOT, written=said)


FILE = """
config:
  shop:active_color: blue
  shop:blue_version: 2024.10
  shop:command: [serve, 1.10, 0123]
  shop:env: {PIN: 0123, RATE: 1.10, ON: yes, T: True, DAY: 2024-10-01}
"""
FROM_ENGINE = {
    "active_color": "blue",
    "blue_version": "2024.1",
    "command": '["serve",1.1,83]',
    "env": '{"PIN":83,"RATE":1.1,"ON":"yes","T":true,"DAY":"2024-10-01 00:00:00 +0000 UTC"}',
}


@pytest.mark.parametrize("raw", [None, FROM_ENGINE], ids=["command line", "program"])
def test_texts_are_taken_as_written(tmp_path: Path, raw: dict[str, Any] | None) -> None:
    """By `bluegreen`, which reads the file, and by `pulumi up`, which gets numbers of it."""
    found = read(tmp_path, FILE, raw)
    settings = found.settings
    assert found.mistakes == ()
    assert settings.versions["blue"] == "2024.10"
    assert settings.command == ("serve", "1.10", "0123")
    assert settings.env == {
        "PIN": "0123",
        "RATE": "1.10",
        "ON": "yes",
        "T": "True",
        "DAY": "2024-10-01",
    }
    assert "blue_version: 2024.10 has no quotes" in found.doubts[0]
    assert "would rewrite it as 2024.1" in found.doubts[0]


def test_a_value_that_may_have_lost_something_is_told(tmp_path: Path) -> None:
    """The engine's wins where it is not the file's: alone with a word, in an object by no means."""
    raw = FROM_ENGINE | {"blue_version": "2024.2"}
    found = read(tmp_path, FILE, raw)
    assert found.settings.versions["blue"] == "2024.2"
    assert "2024.2 is not what the stack's file has" in "".join(found.doubts)
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, FILE, raw | {"env": '{"PIN": 84}'}).checked()
    assert refused.value.mistakes == ["env.PIN: is not text; allowed: text, in quotes"]


def test_null_is_no_text(tmp_path: Path) -> None:
    """Refused by name; an empty text is one in quotes."""
    found = read(tmp_path, FILE.replace("0123, RATE", "null, RATE"))
    assert "env.PIN: not usable" in found.mistakes[0]


def test_what_pulumi_would_rewrite_is_put_in_quotes(tmp_path: Path) -> None:
    """A release writes its version so that everyone reads the text, and saves the others'."""
    read(tmp_path, FILE.replace("config:", "# mine\nconfig:") + "  shop:http_port: 0x50\n")
    path = tmp_path / "Pulumi.dev.yaml"
    StackFile(path, "shop").change(green_version="8e123", active_color="green")
    text = path.read_text()
    assert "# mine" in text
    for line in (
        'shop:blue_version: "2024.10"',
        'shop:green_version: "8e123"',
        'command: [serve, "1.10", "0123"]',
        '{PIN: "0123", RATE: "1.10", ON: yes, T: "True", DAY: "2024-10-01"}',
        "shop:http_port: 0x50",
    ):
        assert line in text
    file = StackFile(path, "shop")
    assert file.get("green_version") == "8e123"
    file.change(blue_version="2024.20")
    assert StackFile(path, "shop").get("blue_version") == "2024.20"


def test_an_object_in_quotes_is_read_by_its_own_text(tmp_path: Path) -> None:
    """`pulumi config set env '{"RATE": 1.10}'` keeps the text in the file."""
    text = SMALLEST | {"env": '{"RATE": 1.10}'}
    found = read(tmp_path, "config:\n  shop:env: '{\"RATE\": 1.10}'\n", text)
    assert found.settings.env == {"RATE": "1.10"}


def test_broken_yaml_is_a_mistake_of_the_config(tmp_path: Path) -> None:
    """Told with the file's name, as any other."""
    with pytest.raises(ConfigError, match=r"Pulumi\.dev\.yaml is not valid YAML"):
        read(tmp_path, "config: [")


def test_a_secret_that_the_file_hides_counts_as_set() -> None:
    """Most commands need no secret: they read the file alone, and must not call it missing."""
    text = """config:
  bluegreen:active_color: blue
  bluegreen:blue_version: 12.3.0
  bluegreen:data:
    mode: external
  bluegreen:database_url:
    secure: v1:abc
"""
    written = own(of_text(text, "file")["config"], "bluegreen")
    found = read_config(as_engine(written), ROOT, secrets=["database_url"], written=written)
    assert found.mistakes == ()
    assert found.settings.data.mode == "external"


@pytest.mark.parametrize("text", ["config: [", "config:\n  shop:image: a\n  shop:image: b\n"])
def test_a_stack_file_that_cannot_be_edited_is_told_and_left_alone(
    tmp_path: Path, text: str
) -> None:
    """Broken, or with a key twice: which of the two is meant, nobody knows."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(text)
    with pytest.raises(CommandError, match=r"Pulumi\.dev\.yaml is not valid YAML") as caught:
        StackFile(path, "shop").change(active_color="green")
    assert "nothing was touched" in caught.value.todo
    assert path.read_text() == text

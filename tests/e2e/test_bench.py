"""The benchmark's short form: a few switches, under every kind of client, beside the script."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evidence.bench import baseline
from evidence.bench.__main__ import app
from evidence.load.plan import KINDS


def bench(*words: str) -> tuple[int, str]:
    """Run the benchmark; return its exit code and what it said."""
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def read(file: Path) -> dict[str, Any]:
    """A file of results."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.timeout(400)
def test_switches_under_six_kinds_of_client_lose_nothing_and_the_scripts_lose_something(
    tmp_path: Path,
) -> None:
    """The same load in one run; the results are data, a table and a chart of each."""
    parts = ("--part", "switches", "--part", "baseline")
    few = ("--switches", "2", "--requests", "0", "--drain-timeout", "4")
    code, said = bench(*parts, *few, "--out", str(tmp_path))
    assert code == 0, said
    found = read(tmp_path / "bench.json")
    assert found["failed"] == dict.fromkeys(KINDS, 0), found["causes"]
    assert found["switches"] == found["switches_seen"] == 2
    assert found["writes"]["verified"]
    assert (found["writes"]["lost"], found["writes"]["doubled"]) == (0, 0)
    assert found["writes"]["acknowledged"] > 100
    assert found["websockets"]["shortest_after_switch_s"] >= 4
    assert found["ratios"]["switch_p99"] > 0
    lost = found["baseline"]["causes"]
    assert lost["websocket"]["cut"] > 0, "the script stops what it leaves at once"
    assert "| switches | 2 | 2 |" in (tmp_path / "bench.md").read_text()
    for name in ("this-program", "script-by-hand"):
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_any_edge_is_driven_by_its_url_and_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the script's; what is lost makes the exit code 1, as in any failed measurement."""
    script = str(baseline.HERE / "deploy.sh")
    with baseline.running() as edge:
        for name, value in edge.environment.items():
            monkeypatch.setenv(name, value)
        words = ("--url", edge.url, "--switch", script, "--switches", "1", "--set", "fresh=1")
        code, said = bench(*words, "--out", str(tmp_path))
        failing = ("--url", edge.url, "--switch", "echo not today; exit 3")
        refused = bench(*failing, "--out", str(tmp_path / "other"))
    assert code == 1, said
    found = read(tmp_path / "edge.json")
    assert found["switches_seen"] == 1
    assert found["causes"]["websocket"]["cut"] > 0
    assert (tmp_path / "edge.svg").exists()
    assert refused[0] == 1
    assert "`echo not today; exit 3` ended with 3: not today" in refused[1]

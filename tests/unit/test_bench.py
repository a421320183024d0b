"""The benchmark's arithmetic, its words, and what it refuses."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import evidence.load as load
from evidence.bench import chart, series, table
from evidence.bench.__main__ import app
from evidence.bench.figures import quantile, ratio, spread
from evidence.bench.watcher import Watcher
from evidence.lab.processes import wait_for

SEEN = load.Seen("green", first_new=5.0, last_old=5.1, last_kept=9.0)


def report(**changed: Any) -> load.Report:
    """A report of ten quiet seconds with one switch."""
    slices = {number: {-200: 100} for number in range(40)}  # e ** (-200 / 50): 18 ms
    slices[20] = {-150: 100}  # the moment of the switch: 50 ms
    parts: dict[str, Any] = {
        "started": 0.0,
        "begun": 100.0,
        "seconds": 10.0,
        "requests": 4000,
        "timeline": {n: {"blue" if n < 5 else "green": 400} for n in range(10)},
        "switches": (SEEN,),
        "latencies": slices,
    }
    return load.Report(**parts | changed)


def drawn(path: Path, found: load.Report) -> str:
    chart.draw(found, path, "This program")
    return path.read_text()


def test_a_switch_is_told_from_the_command_and_from_the_steady_state() -> None:
    """Latency of each is its own; the moments are those that clients saw."""
    one = series.Switch(1, began=3.0, ended=7.0, seen=SEEN)
    found = series.Series(report(), (one,)).to_dict()
    assert found["first_new_s"] == {"median": 2.0, "max": 2.0}
    assert found["last_old_s"]["max"] == 2.1
    assert found["both_answer_s"]["max"] == 0.1
    assert found["command_s"]["max"] == 4.0
    assert found["latency_ms"]["switch"]["p99"] == pytest.approx(49.8, abs=0.1)
    assert found["latency_ms"]["steady"]["p99"] == pytest.approx(18.3, abs=0.1)
    assert json.loads(json.dumps(found)) == found


def test_a_switch_that_no_client_saw_is_counted_as_one() -> None:
    """And is not mistaken for the next."""
    moments = [(100.5, 101.0, True), (103.0, 107.0, True)]
    first, second = series._matched(moments, report())
    assert (first.seen, second.seen) == (None, SEEN)


def test_the_chart_shows_colors_switches_and_failures(tmp_path: Path) -> None:
    """The same run makes the same file, so that a committed one can be compared."""
    broken = report(failures={5: {"fresh reset": 3}}, failed={"fresh": {"reset": 3}})
    text = drawn(tmp_path / "a.svg", broken)
    for wanted in ("#3573e0", "#2f9e62", "#d02f2f", "This program, 4,000 requests", "3 failed"):
        assert wanted in text
    assert text == drawn(tmp_path / "b.svg", broken)
    whole = drawn(tmp_path / "c.svg", report())
    assert "#d02f2f" not in whole


def test_a_long_run_is_drawn_in_few_bars(tmp_path: Path) -> None:
    """An hour fits a README."""
    long = report(seconds=3600.0, timeline={n: {"blue": 900} for n in range(3600)})
    assert len(drawn(tmp_path / "a.svg", long)) < 150_000


def test_the_table_names_every_loss_by_kind_and_cause() -> None:
    """Side by side with the baseline's; parts that were not run are not there."""
    ours = series.Series(report(), ()).to_dict()
    cut = report(failed={"websocket": {"cut": 12, "stale color": 2}}, requests=1234)
    found = {"machine": "a toaster", "ratios": {}} | ours
    found["baseline"] = series.Series(cut, ()).to_dict()
    text = table.as_markdown(found)
    assert "Measured on: a toaster." in text
    assert "| requests | 4,000 | 1,234 |" in text
    assert "| failed, websocket | 0 | 12 cut, 2 stale color |" in text
    assert "stacks on the host" not in text


def test_figures_are_medians_and_ratios() -> None:
    """Rounded once, at the end."""
    assert spread([3, 1, 2]) == {"median": 2, "min": 1, "max": 3}
    assert quantile([5, 1, 3, 2, 4], 0.95) == 5
    assert quantile([1, 2, 3, 4], 0.5) == 3
    assert ratio(3, 2) == 1.5


def test_the_watcher_tells_when_a_color_first_answered() -> None:
    """On a server whose color changes, and which refuses in between."""
    color = ["blue"]

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("X-Served-By", f"{color[0]} 1.0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Watcher(f"http://127.0.0.1:{server.server_address[1]}") as watcher:
            wait_for(lambda: "blue" in watcher.colors(), 5)
            color[0] = "green"
            wait_for(lambda: "green" in watcher.colors(), 5)
        assert watcher.first_answer("green") > watcher.first_answer("blue")
        server.shutdown()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--url", "http://127.0.0.1:1"], "--url and --switch must be given together"),
        (["--part", "speed"], '--part: "speed"; allowed: switches, drain, baseline, release'),
        (
            ["--url", "http://example.com", "--switch", "true"],
            "load only goes to 127.0.0.1 or localhost",
        ),
        (
            ["--url", "http://127.0.0.1:1", "--switch", "true", "--set", "slov=1"],
            "--set: --slov=1 is not known",
        ),
        (
            ["--url", "http://127.0.0.1:1", "--switch", "true", "--set", "slow=many"],
            "invalid int value: 'many'",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_with_2(words: list[str], told: str) -> None:
    """Before anything is loaded."""
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 2
    assert told in done.output

"""What the edge counts of users' requests, and how the driver reads it."""

import subprocess
from pathlib import Path

import pytest

from bluegreen.edge.counts import Count, Counts
from bluegreen.edge.templates import TEMPLATES


class Log:
    """Counts lines as the edge does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.metrics = folder, ""
        (folder / "shop").mkdir()

    def count(self, *lines: str) -> Counts:
        """Add these to the totals."""
        before, new = self.folder / "metrics", self.folder / "new"
        before.write_text(self.metrics)
        new.write_text("".join(f"{line}\n" for line in lines))
        command = ["awk", "-v", f"services={self.folder}", "-f", str(TEMPLATES / "count.awk")]
        done = subprocess.run([*command, before, new], capture_output=True, text=True, check=True)
        self.metrics = done.stdout
        return Counts.read(self.metrics)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log of an edge with the service shop."""
    return Log(tmp_path)


def line(status: int, seconds: float = 0.003, *, color: str = "blue", port: int = 80) -> str:
    """As nginx/nginx.conf has it, of a request that an upstream answered."""
    return f"shop|{color}|{port}|{status}|{seconds:.3f}|10.0.0.2:3000"


def test_requests_are_counted_by_color_and_what_became_of_them(log: Log) -> None:
    """What came before stays counted."""
    log.count(line(200), line(302), line(500))
    found = log.count(line(502), line(404), line(200, color="green"))
    blue = found.of("shop", "blue")
    assert (blue.requests, blue.errors, blue.share) == (5, 2, 0.4)
    assert found.of("shop", "green").requests == 1
    assert found.of("other", "blue") == Count()


def test_what_nginx_answers_by_itself_says_nothing_of_a_color(log: Log) -> None:
    """Anybody on the internet can make it answer 505 or 501."""
    found = log.count("|-|80|505|0.000|-", "shop|blue|80|503|0.000|-", "|-|80|400|0.000|-")
    assert found.of("shop", "blue") == Count()
    assert 'bluegreen_edge_answers_total{code="505"} 1' in log.metrics


def test_a_color_that_took_no_connection_is_at_fault(log: Log) -> None:
    """Its 502 is by nginx, about an upstream."""
    found = log.count("shop|blue|80|502|0.001|10.0.0.2:3000, 10.0.0.3:3000")
    assert found.of("shop", "blue").errors == 1


def test_looks_by_the_preview_port_are_not_users(log: Log) -> None:
    """They tell nothing of what users get."""
    assert log.count(line(500, port=8081)).of("shop", "blue") == Count()


def test_a_client_that_gave_up_after_a_long_wait_is_told_from_one_that_left(log: Log) -> None:
    """By what the service's stack takes for long; 10 s unless it says."""
    assert log.count(line(499, 9.9), line(499, 10)).of("shop", "blue").abandoned == 1
    (log.folder / "shop" / "slow").write_text("2\n")
    found = log.count(line(499, 1.9), line(499, 2)).of("shop", "blue")
    assert (found.abandoned, found.failed, found.requests) == (2, 2, 4)


def test_how_long_a_websocket_was_open_says_nothing_of_speed(log: Log) -> None:
    """It is counted as a request alone."""
    found = log.count(line(101, 3600), line(200, 0.004)).of("shop", "blue")
    assert found.requests == 2
    assert found.within[float("inf")] == 1
    assert found.within[0.005] == 1
    assert found.within[0.0025] == 0


def test_big_numbers_are_not_rounded(log: Log) -> None:
    """Some awks write them as 1.23457e+09."""
    log.metrics = 'bluegreen_requests_total{service="shop",color="blue",code="2xx"} 12345678901\n'
    assert log.count(line(200)).of("shop", "blue").requests == 12345678902


def test_what_came_since_is_the_difference() -> None:
    """An edge that started anew in between counts from nothing."""
    before, after = Count(10, 2, 1, {1.0: 9}), Count(15, 3, 1, {1.0: 12})
    assert after - before == Count(5, 1, 0, {1.0: 3})
    assert Count(3, 1) - before == Count(3, 1)


@pytest.mark.parametrize(
    ("within", "share", "seconds"),
    [
        ({}, 0.9, None),
        ({1.0: 0, float("inf"): 0}, 0.9, None),
        ({1.0: 90, 2.0: 100, float("inf"): 100}, 0.9, 1.0),
        ({1.0: 80, 2.0: 100, float("inf"): 100}, 0.9, 1.5),
        ({1.0: 10, float("inf"): 100}, 0.9, 1.0),  # nobody knows how long: as long as the last
    ],
)
def test_a_quantile_is_by_straight_lines_between_the_bounds(
    within: dict[float, int], share: float, seconds: float | None
) -> None:
    """As Prometheus has it."""
    assert Count(within=within).quantile(share) == seconds

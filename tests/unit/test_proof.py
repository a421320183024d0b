"""The proof's judge: what counts as lost, as announced, as wrong."""

import pytest

from evidence.proof.judge import Loss, judge
from evidence.proof.writer import Write

WRITES = [
    Write("a", "blue", 1.0, 1.1),
    Write("b", "blue", 2.0, 2.1),
    Write("c", "blue", 3.0, 3.1),
    Write("d", "green", 4.0, 4.1),
]


@pytest.mark.parametrize(
    ("found", "lost", "equal"),
    [
        ("abcd", None, True),
        ("abc", None, False),
        ("ad", Loss("blue", 1.5), True),
        ("abd", Loss("blue", 1.5), False),
        ("a", Loss("blue", 1.5), False),
        ("acd", Loss("blue", 2.05), False),
        ("abd", Loss("blue", 2.05), True),
        ("ad", Loss("blue", 2.05), True),
    ],
    ids=[
        "all there",
        "one lost, none announced",
        "what was announced is lost",
        "less is lost than was announced",
        "more is lost than was announced",
        "the wrong one is lost",
        "one under way is there",
        "one under way is not there",
    ],
)
def test_found_must_be_acknowledged_less_exactly_what_was_announced(
    found: str, lost: Loss | None, equal: bool
) -> None:
    """Only a write under way at the very moment may be on either side."""
    row = judge("shared", "release", WRITES, dict.fromkeys(found, 1), lost)
    assert row.equal is equal
    assert row.green is equal
    assert (row.acknowledged, row.found) == (4, len(found))


def test_a_write_that_is_there_twice_is_wrong() -> None:
    """Whatever was announced."""
    row = judge("shared", "release", WRITES, {"a": 2, "b": 1, "c": 1, "d": 1}, None)
    assert row.problems == ("1 writes there twice: a",)

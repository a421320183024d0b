"""How a gate reads an answer: paths to fields, several statuses, and the key that would help."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from bluegreen.health.fields import Missing, paths_to, value_at
from bluegreen.health.probe import judge
from tests.unit.examples import make_health

ANSWER: dict[str, Any] = {"a": {"b": [{"id": 7}]}, "x.y": 1}


@pytest.mark.parametrize(("path", "value"), [("a.b[0].id", 7), ("x.y", 1), ("a", ANSWER["a"])])
def test_a_path_leads_to_its_field(path: str, value: object) -> None:
    """Also to one whose name has a dot."""
    assert value_at(ANSWER, path) == value


@pytest.mark.parametrize("path", ["b", "a.c", "a.b[1]", "a.b.id", "a[0]"])
def test_a_field_that_is_not_there_is_said_to_be_missing(path: str) -> None:
    """Whatever is there instead."""
    with pytest.raises(Missing):
        value_at(ANSWER, path)
    assert list(paths_to(ANSWER, lambda value: value == 7)) == ["a.b[0].id"]


def complaint(
    health: Mapping[str, Any], status: int = 200, body: Any = None, **headers: str
) -> str:
    """What is wrong with an answer."""
    text = body if isinstance(body, str) else None
    answer = httpx.Response(status, headers=headers, text=text, json=None if text else body)
    plain: dict[str, Any] = {"path": "/", "json": {}, "version_field": "", "version": "2.1"}
    return judge(answer, make_health(**{**plain, **health})).complaint


@pytest.mark.parametrize(
    ("wanted", "status", "good"),
    [
        ("200", 200, True),
        ("200,204", 204, True),
        ("200-299", 204, True),
        ("200-299", 302, False),
        ("200,300-399", 302, True),
    ],
)
def test_one_status_a_list_or_a_range(wanted: str, status: int, good: bool) -> None:
    """As config has it."""
    assert (complaint({"status": wanted}, status) == "") == good


def test_a_version_may_be_anywhere_in_the_answer_or_all_of_it() -> None:
    """As a path, or as plain text; where it is elsewhere, the path is named."""
    body = {"data": [{"version": "2.1.7"}]}
    assert complaint({"version_field": "data[0].version"}, body=body) == ""
    assert complaint({"version_field": "."}, body="2.1.7\n") == ""
    said = complaint({"version_field": "version"}, body=body)
    assert said == (
        "no field version; data[0].version has it: set health.version_field: data[0].version"
    )


@pytest.mark.parametrize(
    ("status", "body", "headers", "key"),
    [
        (421, "not mine", {}, "set health.host"),
        (301, "", {"location": "https://shop/"}, "set health.headers"),
        (302, "", {"location": "/grafana/api/health"}, "set health.path"),
        (400, "Client sent an HTTP request to an HTTPS server.", {}, "set health.scheme: https"),
    ],
)
def test_what_an_answer_tells_of_the_key_that_would_help_is_said(
    status: int, body: str, headers: dict[str, str], key: str
) -> None:
    """So nobody has to guess why a service that is well does not pass."""
    assert key in complaint({"status": "200"}, status, body, **headers)

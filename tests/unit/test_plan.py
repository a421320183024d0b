"""`bluegreen plan`: the same words for a terminal, a program and a pull request."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi.automation.events import EngineEvent

from bluegreen.cli.plan import Changes, Plan, as_json, as_markdown, as_text
from bluegreen.cli.progress import Progress
from bluegreen.data.plan import DataPlan
from bluegreen.plan.pins import Image
from bluegreen.plan.planned import Plan as Update
from bluegreen.plan.situation import Previous, Situation
from bluegreen.plan.words import describe
from tests.unit.examples import make_settings

WORDS = [
    "release green 12.4.0; live now: blue 12.3.0",
    "  start   bluegreen-dev-green from grafana/grafana:12.4.0",
    "  check   GET /a|b: status 200",
]


def step(op: str, kind: str, name: str) -> EngineEvent:
    urn = f"urn:pulumi:dev::bluegreen::{kind}::{name}"
    event: Any = SimpleNamespace(
        resource_pre_event=SimpleNamespace(metadata=SimpleNamespace(op=op, urn=urn)),
        res_outputs_event=None,
        res_op_failed_event=None,
        diagnostic_event=None,
    )
    return cast("EngineEvent", event)


def test_a_release_is_told_in_the_words_of_the_preview() -> None:
    """Nothing is added on a terminal."""
    assert as_text(Plan("dev", WORDS, ["create green"])) == "\n".join(WORDS)


def test_markdown_has_a_row_for_each_step() -> None:
    """The first line is the title; a | in a step does not break the table."""
    shown = as_markdown(Plan("dev", WORDS, []))
    assert shown.splitlines()[0] == "**dev**: release green 12.4.0; live now: blue 12.3.0"
    assert "| start | bluegreen-dev-green from grafana/grafana:12.4.0 |" in shown
    assert "| check | GET /a\\|b: status 200 |" in shown


def test_one_line_is_no_table() -> None:
    """Of a scaling, and of a standby that is gone, there are no steps."""
    assert as_markdown(Plan("dev", ["scale blue"], ["update blue"])) == "**dev**: scale blue"


def test_an_update_that_releases_nothing_still_names_its_changes() -> None:
    """A changed drain time updates the switch alone."""
    assert as_text(Plan("dev", [], ["update switch"])).endswith("changes: update switch")
    assert as_markdown(Plan("dev", [], [])) == (
        "**dev**: nothing to release: everything is as the config says"
    )


def test_json_has_all_fields() -> None:
    """Programs get words and changes apart."""
    found = json.loads(as_json(Plan("dev", WORDS, ["update switch"])))
    assert found == {
        "stack": "dev",
        "words": WORDS,
        "changes": ["update switch"],
        "refused": False,
        "reasons": [],
    }


def test_a_refused_plan_tells_each_reason() -> None:
    """To people, in a pull request, and to programs."""
    plan = Plan("dev", [], [], True, ["the edge would be replaced", "blue is live"])
    assert "  - the edge would be replaced\n  - blue is live" in as_text(plan)
    assert "**dev**: refused\n\n- the edge would be replaced\n- blue is live" in as_markdown(plan)
    assert json.loads(as_json(plan))["reasons"] == plan.reasons


def test_changes_leave_out_what_stays_and_what_is_pulumis_own() -> None:
    """Unchanged resources, providers and the stack itself are no changes."""
    changes = Changes(Progress(quiet=True))
    changes(step("same", "docker:index/container:Container", "blue"))
    changes(step("update", "pulumi:providers:docker", "default"))
    changes(step("update", "pulumi:pulumi:Stack", "bluegreen-dev"))
    changes(step("update", "command:local:Command", "switch"))
    assert changes.steps == ["update switch"]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (6, "scale blue from 6 to 3 replicas, in place: no request is lost, but WebSockets on"),
        (2, "scale blue from 2 to 3 replicas, in place: no request is lost"),
        (3, ""),
        (0, ""),
    ],
)
def test_a_change_of_the_live_colors_replicas_is_told_with_what_it_costs(
    before: int, says: str
) -> None:
    """Only fewer cost something, and then there is a way that does not."""
    settings = make_settings(platform="swarm", data_path="", replicas=3)
    there = Situation("shop", Previous("blue", {"blue": {"a": "b"}}, replicas=before))
    data = DataPlan({"blue": "", "green": ""})
    same = frozenset({"blue"})
    said = describe(Update(settings, there, {"blue": {"a": "b"}}, same, Image(), data, "", ""))
    assert said.startswith(says)
    assert bool(said) == bool(says)
    assert ("`bluegreen deploy`" in said) == (before > 3)

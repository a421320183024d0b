"""The part of the config that is about more than one machine."""

from typing import Any

import pytest

from bluegreen.config import load as config
from bluegreen.config.settings import Docker, Limits, Place, Placement
from bluegreen.errors import ConfigError
from bluegreen.platforms import of
from bluegreen.platforms.swarm.platform import replicas_of
from tests.unit.examples import ROOT, SMALLEST, make_settings

SWARM: dict[str, Any] = {"platform": "swarm", "data_path": ""}
A, B = {"name": "a", "host": "ssh://op@a"}, {"name": "b", "host": "ssh://op@b"}


def mistakes(**raw: Any) -> str:
    """What is said of this config."""
    with pytest.raises(ConfigError) as raised:
        config.load(SMALLEST | raw, ROOT, docker=Docker(host="ssh://op@a"))
    return str(raised.value)


def test_one_machine_is_the_default() -> None:
    """One container a color, one edge, on the stack's Docker."""
    settings = make_settings()
    assert settings.swarm is None
    assert of(settings).target(settings, "blue", "shop-blue").replicas == 1
    assert settings.places("shop") == (Place("shop-edge", Docker()),)
    assert settings.edges_required == 1


def test_a_swarm_takes_replicas_placement_and_reservations() -> None:
    """Each as Docker's own service has it."""
    settings = make_settings(
        **SWARM,
        replicas="5",
        standby="keep",
        standby_replicas=2,
        green_version="1",
        placement={"constraints": ["node.labels.tier == app"], "spread": ["node.labels.zone"]},
        reservations={"memory": 64, "cpus": 0.5},
    )
    assert (replicas_of(settings, "blue"), replicas_of(settings, "green")) == (5, 2)
    assert settings.swarm
    assert settings.swarm.placement == Placement(
        ("node.labels.tier == app",), ("node.labels.zone",)
    )
    assert settings.swarm.reservations == Limits(64, 0.5)


def test_a_standby_color_keeps_as_many_replicas_unless_told_otherwise() -> None:
    """Rollback then waits for none of them."""
    settings = make_settings(**SWARM, replicas=4)
    assert replicas_of(settings, "green") == 4


def test_edges_get_the_stacks_docker_port_and_address_unless_they_have_their_own() -> None:
    """An edge named `edge` is the one from before there was a list."""
    listed = [{"name": "edge"}, B | {"http_port": 8080, "http_address": "10.0.0.2"}]
    settings = make_settings(**SWARM, edges=listed, http_port=90)
    first, second = settings.edges
    assert (first.part, first.docker, first.http_port) == ("edge", Docker(), 90)
    assert (second.part, second.docker.host) == ("edge-b", "ssh://op@b")
    assert (second.http_port, second.http_address) == (8080, "10.0.0.2")
    assert settings.edges_required == 2
    assert [each.container for each in settings.places("shop")] == ["shop-edge", "shop-edge-b"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("replicas", 3),
        ("standby_replicas", 2),
        ("placement", {"max_per_node": 1}),
        ("reservations", {"memory": 64}),
        ("edges", [A]),
        ("edges_required", 2),
    ],
)
def test_what_needs_a_swarm_is_refused_without_one(key: str, value: Any) -> None:
    """By key, with the way to have it."""
    said = mistakes(**{key: value})
    assert f"- {key}: is" in said
    assert "it needs platform swarm" in said


@pytest.mark.parametrize(
    ("key", "value"),
    [("build", {"context": "evidence/standin"}), ("blue_port", 3003), ("green_port", 1)],
)
def test_what_a_swarm_cannot_do_is_refused(key: str, value: Any) -> None:
    """With what to do instead."""
    assert f"- {key}: is" in mistakes(**SWARM, **{key: value})


@pytest.mark.parametrize("data", [{}, {"data": {"mode": "shared"}}, {"data": {"mode": "clone"}}])
def test_a_file_for_several_nodes_is_refused_with_the_way_out(data: dict[str, Any]) -> None:
    """Replicas on several nodes would each have, or corrupt, a file of their own."""
    said = mistakes(platform="swarm", **data)
    assert "one SQLite file for replicas on several nodes" in said
    assert "external (set database_url" in said


def test_an_external_database_is_taken() -> None:
    """The way out, taken."""
    url = "postgres://me:secret@db/grafana"
    settings = make_settings(platform="swarm", database_url=url, secrets=["database_url"])
    assert settings.data.mode == "external"


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ([{"host": "ssh://op@a"}], "edges[0].name: missing"),
        ([{"name": "Über"}], 'edges[0].name: is "\\u00dcber"'),
        (["ssh://op@a"], "edges[0]: is 'ssh://op@a'; allowed: an object"),
        ([A | {"hots": 1}], "edges[0].hots: there is no such key; did you mean edges[0].host?"),
        ([A | {"host": "a"}], 'edges[0].host: is "a"; allowed: ssh://USER@HOST'),
        ([A, A | {"host": "ssh://op@c"}], "edges: two have the same name"),
        ([A, A | {"name": "c"}], "edges: two have the same host and http_port"),
        ([A, B | {"http_port": 0}], "edges[1].http_port: is 0"),
    ],
)
def test_each_mistake_in_the_list_of_edges_is_told(edges: list[Any], said: str) -> None:
    """By its place in the list."""
    assert said in mistakes(**SWARM, edges=edges)


def test_no_more_edges_can_be_required_than_there_are() -> None:
    """Nor less than one."""
    for required, most in ((0, 1000), (3, 2)):
        said = mistakes(**SWARM, edges=[A, B], edges_required=required)
        assert f"edges_required: is {required}; allowed: edges from 1 to {most}" in said


def test_more_on_standby_than_live_is_a_mistake() -> None:
    """And so is a constraint that the Swarm would not take."""
    said = mistakes(
        **SWARM, replicas=2, standby_replicas=3, placement={"constraints": ["tier=app"]}
    )
    assert "standby_replicas: is 3; allowed: replicas from 1 to 2" in said
    assert "placement.constraints: is [" in said

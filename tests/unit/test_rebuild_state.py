"""A lost state: what the acts left, what differs, and stand-ins that never make anything."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.dynamic import Resource
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto import provider_pb2_grpc as service

import bluegreen.platforms
import bluegreen.resources
from bluegreen.cli.errors import CommandError
from bluegreen.cli.project import Project
from bluegreen.cli.rebuild import rebuild
from bluegreen.cli.rebuilding.acts import ACTS, Known, remember
from bluegreen.cli.rebuilding.differences import differences, is_other_image
from bluegreen.cli.rebuilding.found import Found, Search
from bluegreen.cli.rebuilding.relay import DYNAMIC, relayed
from bluegreen.docker.facts import Container, Thing
from bluegreen.edge.render import digest
from bluegreen.edge.state import State
from bluegreen.errors import BluegreenError
from bluegreen.plan.situation import Situation

LIVE = State("blue", "12.3.0", 7, "2026-01-02T03:04:05+00:00", digest("the config"))
KNOWN = Known(LIVE, before="20260101-000000-000001", at="2026-01-01T00:00:00+00:00")
GATE = "urn:pulumi:dev::bluegreen::a$pulumi-python:dynamic/bluegreen:HealthGate::gate"
STEP = "urn:pulumi:dev::bluegreen::a$pulumi-python:dynamic/bluegreen:DataStep::data-step"
SWITCH = "urn:pulumi:dev::bluegreen::a$command:local:Command::switch"


def test_a_gate_passed_when_what_serves_went_live() -> None:
    """It is not asked again: a color that is ill just now does not keep the state from you."""
    act = remember(GATE, {"color": "blue", "container_id": "abc"}, KNOWN)
    assert act.inputs == {"color": "blue", "container_id": "abc"}
    assert act.outputs["passed_at"] == LIVE.since
    assert act.outputs["reported_version"] == "12.3.0"


def test_a_data_step_says_where_the_data_was_before_and_holds_no_writes() -> None:
    """A rollback reads the one, the switch the other."""
    outputs = remember(STEP, {"act": "clone"}, KNOWN).outputs
    assert (outputs["hold"], outputs["before"]) == ("", KNOWN.before)
    assert outputs["at"] == KNOWN.at
    assert remember(STEP, {}, Known(LIVE)).outputs["at"] == ""


def test_a_switch_reports_what_the_edge_says_of_itself() -> None:
    """With the text that it serves, so that the next update has nothing to switch."""
    act = remember(SWITCH, {"stdin": "the config"}, KNOWN)
    report = json.loads(act.outputs["stdout"])
    assert (report["color"], report["version"], report["generation"]) == ("blue", "12.3.0", 7)
    assert report["since"] == LIVE.since
    assert not report["switched"]
    assert act.inputs["stdin"] == "the config"


def test_an_edge_with_another_text_is_left_for_the_next_update_to_switch() -> None:
    """The state does not say that nginx has what it has not."""
    assert remember(SWITCH, {"stdin": "a newer config"}, KNOWN).inputs["stdin"] == ""


def test_a_stack_gets_back_the_id_that_its_labels_have() -> None:
    """Or a new one, where they have none; the key is always new, as nothing has the old one."""
    urn = "urn:pulumi:dev::bluegreen::a$pulumi-python:dynamic/bluegreen:Identity::identity"
    acts = [remember(urn, {}, known) for known in (Known(LIVE, owner="mine"), KNOWN, KNOWN)]
    assert acts[0].identity == "mine"
    assert len({act.identity for act in acts}) == 3
    assert len({act.outputs["key"] for act in acts}) == 3


def test_a_resource_that_nobody_knows_of_is_refused() -> None:
    """Rather than a state with a hole in it."""
    with pytest.raises(BluegreenError, match="resource of the type other:index:Thing"):
        remember("urn:pulumi:dev::bluegreen::other:index:Thing::it", {}, KNOWN)


INPUTS: dict[str, Any] = {
    "ports": [{"internal": 80, "external": 8080, "ip": "0.0.0.0", "protocol": "tcp"}],
    "volumes": [{"volumeName": "bluegreen-dev-data", "containerPath": "/data"}],
    "envs": ["MODE=fast", "EMPTY="],
    "labels": [{"label": "bluegreen.service", "value": "bluegreen-dev"}],
    "memory": 256,
    "cpus": "1.5",
    "networkMode": "bluegreen-dev",
}
THERE: dict[str, Any] = {
    "HostConfig": {
        "PortBindings": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]},
        "Memory": 256 << 20,
        "NanoCpus": 1_500_000_000,
        "NetworkMode": "bluegreen-dev",
    },
    "Mounts": [{"Name": "bluegreen-dev-data", "Destination": "/data"}],
    "Config": {
        "Env": ["MODE=fast", "EMPTY=", "PATH=/bin"],
        "Labels": {"bluegreen.service": "bluegreen-dev", "title": "the image's own"},
    },
}


def test_each_resource_of_this_project_has_its_act() -> None:
    """A new one would make stacks with it that no lost state is ever rebuilt of."""
    rooms = (bluegreen.resources, bluegreen.platforms)
    for room in rooms:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(module.name)
    mine = [each for each in Resource.__subclasses__() if each.__module__.startswith("bluegreen.")]
    assert len(mine) > 5
    assert {f"pulumi-python:{each._resource_type_name}" for each in mine} <= ACTS.keys()


def test_a_container_that_is_as_the_config_says_has_no_differences() -> None:
    """What its image brings, variables and labels, is none."""
    assert differences(INPUTS, THERE, ["PATH=/bin", "MODE=slow"]) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ports": []}, "ports"),
        ({"volumes": None}, "volumes"),
        ({"memory": 0}, "limits.memory"),
        ({"cpus": "1"}, "limits.cpus"),
        ({"networkMode": "other"}, "network"),
        ({"envs": ["MODE=fast"]}, "env EMPTY"),
        ({"envs": ["MODE=hunter2", "EMPTY="]}, "env MODE"),
        ({"labels": [{"label": "bluegreen.service", "value": "x"}]}, "label bluegreen.service"),
    ],
)
def test_each_difference_is_named_without_its_values(change: dict[str, Any], named: str) -> None:
    """In the config's words; a value may be a secret."""
    found = differences(INPUTS | change, THERE, ["PATH=/bin"])
    assert found == [named]


@pytest.mark.parametrize(
    ("name", "tags", "exact", "other"),
    [
        ("own/app:1", ["own/app:1", "own/app:latest"], True, False),
        ("own/app:1", [], True, False),  # the tag was moved to a newer build
        ("own/app:2", ["own/app:1"], True, True),
        ("own/app:main", ["own/app:1"], False, False),  # live: the edge knows the version
        ("other/app:1", ["own/app:1"], False, True),
        ("own/app@sha256:abc", ["own/app:1"], True, False),
        ("sha256:it", ["own/app:1"], True, False),
        ("sha256:another", [], False, True),
    ],
)
def test_an_image_is_another_one_only_where_that_is_sure(
    name: str, tags: list[str], exact: bool, other: bool
) -> None:
    """A tag that was moved since the release is no reason to refuse."""
    assert is_other_image(name, "sha256:it", tags, exact=exact) is other


def struct(**values: Any) -> struct_pb2.Struct:
    """A struct of these."""
    made = struct_pb2.Struct()
    made.update(values)
    return made


@pytest.fixture
def engine() -> Iterator[Any]:
    """What the engine calls a stand-in by, for a resource that is there as `there`."""

    def find(_plugin: Any, _urn: str, inputs: struct_pb2.Struct) -> Found:
        here = struct(**json_format.MessageToDict(inputs), there=True)
        return Found("there" if inputs["known"] else "", inputs, here)

    with relayed((DYNAMIC,), find) as ports:
        port = ports.removeprefix(f"{DYNAMIC}:")
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield cast("Any", service.ResourceProviderStub)(channel)


def test_a_stand_in_finds_instead_of_making(engine: Any) -> None:
    """The engine gets an id and outputs, in the preview too, so that all is known there."""
    checked = engine.Check(proto.CheckRequest(urn=GATE, news=struct(known=True)))
    for preview in (True, False):
        made = engine.Create(
            proto.CreateRequest(urn=GATE, properties=checked.inputs, preview=preview)
        )
        assert (made.id, made.properties["there"]) == ("there", True)


def test_a_stand_in_makes_changes_and_removes_nothing(
    engine: Any,
) -> None:
    """What no longer exists is not made; an update and a deletion are refused."""
    engine.Check(proto.CheckRequest(urn=GATE, news=struct(known=False)))
    refused = grpc.StatusCode.FAILED_PRECONDITION
    for method, request in (
        (engine.Create, proto.CreateRequest(urn=GATE)),
        (engine.Update, proto.UpdateRequest(urn=GATE)),
        (engine.Delete, proto.DeleteRequest(urn=GATE)),
    ):
        with pytest.raises(grpc.RpcError) as error:
            method(request)
        assert error.value.code() == refused


def test_troubles_and_finds_are_told_in_order() -> None:
    """Whatever order the engine asked in."""
    search = Search("bluegreen-dev", KNOWN)
    search.found = {
        "2": Found("", struct(), struct(), "volume b", "volume b is not there"),
        "1": Found("a", struct(), struct(), "container a"),
        "0": Found("gate", struct(), struct()),
    }
    assert search.brought_in == ["container a", "volume b"]
    assert search.troubles == ["volume b is not there"]


def project(situation: Situation, **file: str) -> Project:
    """A project of which only its file and what runs may be asked."""
    return cast(
        "Project",
        SimpleNamespace(
            name="dev",
            service="bluegreen-dev",
            is_edge=False,
            places=list,
            look=lambda: situation,
            serves=lambda: "blue 12.3.0 serves",
            file=SimpleNamespace(
                active_color=file.get("active_color"),
                get=lambda key: file.get(key, ""),
                path=SimpleNamespace(name="Pulumi.dev.yaml"),
            ),
        ),
    )


RUNS = {"edge": Container("running", ""), "blue": Container("running", "")}


def seen(states: dict[str, State | None], **more: Any) -> Situation:
    """What was seen of a service."""
    return Situation("bluegreen-dev", states=states, containers=RUNS, **more)


def of(owner: str) -> Thing:
    """A container that a stack made."""
    return Thing("container", "c1", "bluegreen-dev-blue", labels={"bluegreen.stack": owner})


@pytest.mark.parametrize(
    ("situation", "said"),
    [
        (seen({}, troubles={"edge": "no route to host"}), "edge could not be asked: no route"),
        (seen({"edge": LIVE}, unknown={"ssh://b": "timed out"}), "ssh://b could not be asked"),
        (seen({"edge": None}), "no color is live"),
        (seen({"a": LIVE, "b": None}), "b serves no color; blue 12.3.0 was"),
        (seen({"edge": LIVE}), "blue 12.3.0 is live, Pulumi.dev.yaml says active_color"),
        (
            seen({"edge": LIVE}, things=(of("one"), of("two"))),
            "created by several stacks: one, two",
        ),
    ],
)
def test_nothing_is_rebuilt_from_what_is_not_known_for_sure(
    situation: Situation, said: str
) -> None:
    """What could not be asked is not "not there", and the file has to say what serves."""
    with pytest.raises(CommandError) as refused:
        rebuild(project(situation, active_color="green", green_version="12.4.0"), yes=True)
    assert said in refused.value.what
    assert "nothing was touched" in refused.value.what
    assert refused.value.code == 2

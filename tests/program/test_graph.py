"""What the program declares, for each color and each kind of standby."""

import json
from itertools import product
from typing import Any

import pytest

from bluegreen.config import defaults
from bluegreen.config.settings import COLORS, Color, Docker, Place, other
from bluegreen.edge.render import digest, render
from bluegreen.platforms import of
from bluegreen.release.order import Order
from tests.program.harness import FIRST, NAME, ROOT, Run, run_program
from tests.unit.examples import make_settings

EDGE = {"edge", "edge-config", "image-edge", "edge-holder", "edge-relief", "edge-relieved"}
ALWAYS = (
    EDGE
    | {NAME, "network", "data", "gate", "switch"}
    | {
        "snapshots",
        "data-step",
        "identity",
    }
)
WAYS = list(product(COLORS, ("remove", "keep"), (False, True)))


def run(color: Color = "blue", standby: str = "remove", preview: bool = False, **more: Any) -> Run:
    """Run the program with this color active."""
    config = {**FIRST, "active_color": color, "standby": standby, **more}
    outgoing = other(color)  # a standby is what a release leaves: there is none at first
    before = {"live": {"color": outgoing}, "fingerprints": {outgoing: {"image": "x"}}}
    return run_program(config, preview=preview, previous=before if standby == "keep" else None)


@pytest.mark.parametrize(("color", "standby", "preview"), WAYS)
def test_a_release_is_one_graph_that_follows_the_active_color(
    color: Color, standby: str, preview: bool
) -> None:
    """Target, gate, switch, and only then the outgoing color: in preview and update alike."""
    found, outgoing = run(color, standby, preview), other(color)
    kept = {outgoing, f"image-{outgoing}"} if standby == "keep" else set()
    assert set(found.resources) == ALWAYS | {color, f"image-{color}"} | kept
    assert found["data-step"].depends_on == {"data", "snapshots"}
    assert found[color].depends_on == {"network", "data", f"image-{color}", "data-step", "identity"}
    assert found["edge-holder"].depends_on == {"network", "edge-config", "image-edge", "identity"}
    # A relief serves while nginx is replaced.
    assert found["edge"].depends_on >= {"edge-relief", "edge-holder"}
    assert found["edge-relieved"].depends_on == {"edge", "edge-holder"}
    assert found["gate"].depends_on == {color, "edge-relieved"}
    assert found["switch"].depends_on == {"gate", "edge-relieved"}
    assert "switch" not in found.before(color)
    if kept:
        assert found[outgoing].depends_on == {
            "network",
            "data",
            f"image-{outgoing}",
            "switch",
            "identity",
        }
        assert {color, "gate", "switch"} <= found.before(outgoing)


@pytest.mark.parametrize(("color", "standby", "preview"), WAYS)
def test_all_belongs_to_one_component(color: Color, standby: str, preview: bool) -> None:
    """A stack's tree is read top-down."""
    found = run(color, standby, preview)
    for name, resource in found.resources.items():
        parent = resource.options.parent.rpartition("::")[2]
        assert parent == ("bluegreen-test" if name == NAME else NAME)


def test_an_idle_color_without_a_version_is_not_declared() -> None:
    """Standby `keep` needs something to keep."""
    assert "green" not in run(standby="keep", green_version="").resources


def test_the_colors_need_no_version_from_each_other() -> None:
    """A first release names one color only."""
    found = run("green", blue_version="")
    assert found.outputs["live"]["version"] == "12.3.0"


@pytest.mark.parametrize("color", COLORS)
def test_the_switch_takes_its_color_from_the_gate(color: Color) -> None:
    """The rendered config and the order are of the color that a gate has passed."""
    inputs = run(color).inputs("switch")
    settings = make_settings(**{**FIRST, "active_color": color})
    rendered = render(settings, color, NAME, ROOT, of(settings).upstream)
    assert digest(inputs["stdin"]) == digest(rendered)
    order = Order.from_json(inputs["environment"]["BLUEGREEN_ORDER"])
    assert (order.color, order.version) == (color, settings.versions[color])
    assert order.target.container == f"{NAME}-{color}"
    assert order.edges == (Place(f"{NAME}-edge", Docker()),)
    assert order.health == settings.health_of(color)
    assert (order.bake, order.drain_timeout) == (settings.bake, settings.drain_timeout)


def test_a_gate_that_ran_again_or_another_edge_is_followed_by_a_switch() -> None:
    """Their marks are inputs of the switch."""
    environment = run().inputs("switch")["environment"]
    assert environment["BLUEGREEN_GATE_PASSED_AT"] == "2031-01-02T03:04:05.000+00:00"
    assert environment["BLUEGREEN_EDGE_ID"] == "edge-holder-id"


def test_the_switch_neither_replaces_itself_nor_undoes_anything() -> None:
    """Triggers replace, and a `delete` would run when the stack is destroyed."""
    inputs = run().inputs("switch")
    assert set(inputs) == {"create", "stdin", "environment"}
    assert inputs["create"].endswith(" -m bluegreen.release.switch")


def test_the_gate_shows_what_it_will_check() -> None:
    """A preview tells the URL, the container and the expectations."""
    found = run("green")
    inputs = found.inputs("gate")
    assert found["gate"].type == "pulumi-python:dynamic/bluegreen:HealthGate"
    assert (inputs["color"], inputs["version"]) == ("green", "12.3.0")
    assert inputs["container"] == f"{NAME}-green"
    assert [edge["container"] for edge in inputs["edges"]] == [f"{NAME}-edge"]
    assert inputs["container_id"] == "green-id"
    assert inputs["url"] == f"http://{NAME}-green:3000/api/health"
    assert inputs["health"]["version"] == "12.3.0"
    assert inputs["drift"] == ""


def test_the_data_volume_outlives_the_stack() -> None:
    """No update deletes it, nor does `pulumi destroy`."""
    volume = run()["data"]
    assert volume.options.retainOnDelete
    assert volume.inputs["name"] == f"{NAME}-data"


def test_nothing_else_is_left_behind() -> None:
    """`pulumi destroy` removes all but the data."""
    resources = run(standby="keep").resources
    kept = {name for name, each in resources.items() if each.options.retainOnDelete}
    assert kept == {"data", "snapshots"}


def test_both_colors_share_the_data_volume() -> None:
    """As the hand-run original did."""
    found = run(standby="keep", data_path="/data")
    for color in COLORS:
        assert found.inputs(color)["volumes"] == [
            {"volumeName": f"{NAME}-data", "containerPath": "/data"}
        ]


def test_a_service_without_data_has_no_volume() -> None:
    """`data_path: ""` is all it takes."""
    found = run(standby="keep", data_path="")
    assert "data" not in found.resources
    assert not found.inputs("blue")["volumes"]


@pytest.mark.parametrize("name", ["edge", "blue", "green"])
def test_a_container_is_deleted_before_its_successor_is_made(name: str) -> None:
    """Two cannot share a name or a port; how long it may take to finish is set."""
    resource = run(standby="keep", stop_grace="55")[name]
    assert resource.options.deleteBeforeReplace
    assert resource.inputs["destroyGraceSeconds"] == (30 if name == "edge" else 55)
    assert resource.inputs["restart"] == "unless-stopped"
    shared = "container:edge-holder-id"
    assert resource.inputs["networkMode"] == (shared if name == "edge" else NAME)
    assert resource.inputs["logDriver"] == "json-file"


def test_the_holder_of_the_ports_stays_when_nginx_is_replaced() -> None:
    """A newer program's start script, or another image, replaces nginx alone."""
    found = run()
    holder, edge = found["edge-holder"], found["edge"]
    assert set(holder.options.ignoreChanges) == {"image", "entrypoints", "sysctls"}
    assert not edge.options.ignoreChanges
    assert not edge.inputs.get("ports")
    assert edge.inputs["stopSignal"] == "SIGQUIT"
    (volume,) = edge.inputs["volumes"]
    assert volume == {"volumeName": f"{NAME}-edge-config", "containerPath": "/etc/bluegreen"}


@pytest.mark.parametrize("name", ["data", "edge-config"])
def test_a_volume_that_is_there_already_is_taken_as_it_is(name: str) -> None:
    """On a disk of its own, say: its driver's options are no reason to replace it, and the edge."""
    assert set(run()[name].options.ignoreChanges) == {"driver", "driverOpts", "labels"}


def test_no_color_ignores_a_change() -> None:
    """A change in what a color runs is a release."""
    assert not run()["blue"].options.ignoreChanges


def test_everything_in_docker_bears_the_stacks_label() -> None:
    """By which clean-up finds what is its own."""
    found = run(standby="keep")
    for name in ("network", "data", "edge-config", "edge", "edge-holder", "blue", "green"):
        assert {"label": "bluegreen.service", "value": NAME} in found.inputs(name)["labels"]


def test_pulled_images_are_left_to_other_stacks() -> None:
    """Each color's at its own version, and nginx's, are kept when the stack lets go of them."""
    found = run(standby="keep", image="own/app", edge_image="nginx:1.31")
    for name, image in (
        ("image-blue", "own/app:12.4.0"),
        ("image-green", "own/app:12.3.0"),
        ("image-edge", "nginx:1.31"),
    ):
        assert found.inputs(name)["name"] == image
        assert found.inputs(name)["keepLocally"] is True
    assert found.inputs("blue")["image"] == "id of own/app:12.4.0"


def test_the_network_gets_the_address_range_of_the_config() -> None:
    """Without one Docker chooses, and the property is not set at all."""
    assert run(subnet="10.87.3.0/28").inputs("network")["ipamConfigs"] == [
        {"subnet": "10.87.3.0/28"}
    ]
    assert "ipamConfigs" not in run().inputs("network")


@pytest.mark.parametrize("prune", [True, False])
def test_an_image_is_built_per_color_with_its_version(prune: bool) -> None:
    """From a Dockerfile with an ARG; built images go with their container, unless kept."""
    build = {
        "context": "nginx",
        "dockerfile": "nginx.conf",
        "args": {"EDITION": "oss"},
        "version_arg": "V",
    }
    found = run(standby="keep", build=build, prune=prune)
    for color, version in (("blue", "12.4.0"), ("green", "12.3.0")):
        inputs = found.inputs(f"image-{color}")
        assert inputs["name"].startswith(f"{NAME}-{color}:{version}-")
        assert inputs["keepLocally"] is not prune
        assert inputs["build"]["buildArgs"] == {"EDITION": "oss", "V": version}
        assert (inputs["build"]["context"], inputs["build"]["dockerfile"]) == (
            "nginx",
            "nginx.conf",
        )
        assert inputs["build"]["label"] == {"bluegreen.service": NAME}
    assert found.outputs["live"]["image"] == found.inputs("image-blue")["name"]


def test_the_version_argument_is_grafanas_by_default() -> None:
    """The original's Dockerfile builds as it is."""
    found = run(build={"context": "nginx", "dockerfile": "nginx.conf"})
    assert found.inputs("image-blue")["build"]["buildArgs"] == {"GRAFANA_VERSION": "12.4.0"}


def test_only_the_ports_that_were_asked_for_are_open() -> None:
    """By default that is the public one."""
    found = run(standby="keep")
    assert found.inputs("edge-holder")["ports"] == [
        {"internal": 80, "external": 80, "ip": "0.0.0.0"}
    ]
    for color in COLORS:
        assert not found.inputs(color).get("ports")
    assert found.outputs["url"] == "http://127.0.0.1"
    assert found.outputs["direct_urls"] == {}


def test_each_port_is_bound_to_its_address() -> None:
    """The public one to `http_address`, the direct ones to `direct_address`."""
    found = run(
        standby="keep",
        port=8443,
        http_port=8090,
        http_address="10.0.0.1",
        preview_port=8091,
        blue_port=3003,
        green_port=3004,
        direct_address="10.0.0.2",
    )
    assert found.inputs("edge-holder")["ports"] == [
        {"internal": 80, "external": 8090, "ip": "10.0.0.1"},
        {"internal": 8081, "external": 8091, "ip": "10.0.0.2"},
    ]
    for color, port in (("blue", 3003), ("green", 3004)):
        assert found.inputs(color)["ports"] == [
            {"internal": 8443, "external": port, "ip": "10.0.0.2"}
        ]
    assert found.outputs["url"] == "http://10.0.0.1:8090"
    assert found.outputs["direct_urls"] == {
        "blue": "http://10.0.0.2:3003",
        "green": "http://10.0.0.2:3004",
        "preview": "http://10.0.0.2:8091",
    }
    assert found.inputs("gate")["url"] == f"http://{NAME}-blue:8443/api/health"


def test_all_addresses_are_those_of_both_families() -> None:
    """Docker would take `::` for the IPv6 ones alone, and users by IPv4 would get nothing."""
    ports = run(http_address="::").inputs("edge-holder")["ports"]
    assert [(each["external"], each["ip"]) for each in ports] == [(80, "0.0.0.0"), (80, "::")]


def test_the_direct_port_of_a_color_that_is_not_declared_is_no_url() -> None:
    """Nobody is sent to a port that refuses."""
    found = run("green", blue_port=3003, green_port=3004)
    assert found.outputs["direct_urls"] == {"green": "http://127.0.0.1:3004"}


@pytest.mark.parametrize(
    ("config", "provider", "url"),
    [
        ({"http_address": "::1"}, {}, "http://[::1]"),
        ({"http_address": "::"}, {}, "http://127.0.0.1"),
        ({"http_port": 8090}, {}, "http://127.0.0.1:8090"),
        ({}, {"host": "ssh://me@far.example"}, "http://far.example"),
        ({}, {"host": "unix:///run/docker.sock"}, "http://127.0.0.1"),
    ],
)
def test_the_url_can_be_opened(config: dict[str, Any], provider: dict[str, str], url: str) -> None:
    """Addresses that mean "all" are nothing to put into a browser; a far daemon is far."""
    assert run_program({**FIRST, **config}, docker=provider).outputs["url"] == url


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_the_direct_urls_can_be_opened_too(address: str) -> None:
    """Whatever address the direct ports are bound to."""
    urls = run(direct_address=address, blue_port=3003).outputs["direct_urls"]
    assert urls == {"blue": "http://127.0.0.1:3003"}


def test_the_outputs_tell_live_and_standby() -> None:
    """Color, version and image of each; the live one is what the switch reports."""
    kept = run("green", "keep").outputs
    image = defaults.IMAGE
    assert kept["live"] == {"color": "green", "version": "12.3.0", "image": f"{image}:12.3.0"}
    assert kept["standby"] == {
        "color": "blue",
        "version": "12.4.0",
        "image": "x",
    }  # as it was released
    assert kept["switch"] == {"color": "green", "switched": True}
    assert run("green").outputs["standby"] == {}


def test_what_a_color_runs_with_comes_from_the_config() -> None:
    """Command, environment, limits and user; unset ones are the image's own."""
    found = run(
        command=["run", "it"],
        env={"B": "2", "A": "1"},
        limits={"memory": 512, "cpus": 1.5},
        user="472",
    ).inputs("blue")
    assert found["command"] == ["run", "it"]
    sqlite = ["GF_DATABASE_QUERY_RETRIES=10", "GF_DATABASE_WAL=true"]
    assert found["envs"] == ["A=1", "B=2", *sqlite]
    assert (found["memory"], found["cpus"], found["user"]) == (512, "1.5", "472")
    bare = run().inputs("blue")
    assert not {"command", "memory", "cpus", "user"} & {k for k, v in bare.items() if v}


def test_the_ini_file_is_put_into_the_container() -> None:
    """No bind mount: the file need not be on the daemon's host."""
    found = run(grafana_ini="grafana.ini").inputs("blue")
    (upload,) = found["uploads"]
    assert upload["file"] == "/etc/grafana/grafana.ini"
    assert upload["content"] == (ROOT / "grafana.ini").read_text()
    assert "mounts" not in found


def test_secrets_of_env_stay_secrets() -> None:
    """In the container's inputs, and nowhere else; digests of them are a secret output."""
    config = {**FIRST, "env": {"GF_PASSWORD": "hunter2"}}
    found = run_program(config, secret=("env",))
    assert found["blue"].is_secret("envs")
    for name, resource in found.resources.items():
        if name != "blue":
            assert "hunter2" not in str(resource.options.object), name
    assert "hunter2" not in json.dumps(found.outputs)
    assert found.secret_outputs == {"fingerprints", "identity"}


def test_an_env_without_secrets_can_be_read_in_the_preview() -> None:
    """What is no secret is shown."""
    assert not run(env={"A": "1"})["blue"].is_secret("envs")


def test_the_docker_providers_settings_reach_gate_and_switch() -> None:
    """All of a stack talks to one daemon."""
    docker = {"host": "ssh://me@far", "context": "", "certPath": "/certs"}
    found = run_program(FIRST, docker=docker)
    expected = {"host": "ssh://me@far", "context": "", "cert_path": "/certs"}
    assert found.inputs("gate")["docker"] == expected
    order = json.loads(found.inputs("switch")["environment"]["BLUEGREEN_ORDER"])
    assert order["target"]["docker"] == expected

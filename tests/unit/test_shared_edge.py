"""A shared edge: which keys go with it, what a service claims, and who gets a request."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bluegreen.config.settings import Place, Settings
from bluegreen.edge import scripts
from bluegreen.edge.clients import Listening
from bluegreen.edge.guest import claims_of
from bluegreen.edge.render import render, render_edge
from bluegreen.edge.services import Service, read_services, services_in
from bluegreen.edge.state import State
from bluegreen.errors import CommandFailed, ConfigError
from bluegreen.plan.shared import on_shared, taken, whole_name
from bluegreen.platforms import of
from tests.program.harness import shared_edge
from tests.unit.conftest import FakeDocker
from tests.unit.examples import ROOT, SMALLEST, make_settings
from tests.unit.test_config import mistakes_of

GUEST: dict[str, Any] = {"edge": "front", "hosts": '["a.example.com"]'}


@pytest.mark.parametrize(
    ("given", "mistakes"),
    [
        (
            {**SMALLEST, "kind": "edge"},
            ["active_color: ", "blue_version: "],
        ),
        ({"kind": "edge", "env": '{"A": "b"}', "hosts": '["a"]'}, ["env: ", "hosts: "]),
        (
            {**SMALLEST, **GUEST, "http_port": "81", "preview_port": "82", "edge_image": "n:1"},
            ["http_port: ", "preview_port: ", "edge_image: "],
        ),
        (
            {**SMALLEST, "hosts": '["a"]', "path_prefix": "/a", "default": "true"},
            ["path_prefix: ", "default: "],
        ),
        ({**SMALLEST, "edge": "front"}, ["hosts: none is named"]),
        ({**SMALLEST, "edge": "front", "hosts": '["A.example.com"]'}, ["hosts: "]),
        ({**SMALLEST, **GUEST, "path_prefix": "/a/"}, ["path_prefix: "]),
        ({**SMALLEST, **GUEST, "path_prefix": "/a", "default": "true"}, ["default: "]),
        ({**SMALLEST, **GUEST, "strip_path_prefix": "true"}, ["strip_path_prefix: "]),
        ({**SMALLEST, **GUEST, "preview_host": "a.example.com"}, ["preview_host: "]),
    ],
)
def test_keys_of_another_kind_are_refused_by_name(
    given: dict[str, Any], mistakes: list[str]
) -> None:
    """Each of them, with the value and what is allowed."""
    found = sorted(mistakes_of(given))
    pairs = zip(found, sorted(mistakes), strict=True)
    assert all(each.startswith(key) for each, key in pairs), found


@pytest.mark.parametrize("platform", ["container", "swarm"])
def test_an_edge_has_no_colors_and_no_data(platform: str) -> None:
    """And needs none of what a service needs, where replicas could not share a file either."""
    settings = make_settings(kind="edge", platform=platform, active_color=None, blue_version=None)
    assert settings.data.mode == "none"
    assert settings.declared == ()
    assert settings.own_edges == settings.edges


def guest(**config: Any) -> Settings:
    """A service on the edge of stack `front`."""
    return on_shared(make_settings(**GUEST | config), shared_edge())


def test_a_service_on_a_shared_edge_has_none_of_its_own() -> None:
    """What it asks is the other stack's container."""
    settings = guest()
    assert settings.own_edges == ()
    assert [place.container for place in settings.places("shop")] == ["front-edge"]


@pytest.mark.parametrize(
    ("said", "mistake"),
    [
        (None, 'edge: "front" has no edge to share'),
        (shared_edge("swarm"), "platform: is container, and front is an edge of platform swarm"),
        (
            shared_edge()
            | {
                "edges": [
                    shared_edge()["edges"][0]
                    | {"docker": {"host": "ssh://a", "context": "", "cert_path": ""}}
                ]
            },
            r"docker:host: the edge of front is on another Docker \(ssh://a\)",
        ),
    ],
)
def test_an_edge_that_cannot_be_shared_is_a_mistake_in_the_config(said: Any, mistake: str) -> None:
    """By key, with what is allowed."""
    with pytest.raises(ConfigError, match=mistake):
        on_shared(make_settings(**GUEST), said)


@pytest.mark.parametrize(
    ("edge", "whole"),
    [
        ("front", "us/shop/front"),
        ("infra/front", "us/infra/front"),
        ("them/infra/front", "them/infra/front"),
    ],
)
def test_a_stack_is_named_by_as_much_as_is_needed(edge: str, whole: str) -> None:
    """Of the same project, of another one, of another organization."""
    assert whole_name(edge, "us", "shop") == whole


def test_what_two_services_claim_is_refused_with_the_others_name() -> None:
    """Host and path together; and there is one default."""
    settings = guest(hosts='["a.example.com", "*.b.example.com"]', path_prefix="/x")
    assert claims_of(settings) == ["a.example.com/x", "*.b.example.com/x"]
    others = [
        Service("shop", None, ("a.example.com/x",)),
        Service("wiki", None, ("a.example.com/", "*.b.example.com/x")),
    ]
    (reason,) = taken(settings, "shop", others)
    assert reason.startswith("hosts, path_prefix: *.b.example.com/x is claimed by wiki")
    default = guest(hosts="[]", default="true")
    (reason,) = taken(default, "shop", [Service("wiki", None, ("default",))])
    assert reason.startswith("default: wiki is the default of this edge")


def test_the_services_of_an_edge_are_read_from_their_folders() -> None:
    """What each serves, and all that it claims, on trial or confirmed."""
    head = "# bluegreen color=blue version=12 generation=3 since=then config=abc text=def\n"
    folders = {
        "wiki": {"nginx.conf": f"{head}# claims: a/ b/\n", "stable.conf": "# claims: a/ c/\n"},
        "shop": {},
    }
    shop, wiki = services_in(folders)
    assert shop == Service("shop", None, ())
    assert wiki == Service("wiki", State("blue", "12", 3, "then", "abc"), ("a/", "b/", "c/"))


def test_an_edge_that_is_gone_is_not_one_without_services(fake_docker: FakeDocker) -> None:
    """And one that could not be asked is neither."""
    place = Place("front-edge", make_settings().docker)
    fake_docker.does("cp", "echo 'Error: No such container: front-edge' >&2; exit 1")
    assert read_services(place) is None
    fake_docker.does("cp", "echo 'Could not find the file' >&2; exit 1")
    assert read_services(place) == []
    fake_docker.does("cp", "echo 'Cannot connect' >&2; exit 1")
    with pytest.raises(CommandFailed, match="Cannot connect"):
        read_services(place)


def rendered(**config: Any) -> str:
    """The config of a service on a shared edge."""
    settings = guest(**config)
    return render(settings, "blue", "shop", ROOT, of(settings).upstream)


def test_a_service_is_reached_by_its_hosts() -> None:
    """By the public port for a host of its own, and for a path of others by a socket alone."""
    assert "server_name a.example.com;" in rendered()
    assert 'server_name "" "~.";' in rendered(hosts="[]", default="true")
    path = rendered(path_prefix="/x", strip_path_prefix="true")
    assert "server_name a" not in path
    assert "listen unix:/run/shop.sock;" in path
    assert "proxy_pass http://shop-blue$shop_rest;" in path
    private = rendered(preview_host="p.example.com")
    assert "if ($host = p.example.com) { set $look look; }" in private
    assert "return 403" in private
    assert "return 403" not in rendered(preview_host="p.example.com", preview_from="all")


def test_a_service_with_an_edge_of_its_own_takes_whatever_host() -> None:
    """It has the same config as before edges were shared."""
    settings = make_settings()
    text = render(settings, "blue", "shop", ROOT, of(settings).upstream)
    assert "claims" not in text
    assert "elsewhere" not in text
    own = render_edge(Listening(), peers=False)
    assert own.index("services/*/nginx.conf") < own.index("server_name none")
    shared = render_edge(Listening(), peers=False, shared=True)
    assert shared.index("server_name none") < shared.index("services/*/nginx.conf")


class Shell:
    """The functions of nginx/edge.sh, in folders of the test's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "listen").mkdir()

    def put(self, service: str, claims: str, name: str = "nginx.conf") -> None:
        """Let a service claim something."""
        (self.root / "services" / service).mkdir(parents=True, exist_ok=True)
        text = f"# bluegreen\n# claims: {claims}\n"
        (self.root / "services" / service / name).write_text(text)

    def run(self, service: str, act: str) -> "subprocess.CompletedProcess[str]":
        """Run a function in a service's folder."""
        script = f"cd '{self.root}/services/{service}' || exit 9\n{scripts.script('edge')}\n{act}"
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """It, with what the scripts know led there."""
    there = {"SERVICES": f"{tmp_path}/services", "LISTEN": f"{tmp_path}/listen"}
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    return Shell(tmp_path)


def test_under_the_lock_a_claim_is_refused_once_more(shell: Shell) -> None:
    """Another stack may have released since the preview; a star is no pattern there."""
    shell.put("shop", "a.example.com/ *.example.com/", "next.conf")
    shell.put("wiki", "b.example.com/ a.example.com/x")
    assert shell.run("shop", "unclaimed next.conf").returncode == 0
    shell.put("wiki", "b.example.com/ *.example.com/", "stable.conf")
    done = shell.run("shop", "unclaimed next.conf")
    assert done.returncode == 1
    assert done.stderr == "*.example.com/ is claimed by wiki\n"


def test_the_longest_path_of_a_host_comes_first(shell: Shell) -> None:
    """Whole parts of a path only; a host alone needs no line, as nginx knows it by name."""
    shell.put("a", "one.example.com/ default")
    shell.put("b", "one.example.com/x")
    shell.put("c", "*.example.com/x/y one.example.com/x/y/z.t")
    done = shell.run("a", "routes")
    assert done.returncode == 0, done.stderr
    assert (shell.root / "listen" / "routes.conf").read_text().splitlines() == [
        '"~^one[.]example[.]com/x/y/z[.]t(/|$)" c;',
        '"~^[^/]+[.]example[.]com/x/y(/|$)" c;',
        '"~^one[.]example[.]com/x(/|$)" b;',
    ]


def test_an_edge_that_waits_keeps_its_names(shell: Shell, tmp_path: Path) -> None:
    """So that users of that service alone are told to wait."""
    shell.put("shop", "a.example.com/", "stable.conf")
    stable = tmp_path / "services" / "shop" / "stable.conf"
    stable.write_text(stable.read_text() + "# names: a.example.com\n")
    waiting = f"{ROOT}/nginx/waiting.conf"
    assert shell.run("shop", f"WAITING={waiting}; take_turn").returncode == 0
    text = (stable.parent / "nginx.conf").read_text()
    assert text.startswith("# bluegreen waiting")
    assert "server_name a.example.com;" in text
    assert "listen unix:/run/shop.sock;" in text
    assert "# claims: a.example.com/" in text


def test_settings_of_a_shared_edge_are_plain_numbers() -> None:
    """Pulumi keeps each number as one with a fraction."""
    settings = guest()
    assert settings.edges[0].http_port == 80
    assert isinstance(settings.edges[0].http_port, int)
    assert settings.edges_required == 1

"""The edge's config: what is rendered, and what a config says of itself."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bluegreen.config.settings import Color, other
from bluegreen.edge import scripts
from bluegreen.edge.render import digest, fill, render, stamp
from bluegreen.edge.state import State
from bluegreen.edge.state import state_of as read_state
from bluegreen.edge.templates import TEMPLATES
from bluegreen.errors import ConfigError
from bluegreen.platforms import of
from tests.unit.conftest import FakeDocker
from tests.unit.examples import ROOT, make_settings

NAMES: dict[Color, str] = {"blue": "shop-blue", "green": "shop-green"}
BOTH = {"green_version": "12.3.0"}


def rendered(live: Color, root: Path = ROOT, **raw: Any) -> str:
    """The config that makes a color live."""
    settings = make_settings(root, **BOTH | {"active_color": live} | raw)
    return render(settings, live, "shop", root, of(settings).upstream)


def blocks(config: str, opening: str) -> list[str]:
    """Each block that is opened by these words, with what is in it."""
    found = []
    for match in re.finditer(rf"^ *{opening} \{{", config, re.MULTILINE):
        depth, end = 0, match.end() - 1
        while end < len(config):
            depth += {"{": 1, "}": -1}.get(config[end], 0)
            end += 1
            if not depth:
                break
        found.append(config[match.start() : end])
    return found


def plain(config: str) -> str:
    """The config without comments and quoted text, whose braces do not count."""
    return re.sub(r"#.*|'[^']*'|\"[^\"]*\"", "", config)


@pytest.mark.parametrize("live", ["blue", "green"])
def test_both_colors_are_listed_whichever_is_live(live: Color) -> None:
    """A name that is new to a config starts unresolved: requests would be lost."""
    config = plain(rendered(live))
    for color in ("blue", "green"):
        (upstream,) = blocks(config, f"upstream {color}")
        assert f"server shop-{color}:3000 resolve" in upstream
        assert "zone " in upstream
        assert "resolver 127.0.0.11" in upstream


@pytest.mark.parametrize("live", ["blue", "green"])
def test_the_public_server_leads_to_the_live_color_and_the_preview_to_the_other(
    live: Color,
) -> None:
    """Port 80 is for users, 8081 for those who look at the release before."""
    public, preview, internal = blocks(plain(rendered(live)), "server")
    assert "listen 80 " in public
    assert re.findall(r"proxy_pass http://(\w+);", public) == [live]
    assert "listen 8081 " in preview
    assert re.findall(r"proxy_pass http://(\w+);", preview) == [other(live)]
    assert "listen 127.0.0.1:8008" in internal
    assert re.findall(r"proxy_pass http://(\w+)/;", internal) == ["blue", "green"]


def test_between_the_colors_only_the_choice_differs() -> None:
    """Swapping the colors' names in one config gives the other: nothing else may change."""
    same: dict[str, Any] = {"blue_version": "12.4.0", "green_version": "12.4.0", "standby": "keep"}
    blue, green = rendered("blue", **same), rendered("green", **same)
    differing = [
        (old.strip(), new.strip())
        for old, new in zip(blue.splitlines(), green.splitlines(), strict=True)
        if old != new
    ]
    assert 0 < len(differing) < 10
    swap = {"blue": "green", "green": "blue"}
    for old, new in differing:
        assert re.sub(r"\b(blue|green)\b", lambda color: swap[color[0]], old) == new


def test_one_of_several_replicas_is_asked_anew_when_the_others_have_changed(tmp_path: Path) -> None:
    """On a Swarm alone, in the public server alone, and by a template that has the place for it."""
    swarm: dict[str, Any] = {"platform": "swarm", "data_path": ""}
    public, preview, *_ = blocks(plain(rendered("blue", **swarm)), "server")
    (service,) = blocks(public, "location @service")
    assert "proxy_pass http://blue;" in service
    assert "error_page 502 504 = @again;" in public
    assert "@again" not in preview
    assert "proxy_connect_timeout 2s;" in service
    assert "@again" not in rendered("blue")
    own = "location / { proxy_pass http://{{ upstream }}; }\n"
    (tmp_path / "own.conf").write_text(own)
    config = rendered("blue", tmp_path, service_template="own.conf", **swarm)
    assert "@again" not in config
    assert "location / { proxy_pass http://blue; }" in config
    (tmp_path / "own.conf").write_text(own.replace("/", "{{ path }}", 1))
    config = rendered("green", tmp_path, service_template="own.conf", **swarm)
    assert "location @service { proxy_pass http://green; }" in config
    assert "location / { proxy_pass http://blue; }" in config


def test_an_upstream_can_only_be_inside_the_http_block(tmp_path: Path) -> None:
    """The original's first trouble: the exchangeable part goes into servers, never outside."""
    shutil.copy(TEMPLATES / "service.conf", tmp_path / "own.conf")
    for config in (
        plain(rendered("blue")),
        plain(rendered("blue", tmp_path, service_template="own.conf")),
    ):
        (http,) = blocks(config, "http")
        outside = config.replace(http, "")
        assert "upstream" not in outside
        assert "proxy_pass" not in outside
        assert http.count("{") == http.count("}")
        assert len(blocks(config, "upstream blue")) == 1


@pytest.mark.parametrize(
    "directive",
    [
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Real-IP $remote_addr;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "proxy_http_version 1.1;",
        "proxy_buffer_size 128k;",
        "proxy_buffers 4 256k;",
        "proxy_busy_buffers_size 256k;",
    ],
)
def test_headers_and_buffers_of_the_original_are_for_both_ports(directive: str) -> None:
    """OAuth logins, WebSockets and logs of addresses work, also while only previewed."""
    public, preview, _ = blocks(plain(rendered("blue")), "server")
    assert directive in public
    assert directive in preview


@pytest.mark.parametrize(
    "directive", ["keepalive_min_timeout 10s;", "worker_shutdown_timeout 79s;", "upstream"]
)
def test_what_keeps_connections_over_a_reload_is_there(directive: str) -> None:
    """Without these, a reload resets connections, or old workers never end."""
    assert directive in rendered("blue", drain_timeout="77")


def test_repeating_a_request_is_left_to_clients() -> None:
    """No fault is papered over: a repeated POST could be done twice."""
    config = plain(rendered("blue"))
    assert "proxy_next_upstream" not in config
    assert "backup" not in config
    assert "reuseport" not in config


def test_users_are_told_which_color_and_version_served_them() -> None:
    """As a header, and as JSON at /-/bluegreen."""
    config = rendered("blue")
    assert 'add_header X-Served-By "blue 12.4.0" always;' in config
    assert '"color": "blue", "version": "12.4.0"' in config
    assert config.startswith("# bluegreen color=blue version=12.4.0 ")


def test_a_color_that_does_not_run_is_looked_for_seldom() -> None:
    """Each failed look-up is a line in nginx's log."""
    removed, kept = rendered("blue"), rendered("blue", standby="keep")
    assert "valid=1s" in blocks(removed, "upstream blue")[0]
    assert "valid=60s" in blocks(removed, "upstream green")[0]
    assert "valid=60s" not in kept


def test_the_services_port_is_asked_on() -> None:
    """Another service's port reaches both upstreams."""
    config = rendered("blue", port="8443")
    assert "server shop-blue:8443 resolve" in config
    assert "server shop-green:8443 resolve" in config


def test_no_slot_is_left_unfilled() -> None:
    """What is left is the @words@ of the moment, and `stamp` fills these."""
    config = rendered("blue").replace("the @words@", "")  # as a comment calls them
    assert "{{" not in config
    assert set(re.findall(r"@[a-z]+@", config)) == {"@generation@", "@since@", "@config@"}
    assert not re.findall(r"@[a-z]+@", stamp(config, 1, "now"))


def test_the_same_settings_render_the_same_text() -> None:
    """So a preview shows no change that is none."""
    assert rendered("blue") == rendered("blue")
    assert digest(rendered("blue")) == digest(rendered("blue"))
    assert digest(rendered("blue")) != digest(rendered("green"))


def test_a_stacks_own_template_takes_the_place_of_the_part_that_may_be_exchanged(
    tmp_path: Path,
) -> None:
    """It is put, indented, into both servers."""
    own = "location / {\n    proxy_pass http://{{ upstream }};\n    add_header X-Own yes;\n}\n"
    (tmp_path / "own.conf").write_text(own)
    config = rendered("green", tmp_path, service_template="own.conf")
    public, preview, _ = blocks(plain(config), "server")
    assert "            add_header X-Own yes;" in public
    assert "proxy_pass http://green;" in public
    assert "proxy_pass http://blue;" in preview
    assert "proxy_buffer_size" not in config


@pytest.mark.parametrize(
    ("template", "slot"),
    [
        ("proxy_pass http://{{ upstrem }};", "upstrem"),
        ("{{ live }}", "live"),
        ("{{  }}", ""),
        ("a {{  }} b", ""),
    ],
)
def test_an_unknown_slot_in_a_template_is_a_config_error_that_names_it(
    tmp_path: Path, template: str, slot: str
) -> None:
    """A typing error is told by file and slot, with what there is."""
    (tmp_path / "own.conf").write_text(template)
    with pytest.raises(ConfigError) as refused:
        rendered("blue", tmp_path, service_template="own.conf")
    assert refused.value.mistakes == [
        f"own.conf: {{{{ {slot} }}}} is unknown; allowed: upstream, path, connect_timeout"
    ]


def test_a_slot_alone_on_its_line_keeps_its_indent() -> None:
    """So a rendered config can be read by people; empty lines stay empty."""
    filled = fill("a {\n    {{ body }}\n}\n", {"body": "x;\n\ny;"}, "t")
    assert filled == "a {\n    x;\n\n    y;\n}\n"
    assert fill("to {{ one }}:{{ two }};", {"one": "1", "two": "2"}, "t") == "to 1:2;"


def test_a_stamped_config_says_what_it_is() -> None:
    """Color, version, generation, since and digest are read back as they were put in."""
    config = rendered("green")
    assert read_state(stamp(config, 7, "2031-01-02T03:04:05+00:00")) == State(
        color="green",
        version="12.3.0",
        generation=7,
        since="2031-01-02T03:04:05+00:00",
        config=digest(config),
    )


def test_a_digest_as_version_survives_the_round_trip() -> None:
    """Versions by digest contain a colon and 64 digits."""
    version = "sha256:" + "ab" * 32
    state = read_state(stamp(rendered("blue", blue_version=version), 1, "now"))
    assert state
    assert state.version == version


@pytest.mark.parametrize(
    "config",
    ["", "events {}", "# bluegreen color=blue", (TEMPLATES / "bootstrap.conf").read_text()],
)
def test_a_config_without_the_line_means_no_color_is_live(config: str) -> None:
    """The bootstrap config above all."""
    assert read_state(config) is None


def test_an_unstamped_config_is_nobodys_state() -> None:
    """What was never switched to cannot be taken for live."""
    assert read_state(rendered("blue")) is None


@pytest.mark.parametrize("confirmed", [True, False])
def test_nginx_starts_from_the_last_confirmed_config_or_else_from_the_bootstrap(
    confirmed: bool, tmp_path: Path, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config on trial when the container stopped is not taken up again."""
    folder, first = tmp_path / "configs", tmp_path / "first.conf"
    folder.mkdir()
    first.write_text("the first page")
    (folder / "nginx.conf").write_text("on trial")
    if confirmed:
        (folder / "stable.conf").write_text("confirmed")
    fake_docker.put("nginx", f"#!/bin/sh\necho \"$*\" >'{tmp_path}/asked'\n")
    there = {"FOLDER": str(folder), "BOOTSTRAP": str(first)}
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    subprocess.run(["sh", "-ec", scripts.start()], check=True)
    expected = "confirmed" if confirmed else "the first page"
    assert (folder / "nginx.conf").read_text() == expected
    assert (tmp_path / "asked").read_text() == f"-c {folder}/nginx.conf -g daemon off;\n"

"""The edge's config: what is rendered, and what a config says of itself."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bluegreen.config.settings import Color, other
from bluegreen.edge import scripts
from bluegreen.edge.clients import Listening
from bluegreen.edge.render import compose, digest, render, render_edge, stamp
from bluegreen.edge.state import State
from bluegreen.edge.state import state_of as read_state
from bluegreen.edge.templates import TEMPLATES, fill
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


def both(first: Color, root: Path = ROOT, **raw: Any) -> str:
    """The config after the first color was released, and then the other."""
    stamped = stamp(rendered(first, root), rendered(first, root), 1, "then")
    return compose(rendered(other(first), root, **raw), stamped)


@pytest.mark.parametrize("live", ["blue", "green"])
def test_a_color_is_asked_by_its_name_for_as_long_as_nginx_runs(live: Color) -> None:
    """A container that comes back with another address is found."""
    (upstream,) = blocks(plain(rendered(live)), f"upstream shop-{live}")
    assert f"server shop-{live}:3000 resolve" in upstream
    assert "zone " in upstream
    assert "resolver 127.0.0.11 valid=1s" in upstream


def test_the_other_color_keeps_what_it_was_released_with(tmp_path: Path) -> None:
    """Template, headers, version and port: nothing rendered for the target is ever its own."""
    (tmp_path / "own.conf").write_text(
        "location / { proxy_pass http://{{ upstream }}; add_header X-Own yes; }"
    )
    (tmp_path / "service.conf").touch()
    config = both("blue", ROOT)
    for text in (rendered("blue"), config):
        assert "add_header X-Served-By blue always;" in text
    changed = {"port": "8443", "green_version": "13.0.0"}
    config = both("blue", ROOT, **changed)
    assert "server shop-blue:3000 resolve" in config
    assert "server shop-green:8443 resolve" in config
    assert "add_header X-Served-By blue always;" in config
    assert "add_header X-Served-By green always;" in config
    again = compose(rendered("blue", blue_version="14.0.0"), config)
    assert "server shop-green:8443 resolve" in again
    assert "version=14.0.0" in again
    assert "'blue 12.4.0'" not in again


def test_a_color_that_was_never_released_says_so() -> None:
    """Should anybody be led there."""
    config = rendered("blue")
    assert "upstream shop-green" not in config
    assert "green is idle: it has not been released yet." in config


def test_a_color_is_looked_for_at_each_request_and_never_in_a_cache() -> None:
    """Whatever a template says of open_file_cache."""
    config = plain(rendered("green"))
    assert "open_file_cache off;" in config
    assert "if (-f /etc/bluegreen/services/shop/green)" in config


def test_a_switch_between_colors_changes_their_own_parts_alone() -> None:
    """Else a switch would change what the live color is served with."""
    same: dict[str, Any] = {"blue_version": "12.4.0", "green_version": "12.4.0"}
    blue, green = rendered("blue", **same), rendered("green", **same)
    own = re.compile(r"^ *#< (blue|green) \w+\n.*?^ *#> .*?$", re.DOTALL | re.MULTILINE)
    assert own.sub("", blue).splitlines()[1:] == own.sub("", green).splitlines()[1:]


def test_one_of_several_replicas_is_asked_anew_when_the_others_have_changed() -> None:
    """On a Swarm alone."""
    swarm: dict[str, Any] = {"platform": "swarm", "data_path": ""}
    config = plain(rendered("blue", **swarm))
    (failed,) = blocks(config, "location @failed")
    assert "try_files /nonexistent @$shop_text$bluegreen_upgraded;" in failed
    assert "proxy_connect_timeout 2s;" in config
    (failed,) = blocks(plain(rendered("blue")), "location @failed")
    assert "try_files" not in failed


@pytest.mark.parametrize(
    "directive",
    [
        "proxy_set_header Host $asked_host;",
        "proxy_set_header X-Real-IP $remote_addr;",
        "proxy_set_header X-Forwarded-For $forwarded_for;",
        "proxy_set_header X-Forwarded-Proto $forwarded_proto;",
        "proxy_set_header Upgrade $upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "proxy_http_version 1.1;",
        "proxy_buffer_size 128k;",
        "proxy_buffers 4 256k;",
        "proxy_busy_buffers_size 256k;",
    ],
)
def test_headers_and_buffers_of_the_original_are_for_both_ports(directive: str) -> None:
    """OAuth logins, WebSockets and logs of addresses work, also while only previewed."""
    (location,) = blocks(plain(rendered("blue")), "location @shop_blue_0")
    assert directive in location


def test_what_keeps_connections_over_a_reload_is_there() -> None:
    """Without it, a reload resets connections; and no worker is ended before its time."""
    config = render_edge(Listening(), peers=False)
    assert "keepalive_min_timeout 10s;" in config
    assert "worker_shutdown_timeout" not in config


def test_repeating_a_request_is_left_to_clients() -> None:
    """No fault is papered over: a repeated POST could be done twice."""
    config = plain(rendered("blue"))
    assert "proxy_next_upstream" not in config
    assert "backup" not in config


def test_users_are_told_which_color_served_them_and_the_version_where_asked_for() -> None:
    """As a header, and as a file of the color's own at /-/bluegreen."""
    assert "X-Served-By 'blue 12.4.0' always" in rendered("blue", show_version="true")
    config = rendered("blue")
    assert "add_header X-Served-By blue always;" in config
    assert "try_files /state-$color.json" in config
    assert config.startswith("# bluegreen color=blue version=12.4.0 ")


def test_no_slot_is_left_unfilled() -> None:
    """What is left is the @words@ of the moment, and `stamp` fills these."""
    config = rendered("blue").replace("the @words@", "")  # as a comment calls them
    assert "{{" not in config
    assert set(re.findall(r"@[a-z]+@", config)) == {
        "@generation@",
        "@since@",
        "@config@",
        "@text@",
    }
    assert not re.findall(r"@[a-z]+@", stamp(config, config, 1, "now"))


def test_the_same_settings_render_the_same_text() -> None:
    """So a preview shows no change that is none."""
    assert rendered("blue") == rendered("blue")
    assert digest(rendered("blue")) == digest(rendered("blue"))
    assert digest(rendered("blue")) != digest(rendered("green"))


def test_a_text_is_known_by_what_nginx_reads() -> None:
    """The moment of a switch is in the first line alone: the same text needs no reload."""
    config = rendered("blue")
    first, second = (stamp(config, config, number, f"at {number}") for number in (1, 2))
    assert first.partition("\n")[2] == second.partition("\n")[2]
    (text,) = re.findall(r" text=(\w+)\n", first)
    assert f"/old-{text};" in first
    other = rendered("blue", port="9")
    assert f"text={text}\n" not in stamp(other, other, 1, "at 1")


def test_a_stacks_own_template_takes_the_place_of_the_part_that_may_be_exchanged(
    tmp_path: Path,
) -> None:
    """Of the color that is released with it."""
    own = "location / {\n    proxy_pass http://{{ upstream }};\n    add_header X-Own yes;\n}\n"
    (tmp_path / "own.conf").write_text(own)
    config = rendered("green", tmp_path, service_template="own.conf")
    (location,) = blocks(plain(config), "location @shop_green_0")
    assert "add_header X-Own yes;" in location
    assert "proxy_pass http://shop-green;" in location
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
        f"own.conf: {{{{ {slot} }}}} is unknown; allowed: upstream, path, scheme, connect_timeout"
    ]


def test_a_slot_alone_on_its_line_keeps_its_indent() -> None:
    """So a rendered config can be read by people; empty lines stay empty."""
    filled = fill("a {\n    {{ body }}\n}\n", {"body": "x;\n\ny;"}, "t")
    assert filled == "a {\n    x;\n\n    y;\n}\n"
    assert fill("to {{ one }}:{{ two }};", {"one": "1", "two": "2"}, "t") == "to 1:2;"


def test_a_stamped_config_says_what_it_is() -> None:
    """Color, version, generation, since and digest are read back as they were put in."""
    config = rendered("green")
    assert read_state(stamp(config, config, 7, "2031-01-02T03:04:05+00:00")) == State(
        color="green",
        version="12.3.0",
        generation=7,
        since="2031-01-02T03:04:05+00:00",
        config=digest(config),
    )


def test_a_digest_as_version_survives_the_round_trip() -> None:
    """Versions by digest contain a colon and 64 digits."""
    version = "sha256:" + "ab" * 32
    config = rendered("blue", blue_version=version)
    state = read_state(stamp(config, config, 1, "now"))
    assert state
    assert state.version == version


@pytest.mark.parametrize(
    "config",
    ["", "events {}", "# bluegreen color=blue", (TEMPLATES / "waiting.conf").read_text()],
)
def test_a_config_without_the_line_means_no_color_is_live(config: str) -> None:
    """The one of an edge that waits above all."""
    assert read_state(config) is None


def test_an_unstamped_config_is_nobodys_state() -> None:
    """What was never switched to cannot be taken for live."""
    assert read_state(rendered("blue")) is None


@pytest.mark.parametrize("confirmed", [True, False])
def test_nginx_starts_each_service_from_its_last_confirmed_config(
    confirmed: bool, tmp_path: Path, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config on trial when the container stopped is not taken up again, nor its color."""
    folder = tmp_path / "services" / "shop"
    folder.mkdir(parents=True)
    for name in ("etc", "logs"):
        (tmp_path / name).mkdir()
    (tmp_path / "etc" / "bluegreen-edge.conf").touch()
    (folder / "nginx.conf").write_text("on trial")
    (folder / "green").touch()
    stable = "# bluegreen color=blue version=1 generation=3 since=then config=a text=b\n"
    if confirmed:
        (folder / "stable.conf").write_text(stable)
    fake_docker.put("nginx", f"#!/bin/sh\necho \"$*\" >>'{tmp_path}/asked'\n")
    flag = tmp_path / "shm" / "bluegreen-shop" / "old-b"
    flag.parent.mkdir(parents=True)
    flag.touch()  # of its own text: it would hand its requests over to itself
    places = {
        "SHM": "shm",
        "ETC": "etc",
        "RUN": "run",
        "KEPT": "kept",
        "LISTEN": "listen",
        "PROC": "proc",
    }
    there = {name: f"{tmp_path}/{place}" for name, place in places.items()}
    there |= {"SERVICES": f"{tmp_path}/services", "LOGS": f"{tmp_path}/logs", "EDGE": "edge.conf"}
    there |= {"ALIVE": f"{tmp_path}/alive", "BODIES": f"{tmp_path}/bodies"}
    (tmp_path / "edge.conf").write_text("worker_connections 512;\n")
    there |= {"EDGE": f"{tmp_path}/edge.conf"}
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    subprocess.run(["sh", "-ec", scripts.start()], check=True)
    assert (folder / "nginx.conf").exists() is confirmed
    if confirmed:
        assert (folder / "nginx.conf").read_text() == stable
        assert not (folder / "green").exists()
    assert not flag.exists()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-1] == f"-c {tmp_path}/edge.conf -g daemon off;"
    # It is told to the holder before that has anything to run itself.
    assert (tmp_path / "alive").read_text() == "starting\n"

"""Making nginx able to hold writes back, with an edge that is a folder of the test's own."""

from pathlib import Path

import pytest

from bluegreen.config.settings import Docker
from bluegreen.edge import prepare
from bluegreen.edge.prepare import prepare_to_hold
from bluegreen.errors import DataFailed
from tests.unit.conftest import FakeDocker
from tests.unit.test_nginx import Edge, edge

__all__ = ["edge"]  # the fixture

LIVE = "# bluegreen color=blue version=12.3.0 generation=4 since=then config=abc\n"
TEXT = "# bluegreen color=blue version=12.3.0 generation=@generation@ since=@since@ config=def\n"
URL = "http://shop-blue:3000/api/health"
CURL = """\
#!/bin/sh
cd '{folder}'
case "$*" in
*8009/writes*) printf "$(cat count)" ;;
*shop-blue*) [ ! -e silent ] && printf 'HTTP/1.1 401 X\\r\\n\\r\\n' ;;
*8008/blue*) printf 'HTTP/1.1 %s X\\r\\n\\r\\n' "$(cat through)" ;;
*)
    said='{{"color": "\\1", "generation": \\2}}'
    printf 'HTTP/1.1 200 X\\r\\n\\r\\n'
    head -n 1 nginx.conf | sed -E "s/.*color=([a-z]+) .*generation=([0-9]+) .*/$said/" ;;
esac
"""
# A reload has new workers; an old one keeps serving.
NGINX = """\
#!/bin/sh
cd '{folder}'
echo "nginx $*" >> asked
case "$*" in
-v) echo 'nginx version: nginx/1.30.6' ;;
*reload)
    echo "/proc/$$/cmdline" >workers
    echo /proc/7/cmdline >leaving ;;
esac
"""


@pytest.fixture
def live(edge: Edge, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """An edge that serves blue by a config which cannot hold writes back."""
    folder = edge.folder
    edge.put("nginx.conf", f"{LIVE}worker_shutdown_timeout 3s;\n")
    edge.put("stable.conf", LIVE)
    edge.put("count", "000")
    edge.put("through", "404")
    fake_docker.put("curl", CURL.format(folder=folder))
    fake_docker.put("nginx", NGINX.format(folder=folder))
    shutdown = prepare._SHUTDOWN.replace("/etc/bluegreen", str(folder))
    monkeypatch.setattr(prepare, "_SHUTDOWN", shutdown)
    return edge


def run(live: Edge) -> list[str]:
    """Prepare the edge; return what was told. Once it is told of, the old worker leaves."""
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if "still serve" in text:
            live.put("leaving", "")

    prepare_to_hold("shop-edge", Docker(), TEXT, URL, tell)
    return told


def test_the_live_color_stays_and_its_old_workers_are_waited_for(live: Edge) -> None:
    """They look for no file; since when it is live, and what it is, is as before."""
    told = run(live)
    new = "# bluegreen color=blue version=12.3.0 generation=5 since=then config=def\n"
    assert live.read("nginx.conf") == live.read("stable.conf") == new
    assert live.read("leaving") == ""
    assert told[0] == "nginx gets a config that can hold writes back"
    assert told[1] == "1 old workers of nginx still serve, for up to 3 s"


@pytest.mark.parametrize("count", ["204", "409"])
def test_an_nginx_that_can_is_left_alone(live: Edge, count: str) -> None:
    """The usual release: nothing is written, nothing reloaded."""
    live.put("count", count)
    assert run(live) == []
    assert live.asked("nginx") == []


def test_settings_that_do_not_reach_the_live_color_are_not_given_to_nginx(live: Edge) -> None:
    """As when `port` was changed in the same file; any answer at all is one."""
    live.put("silent", "")
    with pytest.raises(DataFailed, match=r"blue does not answer at http://shop-blue:3000"):
        run(live)
    assert live.read("stable.conf") == LIVE
    assert not [line for line in live.asked("nginx") if "reload" in line]


def test_a_config_that_does_not_reach_the_live_color_is_taken_back(live: Edge) -> None:
    """Nginx answers 502 for it: what was live is live again, and is said to be."""
    live.put("through", "502")
    with pytest.raises(DataFailed, match=r"does not reach blue: .* 502; blue 12.3.0 serves again"):
        run(live)
    assert live.read("nginx.conf") == live.read("stable.conf") == LIVE


def test_nothing_is_left_of_a_process_that_ends_on_trial(live: Edge, tmp_path: Path) -> None:
    """The edge goes back by itself, as from a switch: its shell hears of the end."""
    live.put("through", "$(kill $PPID)")  # the shell dies between reload and confirm
    with pytest.raises(DataFailed):
        run(live)
    assert live.read("stable.conf") == LIVE

"""How an edge follows the others: its shell functions, with tools of the tests' own."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bluegreen.edge import scripts
from tests.unit.conftest import FakeDocker

# Serves what the test put there for a peer; 404 for one without, 7 for one that is away.
CURL = """\
#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" = -o ] && into=$2; shift; done
peer=${{1#http://}}; peer=${{peer%%:*}}
case $1 in */shop/stable.conf) ;; *) exit 7 ;; esac
[ -d '{folder}'/peers/$peer ] || exit 7
if [ -e '{folder}'/peers/$peer/stable.conf ]; then
    cp '{folder}'/peers/$peer/stable.conf $into; printf 200
else
    : >$into; printf 404
fi
"""
NGINX = """\
#!/bin/sh
echo "nginx $*" >> '{folder}/asked'
case "$*" in
    *-t*) [ ! -e '{folder}/refuses' ];;
    *daemon*) exec sleep 30;;
    *reload*) ! rm '{folder}/fails-once' 2>/dev/null;;
esac
"""


def config(generation: int, edges: str = "me peer", required: int = 1) -> str:
    """A config of this generation, of a stack with these edges."""
    head = f"# bluegreen color=green version=12 generation={generation} since=then config=abc"
    return f"{head} text=abc\n# edges: {edges} ({required} required)\n"


def becomes(event: Callable[[], bool], seconds: float) -> bool:
    """Whether it is so within these seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if event():
            return True
        time.sleep(0.01)
    return False


class Edge:
    """The edge `me`: its folder, the service's in it, and what its peers say."""

    def __init__(self, root: Path, tools: FakeDocker) -> None:
        self.root, self.folder = root, root / "services" / "shop"
        self.folder.mkdir(parents=True)
        (root / "peers").mkdir()
        (root / "logs").mkdir()
        (root / "etc").mkdir()
        (root / "etc" / "bluegreen-edge.conf").touch()
        for name, script in (("curl", CURL), ("nginx", NGINX)):
            tools.put(name, script.format(folder=root))
        (root / "waiting.conf").write_text("# bluegreen waiting\n")
        (root / "edge.conf").write_text("http {\n    include /x/services/*/nginx.conf;\n}\n")

    def peer(self, name: str, stable: str | None) -> None:
        """Let a peer answer, with this stable config or with none."""
        (self.root / "peers" / name).mkdir(exist_ok=True)
        if stable:
            (self.root / "peers" / name / "stable.conf").write_text(stable)

    def put(self, **files: str) -> None:
        """Write configs: nginx, stable."""
        for name, text in files.items():
            (self.folder / f"{name}.conf").write_text(text)

    def read(self, name: str) -> str:
        """A config's text."""
        return (self.folder / f"{name}.conf").read_text()

    def followed(self) -> bool:
        """Whether what is on trial here is confirmed elsewhere."""
        known = {"SELF": "me"}
        functions = scripts.script("edge", "peers", known=known)
        script = f"cd '{self.folder}'\n{functions}\nfollowed"
        return subprocess.run(["sh", "-c", script], check=False).returncode == 0

    def start(self) -> "subprocess.Popen[bytes]":
        """Start as the container does; in a group of its own, to be ended."""
        return subprocess.Popen(
            ["sh", "-ec", scripts.start("me")], stderr=subprocess.DEVNULL, start_new_session=True
        )

    def reloads(self, times: int, seconds: float = 20) -> bool:
        """Whether nginx comes to be told so often to load its config."""
        asked = self.root / "asked"
        return becomes(
            lambda: asked.exists() and asked.read_text().count("-s reload") >= times, seconds
        )

    def serves(self, text: str, seconds: float = 20) -> bool:
        """Whether nginx's config becomes this."""
        file = self.folder / "nginx.conf"
        return becomes(lambda: file.exists() and file.read_text() == text, seconds)


@pytest.fixture
def edge(tmp_path: Path, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """An edge among several."""
    root = tmp_path / "edge"
    there = {
        "PROC": f"{root}/proc",
        "RUN": f"{root}/run",
        "ETC": f"{root}/etc",
        "SHM": f"{root}/shm",
        "SERVICES": f"{root}/services",
        "EDGE": f"{root}/edge.conf",
        "WAITING": f"{root}/waiting.conf",
        "KEPT": f"{root}/kept",
        "LISTEN": f"{root}/listen",
        "ALIVE": f"{root}/alive",
        "LOGS": f"{root}/logs",
        "LOG": f"{root}/log",
        "BODIES": f"{root}/bodies",
    }
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    return Edge(root, fake_docker)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End an edge that was started."""
    os.killpg(process.pid, 9)
    process.wait()


def test_a_trial_that_another_edge_has_confirmed_is_not_gone_back_from(edge: Edge) -> None:
    """The driver died between the two confirms."""
    edge.put(nginx=config(8), stable=config(7))
    edge.peer("peer", config(8))
    assert edge.followed()
    assert edge.read("stable") == config(8)


@pytest.mark.parametrize("stable", [None, config(7)])
def test_a_trial_that_nobody_has_confirmed_is_not_followed(edge: Edge, stable: str | None) -> None:
    """The other one is on trial too, or away."""
    edge.put(nginx=config(8), stable=config(7))
    edge.peer("peer", stable)
    assert not edge.followed()
    assert edge.read("stable") == config(7)


def test_what_is_not_on_trial_is_nobodys_to_confirm(edge: Edge) -> None:
    """A switch that died before its reload has left all as it was."""
    edge.put(nginx=config(7), stable=config(7))
    edge.peer("peer", config(7))
    assert not edge.followed()


def test_a_config_that_nginx_refuses_is_not_taken(edge: Edge) -> None:
    """Whoever it comes from."""
    edge.put(nginx=config(8), stable=config(7))
    edge.peer("peer", config(9))
    (edge.root / "refuses").touch()
    assert not edge.followed()


def test_a_stack_with_one_edge_asks_nobody(edge: Edge) -> None:
    """Its config names no others."""
    plain = config(8).splitlines(keepends=True)[0]
    edge.put(nginx=plain, stable=plain.replace("8", "7"))
    edge.peer("peer", config(9))
    assert not edge.followed()


def test_an_edge_that_was_away_starts_with_what_the_others_have(edge: Edge) -> None:
    """It never serves what it had."""
    edge.put(stable=config(7))
    edge.peer("peer", config(9))
    process = edge.start()
    try:
        assert edge.serves(config(9))
        assert edge.read("stable") == config(9)
    finally:
        end(process)


def test_an_edge_that_sees_too_few_others_waits(edge: Edge) -> None:
    """Of two, of which one is enough for a switch, it must see the other."""
    edge.put(stable=config(7))
    process = edge.start()
    try:
        assert edge.serves("# bluegreen waiting\n")
        edge.peer("peer", config(7))
        assert edge.serves(config(7))
        assert edge.reloads(1)
    finally:
        end(process)


def test_an_nginx_that_did_not_load_what_it_follows_is_told_again(edge: Edge) -> None:
    """A file that says so is no proof that users are served."""
    edge.put(stable=config(7))
    process = edge.start()
    try:
        assert edge.serves("# bluegreen waiting\n")
        (edge.root / "fails-once").touch()
        edge.peer("peer", config(7))
        assert edge.reloads(2)
        assert edge.serves(config(7))
    finally:
        end(process)


def test_an_edge_without_which_nothing_is_switched_need_not_wait(edge: Edge) -> None:
    """With all edges required it has missed nothing."""
    edge.put(stable=config(7, required=2))
    process = edge.start()
    try:
        assert edge.serves(config(7, required=2))
    finally:
        end(process)


def test_a_running_edge_follows_but_not_into_a_switch_of_its_own(edge: Edge) -> None:
    """While somebody switches it, that is who decides."""
    edge.put(stable=config(7, required=2))
    process = edge.start()
    try:
        assert edge.serves(config(7, required=2))
        started = Path("/proc/self/stat").read_text().split()[21]
        (edge.folder / "switch.pid").write_text(f"{os.getpid()} {started}\n")
        edge.peer("peer", config(9))
        assert not edge.serves(config(9), seconds=2.5)
        (edge.folder / "switch.pid").unlink()
        assert edge.serves(config(9))
    finally:
        end(process)

"""How an edge follows the others: its shell functions, with tools of the tests' own."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from bluegreen.edge import scripts
from bluegreen.edge.state import BOOTSTRAP, WAITING
from tests.unit.conftest import FakeDocker

# Serves what the test put there for a peer; 404 for one without, 7 for one that is away.
CURL = """\
#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" = -o ] && into=$2; shift; done
peer=${{1#http://}}; peer=${{peer%%:*}}
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
case "$*" in *-t*) [ ! -e '{folder}/refuses' ];; *daemon*) exec sleep 30;; esac
"""


def config(generation: int, edges: str = "me peer", required: int = 1) -> str:
    """A config of this generation, of a stack with these edges."""
    head = f"# bluegreen color=green version=12 generation={generation} since=then config=abc\n"
    return f"{head}    # edges: {edges} ({required} required)\n"


class Edge:
    """The edge `me`: its folder, and what its peers say."""

    def __init__(self, folder: Path, tools: FakeDocker) -> None:
        self.folder = folder
        (folder / "peers").mkdir(parents=True)
        for name, script in (("curl", CURL), ("nginx", NGINX)):
            tools.put(name, script.format(folder=folder))
        for name in (BOOTSTRAP, WAITING):
            (folder / Path(name).name).write_text(f"# bluegreen {Path(name).stem[10:]}\n")

    def peer(self, name: str, stable: str | None) -> None:
        """Let a peer answer, with this stable config or with none."""
        (self.folder / "peers" / name).mkdir(exist_ok=True)
        if stable:
            (self.folder / "peers" / name / "stable.conf").write_text(stable)

    def put(self, **files: str) -> None:
        """Write configs: nginx, stable."""
        for name, text in files.items():
            (self.folder / f"{name}.conf").write_text(text)

    def read(self, name: str) -> str:
        """A config's text."""
        return (self.folder / f"{name}.conf").read_text()

    def followed(self) -> bool:
        """Whether what is on trial here is confirmed elsewhere."""
        functions = scripts.script("edge", "peers", SELF="me")
        script = f"cd '{self.folder}'\n{functions}\nfollowed"
        return subprocess.run(["sh", "-c", script], check=False).returncode == 0

    def start(self) -> "subprocess.Popen[bytes]":
        """Start as the container does; in a group of its own, to be ended."""
        return subprocess.Popen(
            ["sh", "-ec", scripts.start("me")], stderr=subprocess.DEVNULL, start_new_session=True
        )

    def serves(self, text: str, seconds: float = 20) -> bool:
        """Whether nginx's config becomes this."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (self.folder / "nginx.conf").exists() and self.read("nginx") == text:
                return True
            time.sleep(0.01)
        return False


@pytest.fixture
def edge(tmp_path: Path, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """An edge among several."""
    folder = tmp_path / "edge"
    there = {
        "FOLDER": str(folder),
        "BOOTSTRAP": str(folder / Path(BOOTSTRAP).name),
        "WAITING": str(folder / Path(WAITING).name),
    }
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    return Edge(folder, fake_docker)


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
    (edge.folder / "refuses").touch()
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


def test_a_new_edge_serves_its_first_page_until_it_is_switched(edge: Edge) -> None:
    """It knows no others yet."""
    process = edge.start()
    try:
        assert edge.serves("# bluegreen bootstrap\n")
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

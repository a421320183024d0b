"""The switch's acts, on a shell of this machine with an `nginx` and a `curl` of the tests' own."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluegreen.docker.shell import Shell
from bluegreen.edge import nginx as acts
from bluegreen.edge import scripts
from bluegreen.edge.nginx import Nginx
from bluegreen.edge.state import TRIAL_HOLD
from bluegreen.errors import CommandFailed, EdgeUnreachable, SwitchFailed
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_health

GOOD = {"database": "ok", "version": "12.4.0"}
# Notes what it is asked, says what the test put there, and ends as the test wants.
TOOL = """\
#!/bin/sh
echo "{name} $*" >> '{folder}/asked'
[ -e '{folder}/{name}-says' ] && cat '{folder}/{name}-says'
[ ! -e '{folder}/{name}-fails' ]
"""


def config(color: str, generation: int) -> str:
    """A config of this color and generation."""
    return f"# bluegreen color={color} version=12 generation={generation} since=then config=abc\n"


class Edge:
    """The edge's config folder, and the tools in it."""

    def __init__(self, folder: Path, docker: FakeDocker) -> None:
        self.folder = folder
        folder.mkdir()
        self.put("workers", "/proc/7/cmdline\n/proc/8/cmdline\n")
        self.put("leaving", "")
        for name in ("nginx", "curl"):
            docker.put(name, TOOL.format(name=name, folder=folder))
        self.put("../edge-bootstrap.conf", "events {}\n")

    def put(self, name: str, text: str) -> None:
        """Put a file there."""
        (self.folder / name).write_text(text)

    def read(self, name: str) -> str:
        """Read a file from there."""
        return (self.folder / name).read_text()

    def names(self) -> set[str]:
        """The configs in it, and what is left of writing them."""
        return {p.name for p in self.folder.iterdir() if p.suffix in (".conf", ".part")}

    def answers(self, body: object, status: int = 200) -> None:
        """Let curl say this."""
        self.put("curl-says", f"HTTP/1.1 {status} X\r\n\r\n{json.dumps(body)}")

    def asked(self, tool: str) -> list[str]:
        """What a tool was called with."""
        lines = self.read("asked").splitlines() if (self.folder / "asked").exists() else []
        return [line for line in lines if line.startswith(f"{tool} ")]


@pytest.fixture
def edge(tmp_path: Path, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """A folder in place of the edge's, and no look at this machine's own processes."""
    folder = tmp_path / "edge"
    there = {
        "FOLDER": str(folder),
        "BOOTSTRAP": f"{folder}-bootstrap.conf",
        "WAITING": f"{folder}-waiting.conf",
        "HELD": f"{folder}/held",
        "LOG": "restored",
    }
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    monkeypatch.setattr(acts, "FLAGS", f"{folder}/held")
    monkeypatch.setattr(acts, "flag_of", lambda color: f"{folder}/held-{color}")
    monkeypatch.setattr(acts, "CONFIG_FOLDER", str(folder))
    monkeypatch.setattr(acts, "WORKERS", f"cat {folder}/workers")
    monkeypatch.setattr(acts, "LEAVING", f"cat {folder}/leaving")
    monkeypatch.setattr(acts, "POLL", 0.001)
    return Edge(folder, fake_docker)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon what will never be."""
    monkeypatch.setattr(acts, "RELOAD_TIMEOUT", 0.2)


@pytest.fixture
def nginx(edge: Edge) -> Iterator[Nginx]:
    """The acts, in that folder."""
    with Shell("shop-edge") as shell:
        yield Nginx(shell, make_health())


def test_a_switch_that_lost_its_update_is_ended_by_the_next_one(edge: Edge) -> None:
    """What it had on trial goes back, and it is heard of no more."""
    edge.put("stable.conf", config("blue", 1))
    edge.put("nginx.conf", config("green", 2))
    with Shell("shop-edge") as orphan, Shell("shop-edge") as shell:
        first = Nginx(orphan, make_health())
        first.claim()
        first.arm()
        Nginx(shell, make_health()).claim()
        assert edge.read("nginx.conf") == config("blue", 1)
        with pytest.raises(EdgeUnreachable):
            first.confirm()


def test_a_switch_that_was_confirmed_is_left_to_its_drain_by_the_next_one(
    nginx: Nginx, edge: Edge
) -> None:
    """There is nothing to go back from."""
    edge.put("stable.conf", config("blue", 1))
    edge.put("nginx.conf", config("green", 2))
    with Shell("shop-edge") as shell:
        first = Nginx(shell, make_health())
        first.claim()
        first.arm()
        first.confirm()
        nginx.claim()
        assert first.leaving() == 0
        assert edge.read("nginx.conf") == config("green", 2)


def test_a_trial_ends_also_when_nobody_closes_its_shell(nginx: Nginx, edge: Edge) -> None:
    """As after a restart of the daemon with live-restore: the edge goes back by itself."""
    edge.put("stable.conf", config("blue", 1))
    edge.put("nginx.conf", config("green", 2))
    nginx.claim()
    nginx.arm(0)
    deadline = time.monotonic() + 5
    while edge.read("nginx.conf") != config("blue", 1):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(EdgeUnreachable):
        nginx.confirm()


@pytest.mark.parametrize("said", ["nginx/1.28.0", "nginx/1.30.6 (Ubuntu)", "nginx/2.0.0"])
def test_an_nginx_that_keeps_connections_is_taken(nginx: Nginx, edge: Edge, said: str) -> None:
    """From 1.28 on, whoever built it."""
    edge.put("nginx-says", f"nginx version: {said}\n")
    nginx.require_version()


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("nginx version: nginx/1.27.5", "1.27.5"),
        ("nginx version: nginx/1.9.15", "1.9.15"),
        ("nginx version: openresty/1.27.1.2", "1.27.1.2"),
        ("nginx version: nginx/one", "one"),
        ("sh: nginx: not found", "?"),
        ("", "?"),
    ],
)
def test_an_nginx_that_would_cut_connections_is_refused(
    nginx: Nginx, edge: Edge, said: str, seen: str
) -> None:
    """With the version seen and the oldest that will do."""
    edge.put("nginx-says", said)
    with pytest.raises(SwitchFailed) as refused:
        nginx.require_version()
    assert str(refused.value).startswith(
        f"the edge's image runs nginx {seen}; wanted: at least 1.28.0"
    )


def test_the_config_in_force_says_what_is_live(nginx: Nginx, edge: Edge) -> None:
    """By its first line; without one, no color is."""
    edge.put("nginx.conf", "events {}\n")
    assert nginx.state() is None
    edge.put("nginx.conf", config("blue", 4) + "events {}\n")
    state = nginx.state()
    assert state
    assert (state.color, state.generation) == ("blue", 4)


def test_a_generation_is_never_used_twice(nginx: Nginx, edge: Edge) -> None:
    """A failed switch's number is gone, or its workers could be taken for the next one's."""
    assert nginx.next_generation() == 1
    edge.put("nginx.conf", config("blue", 4))
    edge.put("stable.conf", config("blue", 4))
    assert nginx.next_generation() == 5
    edge.put("failed.conf", config("green", 12))
    assert nginx.next_generation() == 13


def test_the_next_config_is_written_and_tested_beside_the_one_in_force(
    nginx: Nginx, edge: Edge
) -> None:
    """It is seen by nginx before users do."""
    edge.put("nginx.conf", config("blue", 4))
    nginx.write(config("green", 5))
    assert edge.read("next.conf") == config("green", 5)
    assert edge.read("nginx.conf") == config("blue", 4)
    assert edge.asked("nginx") == [f"nginx -t -q -c {edge.folder}/next.conf"]


def test_a_config_that_nginx_refuses_is_told_and_put_aside(nginx: Nginx, edge: Edge) -> None:
    """The original's fourth trouble, a missing semicolon: in nginx's words, nothing touched."""
    edge.put("nginx.conf", config("blue", 4))
    edge.put("nginx-fails", "")
    edge.put(
        "nginx-says",
        "2031/01/02 03:04:05 [warn] 7#7: something else\n"
        '2031/01/02 03:04:05 [emerg] 7#7: unexpected "}" in /etc/bluegreen/next.conf:12\n'
        "nginx: configuration file /etc/bluegreen/next.conf test failed\n",
    )
    with pytest.raises(SwitchFailed) as refused:
        nginx.write(config("green", 5))
    assert str(refused.value) == (
        'nginx refuses the rendered config: 7#7: unexpected "}" in /etc/bluegreen/next.conf:12'
    )
    assert edge.read("failed.conf") == config("green", 5)
    assert edge.names() == {"nginx.conf", "failed.conf"}
    assert edge.read("nginx.conf") == config("blue", 4)


def test_a_reload_is_done_when_the_old_workers_take_no_more(nginx: Nginx, edge: Edge) -> None:
    """They are gone from the list, or they say that they are shutting down."""
    edge.put("next.conf", config("green", 5))
    edge.put("leaving", "/proc/7/cmdline\n/proc/8/cmdline\n")
    nginx.reload()
    assert edge.read("nginx.conf") == config("green", 5)
    assert edge.asked("nginx") == [f"nginx -c {edge.folder}/nginx.conf -s reload"]
    assert nginx.leaving() == 2


@pytest.mark.usefixtures("impatient")
def test_a_reload_that_replaces_no_workers_is_told(nginx: Nginx, edge: Edge) -> None:
    """Exit code 0 only means that the signal was sent."""
    edge.put("next.conf", config("green", 5))
    with pytest.raises(SwitchFailed, match=r"nginx did not replace its workers in 0\.2 s"):
        nginx.reload()


def test_a_reload_that_nginx_refuses_is_told(nginx: Nginx, edge: Edge) -> None:
    """In its words."""
    edge.put("next.conf", config("green", 5))
    edge.put("nginx-fails", "")
    edge.put("nginx-says", 'nginx: [emerg] open() "/run/nginx.pid" failed\n')
    with pytest.raises(SwitchFailed, match=r"^nginx refuses to reload: open\(\)"):
        nginx.reload()


def test_a_color_that_answers_is_asked_once_through_nginx(nginx: Nginx, edge: Edge) -> None:
    """The way users' requests will go."""
    edge.answers(GOOD)
    nginx.probe("green", 5)
    (asked,) = edge.asked("curl")
    assert asked.endswith(" http://127.0.0.1:8008/green/api/health")
    assert not edge.asked("nginx")


def test_a_color_that_does_not_answer_is_looked_for_anew_then_given_up(
    nginx: Nginx, edge: Edge
) -> None:
    """A reload lets new workers look its name up; the last answer is told."""
    edge.answers("bad gateway", 502)
    with pytest.raises(SwitchFailed) as failed:
        nginx.probe("green", 0.1)
    assert str(failed.value) == 'green is not reachable through nginx: 502 "bad gateway"'
    assert len(edge.asked("nginx")) == 1
    assert len(edge.asked("curl")) > 1


def test_a_switch_is_proved_on_fresh_connections_in_a_row(nginx: Nginx, edge: Edge) -> None:
    """Color and generation must be the new ones, each time."""
    edge.answers({"color": "green", "generation": 5})
    nginx.prove("green", 5)
    assert len(edge.asked("curl")) == acts.SURE
    assert edge.asked("curl")[0].endswith(" http://127.0.0.1/-/bluegreen")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "body", [{"color": "green", "generation": 4}, {"color": "blue", "generation": 5}, [], "x"]
)
def test_a_switch_that_cannot_be_proved_is_told_with_what_nginx_says(
    nginx: Nginx, edge: Edge, body: object
) -> None:
    """Old workers, another color, or no JSON object at all."""
    edge.answers(body)
    with pytest.raises(SwitchFailed, match=r"^nginx does not serve generation 5: it says "):
        nginx.prove("green", 5)


@pytest.mark.usefixtures("impatient")
def test_an_nginx_that_refuses_connections_proves_nothing(nginx: Nginx, edge: Edge) -> None:
    """A failure of curl is an answer too."""
    edge.put("curl-fails", "")
    with pytest.raises(SwitchFailed, match=r'it says \{"error": '):
        nginx.prove("green", 5)


@pytest.fixture
def on_trial(edge: Edge) -> Edge:
    """Blue is stable, green is in force and not confirmed."""
    edge.put("stable.conf", config("blue", 4))
    edge.put("nginx.conf", config("green", 5))
    return edge


def test_a_shell_that_ends_unconfirmed_brings_back_the_stable_config(on_trial: Edge) -> None:
    """From within the edge, with nobody else needed."""
    with Shell("shop-edge") as shell:
        Nginx(shell, make_health()).arm()
    assert on_trial.read("nginx.conf") == config("blue", 4)
    assert on_trial.asked("nginx") == [f"nginx -c {on_trial.folder}/nginx.conf -s reload"]
    assert "not confirmed, reverted" in on_trial.read("restored")
    assert on_trial.names() == {"nginx.conf", "stable.conf"}


def test_a_first_switch_that_ends_unconfirmed_brings_back_the_first_page(on_trial: Edge) -> None:
    """There is no stable config yet."""
    (on_trial.folder / "stable.conf").unlink()
    with Shell("shop-edge") as shell:
        Nginx(shell, make_health()).arm()
    assert on_trial.read("nginx.conf") == "events {}\n"


def test_a_trial_whose_driver_is_silent_goes_back(on_trial: Edge) -> None:
    """A network that was cut tells nobody of it: the shell stays open at this end."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        nginx.claim()
        nginx.pulse()
        long_ago = time.time() - scripts.SILENCE - 1
        os.utime(on_trial.folder / "pulse", (long_ago, long_ago))
        nginx.arm()
        deadline = time.monotonic() + 20
        while on_trial.read("nginx.conf") != config("blue", 4) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert on_trial.read("nginx.conf") == config("blue", 4)


def test_an_edge_that_waited_goes_back_to_waiting(on_trial: Edge) -> None:
    """It did not know what is live when the switch began, and still does not."""
    on_trial.put("../edge-waiting.conf", "# bluegreen waiting\n")
    on_trial.put("nginx.conf", "# bluegreen waiting\n")
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        nginx.claim()
        on_trial.put("nginx.conf", config("green", 5))
        nginx.arm()
    assert on_trial.read("nginx.conf") == "# bluegreen waiting\n"


def test_a_confirmed_switch_stays(on_trial: Edge) -> None:
    """It is the stable one now, and nothing goes back by itself."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        nginx.arm()
        nginx.confirm()
    assert on_trial.read("nginx.conf") == config("green", 5)
    assert on_trial.read("stable.conf") == config("green", 5)
    assert not on_trial.asked("nginx")
    assert on_trial.names() == {"nginx.conf", "stable.conf"}


def test_a_confirmation_that_fails_stays_armed(on_trial: Edge) -> None:
    """A full disk leaves the old config stable, and the shell's end brings it back."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        nginx.arm()
        (on_trial.folder / "stable.part").mkdir()
        (on_trial.folder / "stable.part" / "nginx.conf").mkdir()
        with pytest.raises(CommandFailed):
            nginx.confirm()
    assert on_trial.read("nginx.conf") == config("blue", 4)


def test_going_back_is_proved_and_keeps_what_failed_to_be_looked_at(on_trial: Edge) -> None:
    """The phrase says what serves; the shell's end has nothing left to do."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        nginx.arm()
        on_trial.answers({"color": "blue", "generation": 4})
        assert nginx.restore() == "blue 12 serves again (proven)"
    assert on_trial.read("nginx.conf") == config("blue", 4)
    assert on_trial.read("failed.conf") == config("green", 5)
    assert len(on_trial.asked("nginx")) == 1
    assert len(on_trial.asked("curl")) == acts.SURE


def test_going_back_from_the_first_switch_leaves_no_color_live(on_trial: Edge) -> None:
    """And says so."""
    (on_trial.folder / "stable.conf").unlink()
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        nginx.arm()
        on_trial.answers({"color": None, "generation": 0})
        assert nginx.restore() == "no color is live"


@pytest.mark.usefixtures("impatient")
def test_going_back_that_cannot_be_proved_says_so(on_trial: Edge) -> None:
    """With where to look."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        nginx.arm()
        on_trial.answers({"color": "green", "generation": 5})
        said = nginx.restore()
    assert said.startswith("reverting failed too (nginx does not serve generation 4: it says ")
    assert said.endswith("look at `docker logs shop-edge`")


def test_going_back_in_an_edge_that_is_gone_says_what_it_will_start_with(on_trial: Edge) -> None:
    """Nobody is told that something serves which may not."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, make_health())
        shell._process.kill()
        shell._process.wait()
        said = nginx.restore()
    assert said == "the edge is gone; when it starts again it serves the last confirmed color"


def held(edge: Edge) -> set[str]:
    """The colors whose writes are held back."""
    return {file.name.removeprefix("held-") for file in edge.folder.glob("held-*")}


def test_a_switch_takes_the_hold_over_and_lets_the_target_go_when_it_is_confirmed(
    nginx: Nginx, edge: Edge
) -> None:
    """Old workers hold back what is written to the outgoing color until the drain is over."""
    edge.put("nginx.conf", config("blue", 1))
    edge.put("stable.conf", config("blue", 1))
    for color in ("blue", "green"):
        edge.put(f"held-{color}", "token\n")
    nginx.hold("token", "blue", "green")
    assert "token" not in edge.read("held-blue") + edge.read("held-green")
    nginx.arm()
    edge.put("nginx.conf", config("green", 2))
    nginx.confirm()
    assert held(edge) == {"blue"}
    nginx.let_go()
    assert held(edge) == set()


def test_going_back_lets_what_serves_take_writes_again(nginx: Nginx, edge: Edge) -> None:
    """And the target none, which old workers still lead to."""
    edge.put("nginx.conf", config("green", 2))
    edge.put("stable.conf", config("blue", 1))
    for color in ("blue", "green"):
        edge.put(f"held-{color}", "token\n")
    nginx.hold("token", "blue", "green")
    nginx.arm()
    edge.answers({"color": "blue", "generation": 1})
    nginx.restore()
    assert held(edge) == {"green"}


def test_a_switch_to_other_data_holds_back_the_target_alone(nginx: Nginx, edge: Edge) -> None:
    """What users have now takes writes until the switch; the preview says they are left behind."""
    edge.put("nginx.conf", config("blue", 1))
    nginx.hold(TRIAL_HOLD, "blue", "green")
    assert held(edge) == {"green"}


def test_a_hold_that_has_ended_stops_the_switch(nginx: Nginx, edge: Edge) -> None:
    """Writes were let through after the clone: they would be lost."""
    edge.put("nginx.conf", config("blue", 1))
    with pytest.raises(SwitchFailed, match="writes to blue resumed"):
        nginx.hold("token", "blue", "green")
    assert held(edge) == set()

"""The switch's acts, on a shell of this machine with an `nginx` and a `curl` of the tests' own."""

import json
import os
import re
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
SERVICE = "shop"
# Notes what it is asked, says what the test put there, and ends as the test wants. A reload makes
# the workers that there are shut down.
TOOL = """\
#!/bin/sh
echo "{name} $*" >> '{folder}/asked'
[ -e '{folder}/{name}-says' ] && cat '{folder}/{name}-says'
case "$*" in
*reload*) [ -e '{folder}/stuck' ] || for each in '{folder}'/proc/*/cmdline; do
    echo 'nginx: worker process is shutting down' >$each
done ;;
esac
[ ! -e '{folder}/{name}-fails' ]
"""
EDGE = "http {\n    include /etc/bluegreen/services/*/nginx.conf;\n}\n"


def config(color: str, generation: int, text: str = "") -> str:
    """A config of this color, generation and text."""
    said = text or f"{generation:x}"
    return (
        f"# bluegreen color={color} version=12 generation={generation} since=then config=abc "
        f"text={said}\n"
    )


class Edge:
    """The service's folder in the edge, and the tools in it."""

    def __init__(self, root: Path, docker: FakeDocker) -> None:
        self.root, self.folder = root, root / "services" / SERVICE
        self.memory = root / f"bluegreen-{SERVICE}"
        self.folder.mkdir(parents=True)
        self.memory.mkdir()
        (root / "logs").mkdir()
        for worker in ("7", "8"):
            (root / "proc" / worker).mkdir(parents=True)
            (root / "proc" / worker / "cmdline").write_text("nginx: worker process\n")
        for name in ("nginx", "curl"):
            docker.put(name, TOOL.format(name=name, folder=root))
        (root / "edge.conf").write_text(EDGE)

    def put(self, name: str, text: str) -> None:
        """Put a file into the service's folder."""
        (self.folder / name).write_text(text)

    def read(self, name: str) -> str:
        """Read a file from there."""
        return (self.folder / name).read_text()

    def names(self) -> set[str]:
        """The configs in it, and what is left of writing them."""
        return {p.name for p in self.folder.iterdir() if p.suffix in (".conf", ".part")}

    @property
    def live(self) -> str:
        """The color that nginx leads to."""
        return "green" if (self.folder / "green").exists() else "blue"

    def tool(self, tool: str, says: str = "", *, fails: bool = False) -> None:
        """Let a tool say something, or fail."""
        if says:
            (self.root / f"{tool}-says").write_text(says)
        if fails:
            (self.root / f"{tool}-fails").touch()

    def answers(self, body: object, status: int = 200) -> None:
        """Let curl say this."""
        self.tool("curl", f"HTTP/1.1 {status} X\r\n\r\n{json.dumps(body)}")

    def asked(self, tool: str) -> list[str]:
        """What a tool was called with."""
        asked = self.root / "asked"
        lines = asked.read_text().splitlines() if asked.exists() else []
        return [line for line in lines if line.startswith(f"{tool} ")]

    @property
    def reloads(self) -> int:
        """How often nginx was told to reload."""
        return len([line for line in self.asked("nginx") if "reload" in line])


@pytest.fixture
def edge(tmp_path: Path, fake_docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """Folders in place of the edge's, and no look at this machine's own processes."""
    root = tmp_path / "edge"
    there = {
        "PROC": f"{root}/proc",
        "SHM": str(root),
        "SERVICES": f"{root}/services",
        "EDGE": f"{root}/edge.conf",
        "WAITING": f"{root}/waiting.conf",
        "LOGS": f"{root}/logs",
        "LISTEN": str(root),
        "LOG": f"{root}/restored",
        "RELOAD_SECONDS": "0",
    }
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    for module in (scripts, acts):
        monkeypatch.setattr(module, "folder_of", lambda _: f"{root}/services/{SERVICE}")
    memory = f"{root}/bluegreen-{SERVICE}"
    monkeypatch.setattr(acts, "flags_of", lambda _: memory)
    monkeypatch.setattr(acts, "flag_of", lambda _, color: f"{memory}/held-{color}")
    monkeypatch.setattr(acts, "POLL", 0.001)
    return Edge(root, fake_docker)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon what will never be."""
    monkeypatch.setattr(acts, "PROOF_TIMEOUT", 0.2)


@pytest.fixture
def nginx(edge: Edge) -> Iterator[Nginx]:
    """The acts, in these folders."""
    with Shell("shop-edge") as shell:
        yield Nginx(shell, SERVICE, make_health())


@pytest.fixture
def claimed(nginx: Nginx) -> Nginx:
    """The acts, of a switch that has made its claim."""
    nginx.claim()
    return nginx


def test_a_switch_that_lost_its_update_is_ended_by_the_next_one(edge: Edge) -> None:
    """What it had on trial goes back, and it is heard of no more."""
    edge.put("stable.conf", config("blue", 1))
    edge.put("nginx.conf", config("green", 2))
    with Shell("shop-edge") as orphan, Shell("shop-edge") as shell:
        first = Nginx(orphan, SERVICE, make_health())
        first.claim()
        first.arm()
        Nginx(shell, SERVICE, make_health()).claim()
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
        first = Nginx(shell, SERVICE, make_health())
        first.claim()
        first.arm()
        first.confirm()
        nginx.claim()
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
    edge.tool("nginx", f"nginx version: {said}\n")
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
    edge.tool("nginx", said)
    with pytest.raises(SwitchFailed) as refused:
        nginx.require_version()
    assert str(refused.value).startswith(
        f"the edge's image runs nginx {seen}; wanted: at least 1.28.0"
    )


def test_a_generation_is_never_used_twice(nginx: Nginx, edge: Edge) -> None:
    """A failed switch's number is gone, or its workers could be taken for the next one's."""
    assert nginx.next_generation() == 1
    edge.put("nginx.conf", config("blue", 4))
    edge.put("stable.conf", config("blue", 4))
    assert nginx.next_generation() == 5
    edge.put("failed.conf", config("green", 12))
    assert nginx.next_generation() == 13


@pytest.mark.parametrize(
    ("files", "serves"),
    [
        ({}, None),
        ({"nginx.conf": "# bluegreen waiting\n", "stable.conf": config("blue", 4)}, None),
        ({"nginx.conf": config("blue", 4), "stable.conf": config("blue", 4)}, ("blue", 4)),
        # Loaded, and not yet led to.
        ({"nginx.conf": config("green", 5), "stable.conf": config("blue", 4)}, ("blue", 4)),
        ({"nginx.conf": config("green", 5)}, None),
        (
            {"nginx.conf": config("green", 5), "stable.conf": config("blue", 4), "green": ""},
            ("green", 5),
        ),
    ],
)
def test_live_is_what_nginx_leads_to(
    nginx: Nginx, edge: Edge, files: dict[str, str], serves: tuple[str, int] | None
) -> None:
    """By the file that it looks for at each request, and not by what it has loaded."""
    for name, text in files.items():
        edge.put(name, text)
    state = nginx.state()
    assert (state and (state.color, state.generation)) == serves


RENDERED = (
    "# bluegreen color=green version=12 generation=@generation@ since=@since@ config=@config@ "
    "text=@text@\n#< blue http\nplaceholder\n#> blue http\n#< green http\nnew\n#> green http\n"
)


def test_the_next_config_is_tested_and_keeps_what_the_live_color_was_released_with(
    claimed: Nginx, edge: Edge
) -> None:
    """It is seen by nginx before users do, among what other services run."""
    old = config("blue", 4) + "#< blue http\nits own\n#> blue http\n"
    edge.put("nginx.conf", old)
    (edge.root / "services" / "other").mkdir()
    (edge.root / "services" / "other" / "nginx.conf").touch()
    claimed.write(RENDERED, 5, "now")
    written = edge.read("next.conf")
    assert written.startswith("# bluegreen color=green version=12 generation=5 since=now config=")
    assert "#< blue http\nits own\n#> blue http\n#< green http\nnew\n" in written
    assert edge.read("nginx.conf") == old
    (test,) = edge.asked("nginx")
    assert re.fullmatch(rf"nginx -t -q -c {edge.folder}/try\.\d+", test)
    assert edge.live == "blue"


def test_a_config_that_nginx_refuses_is_told_and_put_aside(claimed: Nginx, edge: Edge) -> None:
    """In nginx's words, nothing touched."""
    edge.put("nginx.conf", config("blue", 4))
    edge.tool(
        "nginx",
        "2031/01/02 03:04:05 [warn] 7#7: something else\n"
        '2031/01/02 03:04:05 [emerg] 7#7: unexpected "}" in /etc/bluegreen/next.conf:12\n'
        "nginx: configuration file /etc/bluegreen/next.conf test failed\n",
        fails=True,
    )
    with pytest.raises(SwitchFailed) as refused:
        claimed.write(RENDERED, 5, "now")
    assert str(refused.value) == (
        'nginx refuses the rendered config: 7#7: unexpected "}" in /etc/bluegreen/next.conf:12'
    )
    assert edge.names() == {"nginx.conf", "failed.conf"}
    assert edge.read("nginx.conf") == config("blue", 4)


def test_a_config_is_loaded_when_old_workers_take_no_more(claimed: Nginx, edge: Edge) -> None:
    """What they still get they hand over, and nobody is led elsewhere by it."""
    edge.put("nginx.conf", config("blue", 4))
    edge.put("next.conf", config("green", 5))
    (edge.memory / "old-5").touch()  # of a time when this text was left before
    claimed.load()
    assert edge.read("nginx.conf") == config("green", 5)
    assert edge.reloads == 1
    assert [file.name for file in edge.memory.iterdir()] == ["old-4"]
    assert edge.live == "blue"
    assert json.loads(edge.read("state-green.json")) == {
        "color": "green",
        "version": "12",
        "generation": 5,
        "since": "then",
    }


def test_what_another_service_has_claimed_is_not_loaded(claimed: Nginx, edge: Edge) -> None:
    """It is looked at under the lock that loads: of two at once, the second finds the first's."""
    edge.put("nginx.conf", config("blue", 4))
    edge.put("next.conf", f"{config('green', 5)}# claims: a.example.com/\n")
    other = edge.folder.parent / "wiki"
    other.mkdir()
    (other / "nginx.conf").write_text("# bluegreen\n# claims: a.example.com/\n")
    with pytest.raises(
        SwitchFailed, match=r"a\.example\.com/ is claimed by wiki: one host and path"
    ):
        claimed.load()
    assert edge.read("nginx.conf") == config("blue", 4)
    assert edge.reloads == 0


def test_a_text_that_nginx_runs_already_needs_no_reload(claimed: Nginx, edge: Edge) -> None:
    """A rollback to a color that was kept is a flip alone."""
    edge.put("nginx.conf", config("blue", 4, "abc"))
    edge.put("next.conf", config("green", 5, "abc"))
    claimed.load()
    assert edge.read("nginx.conf") == config("green", 5, "abc")
    assert edge.reloads == 0
    assert not list(edge.memory.iterdir())


def test_a_reload_that_replaces_no_workers_is_told(claimed: Nginx, edge: Edge) -> None:
    """Exit code 0 only means that the signal was sent."""
    edge.put("next.conf", config("green", 5))
    (edge.root / "stuck").touch()
    with pytest.raises(SwitchFailed, match=r"nginx did not replace its workers in 0 s"):
        claimed.load()


def test_a_reload_that_nginx_refuses_is_told(claimed: Nginx, edge: Edge) -> None:
    """In its words."""
    edge.put("next.conf", config("green", 5))
    edge.tool("nginx", 'nginx: [emerg] open() "/run/nginx.pid" failed\n', fails=True)
    with pytest.raises(SwitchFailed, match=r"^nginx does not load the rendered config: open\(\)"):
        claimed.load()


def test_a_flip_is_a_file(claimed: Nginx, edge: Edge) -> None:
    """There for green, and not there for blue."""
    for color in ("green", "green", "blue", "blue"):
        claimed.flip(color)
        assert edge.live == color


def test_a_color_that_answers_is_asked_once_through_nginx(nginx: Nginx, edge: Edge) -> None:
    """Over the path users' requests will take."""
    edge.answers(GOOD)
    nginx.probe("green", 5)
    (asked,) = edge.asked("curl")
    assert "--unix-socket /run/bluegreen.sock" in asked
    assert asked.endswith(" http://green.shop/api/health")


def test_a_color_that_does_not_answer_is_asked_again_then_given_up(
    nginx: Nginx, edge: Edge
) -> None:
    """The last answer is told."""
    edge.answers("bad gateway", 502)
    with pytest.raises(SwitchFailed) as failed:
        nginx.probe("green", 0.1)
    assert str(failed.value) == 'green is not reachable through nginx: 502 "bad gateway"'
    assert len(edge.asked("curl")) > 1


@pytest.mark.parametrize(("status", "busy"), [(204, False), (409, True), (404, False)])
def test_nginx_says_whether_a_color_serves_anybody(
    nginx: Nginx, edge: Edge, status: int, busy: bool
) -> None:
    """It knows nothing of a color that was never released."""
    edge.answers("", status)
    assert nginx.in_flight("green") is busy


def test_an_answer_that_tells_nothing_of_what_is_in_flight_is_no_answer(
    nginx: Nginx, edge: Edge
) -> None:
    """Unknown is not none."""
    edge.answers("", 500)
    with pytest.raises(EdgeUnreachable, match="does not say what is in flight: it answers 500"):
        nginx.in_flight("green")


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
    """Another generation, another color, or no JSON object at all."""
    edge.answers(body)
    with pytest.raises(SwitchFailed, match=r"^nginx does not serve generation 5: it says "):
        nginx.prove("green", 5)


@pytest.mark.usefixtures("impatient")
def test_an_nginx_that_refuses_connections_proves_nothing(nginx: Nginx, edge: Edge) -> None:
    """A failure of curl is an answer too."""
    edge.tool("curl", fails=True)
    with pytest.raises(SwitchFailed, match=r'it says \{"error": '):
        nginx.prove("green", 5)


@pytest.fixture
def on_trial(edge: Edge) -> Edge:
    """Blue is stable, green is live and not confirmed."""
    edge.put("stable.conf", config("blue", 4))
    edge.put("nginx.conf", config("green", 5))
    edge.put("green", "")
    return edge


def test_a_shell_that_ends_unconfirmed_brings_back_the_stable_config(on_trial: Edge) -> None:
    """From within the edge, with nobody else needed."""
    with Shell("shop-edge") as shell:
        Nginx(shell, SERVICE, make_health()).arm()
    assert on_trial.read("nginx.conf") == config("blue", 4)
    assert on_trial.live == "blue"
    assert on_trial.asked("nginx") == [f"nginx -c {on_trial.root}/edge.conf -s reload"]
    assert "not confirmed, reverted" in (on_trial.root / "restored").read_text()
    assert on_trial.names() == {"nginx.conf", "stable.conf"}


def test_a_first_switch_that_ends_unconfirmed_leaves_no_config(on_trial: Edge) -> None:
    """There is no stable config yet."""
    (on_trial.folder / "stable.conf").unlink()
    with Shell("shop-edge") as shell:
        Nginx(shell, SERVICE, make_health()).arm()
    assert on_trial.names() == set()
    assert on_trial.live == "blue"


def test_a_trial_whose_driver_is_silent_goes_back(on_trial: Edge) -> None:
    """A network that was cut tells nobody of it: the shell stays open at this end."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
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
    (on_trial.root / "waiting.conf").write_text("# bluegreen waiting\n")
    on_trial.put("nginx.conf", "# bluegreen waiting\n")
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
        nginx.claim()
        on_trial.put("nginx.conf", config("green", 5))
        nginx.arm()
    assert on_trial.read("nginx.conf") == "# bluegreen waiting\n"


def test_a_confirmed_switch_stays(on_trial: Edge) -> None:
    """It is the stable one now, and nothing goes back by itself."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
        nginx.arm()
        nginx.confirm()
    assert on_trial.read("nginx.conf") == config("green", 5)
    assert on_trial.read("stable.conf") == config("green", 5)
    assert not on_trial.asked("nginx")
    assert on_trial.names() == {"nginx.conf", "stable.conf"}


def test_a_confirmation_that_fails_stays_armed(on_trial: Edge) -> None:
    """A full disk leaves the old config stable, and the shell's end brings it back."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
        nginx.arm()
        (on_trial.folder / "stable.part").mkdir()
        (on_trial.folder / "stable.part" / "nginx.conf").mkdir()
        with pytest.raises(CommandFailed):
            nginx.confirm()
    assert on_trial.read("nginx.conf") == config("blue", 4)


def test_going_back_is_proved_and_keeps_what_failed_to_be_looked_at(on_trial: Edge) -> None:
    """The phrase says what serves; the shell's end has nothing left to do."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
        nginx.arm()
        on_trial.answers({"color": "blue", "generation": 4})
        assert nginx.restore(flipped=True) == "blue 12 serves again (proven)"
        assert not (on_trial.folder / "switch.pid").exists(), "the trial is over, and the drain not"
    assert on_trial.read("nginx.conf") == config("blue", 4)
    assert on_trial.read("failed.conf") == config("green", 5)
    assert on_trial.reloads == 1
    assert on_trial.live == "blue"
    assert len(on_trial.asked("curl")) == acts.SURE


def test_going_back_from_the_first_switch_leaves_no_color_live(on_trial: Edge) -> None:
    """And says so."""
    (on_trial.folder / "stable.conf").unlink()
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
        nginx.arm()
        on_trial.answers({"color": None, "generation": 0})
        assert nginx.restore(flipped=True) == "no color is live"


@pytest.mark.usefixtures("impatient")
def test_going_back_that_cannot_be_proved_says_so(on_trial: Edge) -> None:
    """With where to look."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
        nginx.arm()
        on_trial.answers({"color": "green", "generation": 5})
        said = nginx.restore(flipped=True)
    assert said.startswith("reverting failed too (nginx does not serve generation 4: it says ")
    assert said.endswith("look at `bluegreen logs --errors`")


def test_going_back_in_an_edge_that_is_gone_says_what_it_will_start_with(on_trial: Edge) -> None:
    """Nobody is told that something serves which may not."""
    with Shell("shop-edge") as shell:
        nginx = Nginx(shell, SERVICE, make_health())
        shell._process.kill()
        shell._process.wait()
        said = nginx.restore(flipped=True)
    assert said == "the edge is gone; when it starts again it serves the last confirmed color"


def held(edge: Edge) -> set[str]:
    """The colors whose writes are held back."""
    return {file.name.removeprefix("held-") for file in edge.memory.glob("held-*")}


def test_a_switch_takes_the_hold_over_and_lets_the_target_go_when_it_is_confirmed(
    nginx: Nginx, edge: Edge
) -> None:
    """Old workers hold back what is written to the outgoing color until the drain is over."""
    edge.put("nginx.conf", config("blue", 1))
    edge.put("stable.conf", config("blue", 1))
    for color in ("blue", "green"):
        (edge.memory / f"held-{color}").write_text("token\n")
    nginx.hold("token", "blue", "green")
    assert not [file for file in edge.memory.iterdir() if "token" in file.read_text()]
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
        (edge.memory / f"held-{color}").write_text("token\n")
    nginx.hold("token", "blue", "green")
    nginx.arm()
    edge.answers({"color": "blue", "generation": 1})
    nginx.restore(flipped=True)
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

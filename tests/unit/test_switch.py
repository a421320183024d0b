"""The switch, act by act: in which order, and what every failing act leaves behind."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

import pytest

from bluegreen.config.settings import Bake, Docker, Place
from bluegreen.edge.edges import Edges
from bluegreen.edge.nginx import Nginx
from bluegreen.edge.render import digest
from bluegreen.edge.state import State, state_of
from bluegreen.edge.traffic import Count
from bluegreen.errors import BluegreenError, CommandFailed, EdgeUnreachable, SwitchFailed
from bluegreen.health.probe import Answer
from bluegreen.platforms.platform import Target
from bluegreen.release import bake, drain, switch
from bluegreen.release.order import Order, Report
from bluegreen.release.switch import Switch
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_health

RENDERED = (
    "# bluegreen color=green version=12.4.0 generation=@generation@ since=@since@ config=@config@"
)
BLUE = State("blue", "12.3.0", 7, "then", "other")
GREEN_ALREADY = State("green", "12.4.0", 8, "then", digest(RENDERED))
TARGET = Target("container", "shop-green", "http://shop-green:3000/api/health")
NO_BAKE = Bake(seconds=0, max_error_share=0.05, min_requests=1)


def make_order(**changed: Any) -> Order:
    """An order to switch to green."""
    parts: dict[str, Any] = {
        "color": "green",
        "version": "12.4.0",
        "target": TARGET,
        "edges": (Place("shop-edge", Docker()),),
        "edges_required": 1,
        "health": make_health(),
        "bake": NO_BAKE,
        "drain_timeout": 30,
    }
    return Order(**parts | changed)


class FakeNginx:
    """Notes each act; does what a test puts in `on` for an act's name."""

    def __init__(self, before: State | None) -> None:
        self.before, self.acts = before, list[str]()
        self.written = ""
        self.on: dict[str, Callable[[], Any]] = {}

    def _act(self, name: str, default: Any = None) -> Any:
        self.acts.append(name)
        act = self.on.get(name.split()[0])
        return act() if act else default

    def require_version(self) -> None:
        """As Nginx's."""
        self._act("require_version")

    def claim(self) -> None:
        """As Nginx's."""
        self._act("claim")

    def state(self) -> State | None:
        """As Nginx's."""
        return cast("State | None", self._act("state", self.before))

    def next_generation(self) -> int:
        """As Nginx's."""
        return cast("int", self._act("next_generation", 8))

    def probe(self, color: str, _seconds: float) -> None:
        """As Nginx's."""
        self._act(f"probe {color}")

    def ask(self, color: str, _seconds: float = 5) -> Answer:
        """As Nginx's."""
        return cast("Answer", self._act(f"ask {color}", Answer("", "200")))

    def write(self, config: str) -> None:
        """As Nginx's."""
        self.written = config
        self._act("write")

    def arm(self, _seconds: float) -> None:
        """As Nginx's."""
        self._act("arm")

    def reload(self) -> None:
        """As Nginx's."""
        self._act("reload")

    def prove(self, color: str | None, generation: int) -> None:
        """As Nginx's."""
        self._act(f"prove {color} {generation}")

    def confirm(self) -> None:
        """As Nginx's."""
        self._act("confirm")

    def restore(self) -> str:
        """As Nginx's."""
        return cast("str", self._act("restore", "blue 12.3.0 serves again (proven)"))

    def leaving(self) -> int:
        """As Nginx's."""
        return cast("int", self._act("leaving", 0))


class FakeTraffic:
    """Traffic that a test makes."""

    def __init__(self) -> None:
        self.count, self.suffers, self.ended = Count(), threading.Event(), threading.Event()
        self.cut, self.open = 0, False

    def cut_since(self, _moment: float) -> int:
        """As Traffic's."""
        return self.cut

    def __enter__(self) -> Self:
        self.open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open = False


class FakeWatch:
    """News of the target's container that a test makes."""

    def __init__(self) -> None:
        self.died, self.open = threading.Event(), False

    def why(self) -> str:
        """As Watch's."""
        return "its container exited with 1"

    def __enter__(self) -> Self:
        self.open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open = False


class Stage:
    """A switch with all it touches replaced."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.nginx, self.traffic, self.watch = FakeNginx(BLUE), FakeTraffic(), FakeWatch()
        patch.setattr(switch, "Nginx", lambda *_: self.nginx)
        patch.setattr(switch, "Traffic", lambda *_: self.traffic)
        patch.setattr(bake, "named", lambda _: SimpleNamespace(watch=lambda *_, **__: self.watch))
        patch.setattr(bake, "PULSE", 0.001)
        patch.setattr(drain, "POLL", 0.001)

    def run(self, **order: Any) -> Report:
        """Run the switch."""
        edges = Edges({"shop-edge": cast("Nginx", self.nginx)})
        return Switch(make_order(**order), RENDERED, edges).run()

    def fails(self, error: BaseException, act: str, **order: Any) -> str:
        """Let an act fail, run the switch, return what it says."""

        def fail() -> None:
            raise error

        self.nginx.on[act] = fail
        with pytest.raises(BluegreenError) as raised:
            self.run(**order)
        assert not self.traffic.open
        assert not self.watch.open
        return str(raised.value)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage where blue serves generation 7."""
    return Stage(monkeypatch)


BEFORE = ["require_version", "claim", "state", "next_generation", "write", "probe green", "arm"]
SWITCHED = ["reload", "prove green 8", "probe green"]


def test_the_acts_of_a_switch_come_in_the_order_of_the_promise(stage: Stage) -> None:
    """Test, look, arm, swap, prove, probe, confirm, and only then drain."""
    report = stage.run()
    assert stage.nginx.acts == [*BEFORE, *SWITCHED, "confirm", "leaving"]
    assert (report.color, report.version, report.generation) == ("green", "12.4.0", 8)
    assert report.switched
    assert not stage.traffic.open


def test_the_config_is_written_with_what_the_moment_knows(stage: Stage) -> None:
    """Generation and since are the report's."""
    report = stage.run()
    written = state_of(stage.nginx.written)
    assert written == State("green", "12.4.0", 8, report.since, digest(RENDERED))


def test_the_first_switch_asks_no_color_before_and_does_not_bake(stage: Stage) -> None:
    """The bootstrap config knows no color, and there is nothing to go back to."""
    stage.nginx.before = None
    stage.run(bake=Bake(3600, 0.05, 1))
    before = [act for act in BEFORE if act != "probe green"]
    assert stage.nginx.acts == [*before, *SWITCHED, "confirm", "leaving"]


def test_a_config_that_is_live_already_switches_nothing(stage: Stage) -> None:
    """It is proved and probed, and the report tells generation and since from before."""
    stage.nginx.before = GREEN_ALREADY
    report = stage.run()
    acts = ["require_version", "claim", "state", "prove green 8", "probe green", "leaving"]
    assert stage.nginx.acts == acts
    assert report == Report(
        "green", "12.4.0", 8, "then", False, 0, 0, 0, 0, report.drain_seconds, 0
    )


@pytest.mark.parametrize("act", ["prove", "probe"])
def test_a_live_config_that_does_not_serve_is_told_and_left_alone(stage: Stage, act: str) -> None:
    """There is nothing to restore."""
    stage.nginx.before = GREEN_ALREADY
    said = stage.fails(SwitchFailed("it does not answer"), act)
    assert said == "it does not answer; nothing was switched"
    assert "restore" not in stage.nginx.acts
    assert "reload" not in stage.nginx.acts


@pytest.mark.parametrize("act", ["require_version", "claim", "state", "next_generation"])
def test_a_failure_before_the_first_act_changes_nothing(stage: Stage, act: str) -> None:
    """The error is the act's own."""
    assert stage.fails(EdgeUnreachable("no edge"), act) == "no edge"
    assert not {"write", "reload", "restore"} & set(stage.nginx.acts)


@pytest.mark.parametrize(
    ("act", "before", "serves"),
    [
        ("write", BLUE, "blue 12.3.0 keeps serving"),
        ("probe", BLUE, "blue 12.3.0 keeps serving"),
        ("arm", BLUE, "blue 12.3.0 keeps serving"),
        ("write", None, "no color is live"),
        ("arm", None, "no color is live"),
    ],
)
def test_a_failure_before_the_reload_leaves_all_alone_and_says_what_serves(
    stage: Stage, act: str, before: State | None, serves: str
) -> None:
    """Nothing was swapped, so nothing is restored."""
    stage.nginx.before = before
    assert stage.fails(CommandFailed("disk full"), act) == f"disk full; {serves}"
    assert "reload" not in stage.nginx.acts
    assert "restore" not in stage.nginx.acts


@pytest.mark.parametrize("act", ["probe", "write", "arm"])
def test_nothing_is_claimed_to_serve_when_the_edge_is_lost(stage: Stage, act: str) -> None:
    """An edge that cannot be asked may be down."""
    said = stage.fails(EdgeUnreachable("the edge is gone"), act)
    assert said == "the edge is gone; nothing was switched"


@pytest.mark.parametrize("act", ["reload", "prove", "confirm"])
def test_a_failure_after_the_swap_is_restored_and_says_what_serves(stage: Stage, act: str) -> None:
    """The old color serves again, proven."""
    said = stage.fails(SwitchFailed("nginx refuses to reload"), act)
    assert said == "nginx refuses to reload; blue 12.3.0 serves again (proven)"
    assert stage.nginx.acts[-1] == "restore"
    assert stage.nginx.acts.count("restore") == 1


def test_a_target_that_is_lost_right_behind_the_swap_is_restored(stage: Stage) -> None:
    """The second probe is of the new workers, and counts like the first."""

    def fail_behind_the_reload() -> None:
        if "reload" in stage.nginx.acts:
            raise SwitchFailed("green is not reachable")

    stage.nginx.on["probe"] = fail_behind_the_reload
    with pytest.raises(SwitchFailed, match=r"green is not reachable; blue 12\.3\.0 serves"):
        stage.run()
    assert stage.nginx.acts == [*BEFORE, *SWITCHED, "restore"]


@pytest.mark.parametrize("act", ["reload", "prove", "ask", "confirm"])
def test_an_interruption_after_the_swap_is_restored(stage: Stage, act: str) -> None:
    """Ctrl-C, or SIGTERM, in mid-switch."""
    said = stage.fails(KeyboardInterrupt(), act, bake=Bake(0.05, 0.05, 1))
    assert said == "the switch was interrupted; blue 12.3.0 serves again (proven)"


def test_an_interrupted_drain_says_that_the_switch_is_done(stage: Stage) -> None:
    """It is confirmed by then: nothing goes back, and nothing is left to go back to."""
    said = stage.fails(KeyboardInterrupt(), "leaving")
    assert said == "the drain was interrupted; green 12.4.0 is confirmed and serves"
    assert "restore" not in stage.nginx.acts


def test_a_restore_that_fails_too_is_told(stage: Stage) -> None:
    """In the words of the restore."""
    stage.nginx.on["restore"] = lambda: "reverting failed too (x)"
    assert stage.fails(SwitchFailed("bad"), "prove") == "bad; reverting failed too (x)"


def test_traffic_that_suffers_takes_the_switch_back(stage: Stage) -> None:
    """With the numbers seen and the limit."""
    stage.traffic.count = Count(requests=200, errors=50)
    stage.traffic.suffers.set()
    with pytest.raises(SwitchFailed) as raised:
        stage.run(bake=Bake(3600, 0.05, 20))
    assert str(raised.value) == (
        "too many errors in real traffic: 50 of 200 requests answered 5xx (25.0%, allowed 5.0%); "
        "blue 12.3.0 serves again (proven)"
    )
    assert "confirm" not in stage.nginx.acts


def test_a_target_that_falls_ill_while_baking_takes_the_switch_back(stage: Stage) -> None:
    """Without any traffic too: three misses in a row."""
    stage.nginx.on["ask"] = lambda: Answer("status is 503", "503 failing")
    with pytest.raises(SwitchFailed, match="green failed during the bake: 503 failing; blue"):
        stage.run(bake=Bake(3600, 0.05, 20))
    assert stage.nginx.acts.count("ask green") == bake.MISSES


def test_a_container_that_ends_while_baking_takes_the_switch_back(stage: Stage) -> None:
    """Its end is news at once; no answers have to be missed first."""
    stage.watch.died.set()
    with pytest.raises(SwitchFailed, match="green failed during the bake: its container exited"):
        stage.run(bake=Bake(3600, 0.05, 20))
    assert stage.nginx.acts[-1] == "restore"
    assert not stage.watch.open


def test_a_single_miss_while_baking_is_forgiven(stage: Stage) -> None:
    """Good answers between start the count again."""
    answers = [Answer("status is 503", "503"), Answer("status is 503", "503"), Answer("", "200")]

    def take_turns() -> Answer:
        return answers[stage.nginx.acts.count("ask green") % 3]

    stage.nginx.on["ask"] = take_turns
    assert stage.run(bake=Bake(0.2, 0.05, 20)).switched
    assert stage.nginx.acts.count("ask green") > 3


def test_a_bake_lasts_as_long_as_it_was_told_to(stage: Stage) -> None:
    """And is not counted as drain."""
    report = stage.run(bake=Bake(0.2, 0.05, 20))
    assert report.bake_seconds == pytest.approx(0.2, abs=2)
    assert report.bake_seconds >= 0.2


def test_the_report_counts_the_users_requests(stage: Stage) -> None:
    """Those watched while baking."""
    stage.traffic.count = Count(requests=100, errors=1)
    report = stage.run()
    assert (report.requests, report.errors) == (100, 1)


def test_the_drain_waits_for_the_last_old_worker(stage: Stage) -> None:
    """And cuts nothing when they finish in time."""
    left = iter([2, 2, 1, 0])
    stage.nginx.on["leaving"] = lambda: next(left)
    stage.traffic.cut = 5
    assert stage.run().cut == 0
    assert stage.nginx.acts.count("leaving") == 4


def test_the_drain_is_bounded_and_says_what_it_cut(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A WebSocket that stays for ever does not hold a release up."""
    monkeypatch.setattr(drain, "GRACE", 0.1)
    stage.nginx.on["leaving"] = lambda: 1
    stage.traffic.cut = 3
    report = stage.run(drain_timeout=0)
    assert report.cut == 3
    assert report.drain_seconds < 10


def test_an_edge_that_goes_away_while_draining_is_no_failed_switch(stage: Stage) -> None:
    """The switch is confirmed, and what went away has nothing left to drain."""

    def gone() -> int:
        raise EdgeUnreachable("gone")

    stage.nginx.on["leaving"] = gone
    assert stage.run().switched


def test_the_program_interrupted_before_its_trial_ends_without_a_traceback(
    stage: Stage,
    fake_docker: FakeDocker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing was swapped."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    stage.nginx.on["claim"] = interrupt
    monkeypatch.setenv("BLUEGREEN_ORDER", make_order().to_json())
    monkeypatch.setattr("sys.stdin", io.StringIO(RENDERED))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert switch.main() == 1
    assert capsys.readouterr().err == (
        "switch to green 12.4.0 failed: the switch was interrupted; nothing was switched. Next: "
        "fix the problem above (`docker logs shop-edge` shows nginx's side) and run `pulumi up` "
        "again, or set active_color back.\n"
    )


def test_an_order_survives_its_json() -> None:
    """The environment carries it from the program to the switch."""
    order = make_order(
        health=make_health(json={"a": [1, None, "ü"]}),
        target=replace(TARGET, docker=Docker(host="ssh://me@far"), replicas=3),
        edges=(Place("a", Docker()), Place("b", Docker(context="far"))),
    )
    assert Order.from_json(order.to_json()) == order


def test_the_program_reports_as_json(
    stage: Stage,
    fake_docker: FakeDocker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line on standard output, which the stack's outputs are made of."""
    monkeypatch.setenv("BLUEGREEN_ORDER", make_order().to_json())
    monkeypatch.setattr("sys.stdin", io.StringIO(RENDERED))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert switch.main() == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["color"] == "green"
    assert err == ""
    assert fake_docker.asked() == ["exec -i shop-edge sh"]


def test_the_program_fails_with_one_message_that_says_it_all(
    stage: Stage,
    fake_docker: FakeDocker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was ordered, what failed, what serves and what to do; no traceback."""

    def refuse() -> None:
        raise SwitchFailed("nginx refuses the rendered config: no semicolon")

    stage.nginx.on["write"] = refuse
    monkeypatch.setenv("BLUEGREEN_ORDER", make_order().to_json())
    monkeypatch.setattr("sys.stdin", io.StringIO(RENDERED))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert switch.main() == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "switch to green 12.4.0 failed: nginx refuses the rendered config: no semicolon; "
        "blue 12.3.0 keeps serving. Next: fix the problem above (`docker logs shop-edge` shows "
        "nginx's side) and run `pulumi up` again, or set active_color back.\n"
    )

"""The switch, act by act: in which order, and what every failing act leaves behind."""

import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

import pytest

from bluegreen.config.settings import Bake, Docker, Place
from bluegreen.edge.counts import Count, Counts
from bluegreen.edge.edges import Edges
from bluegreen.edge.nginx import TRIAL, Nginx
from bluegreen.edge.render import digest
from bluegreen.edge.state import State
from bluegreen.errors import BluegreenError, CommandFailed, EdgeUnreachable, SwitchFailed
from bluegreen.health.probe import Answer
from bluegreen.platforms.platform import Target
from bluegreen.release import bake, drain, switch
from bluegreen.release.cut import cut_off
from bluegreen.release.inside import close
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
        "service": "shop",
        "color": "green",
        "version": "12.4.0",
        "target": TARGET,
        "edges": (Place("shop-edge", Docker()),),
        "edges_required": 1,
        "health": make_health(),
        "bake": NO_BAKE,
        "drain_timeout": 30,
        "tools_image": "python:3",
    }
    return Order(**parts | changed)


class FakeNginx:
    """Notes each act; does what a test puts in `on` for an act's name."""

    def __init__(self, before: State | None) -> None:
        self.before, self.acts = before, list[str]()
        self.armed = 0.0
        self.led_to: State | None = None  # since the flip, until it has gone back
        self.written: tuple[str, int, str] = ("", 0, "")
        self.counted: dict[str, Count] = {}
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
        return cast("State | None", self._act("state", self.led_to or self.before))

    def next_generation(self) -> int:
        """As Nginx's."""
        return cast("int", self._act("next_generation", 8))

    def probe(self, color: str, _seconds: float) -> None:
        """As Nginx's."""
        self._act(f"probe {color}")

    def ask(self, color: str, _seconds: float = 5) -> Answer:
        """As Nginx's."""
        return cast("Answer", self._act(f"ask {color}", Answer("", "200")))

    def write(self, rendered: str, generation: int, since: str) -> None:
        """As Nginx's."""
        self.written = (rendered, generation, since)
        self._act("write")

    def arm(self, seconds: float) -> None:
        """As Nginx's."""
        self.armed = seconds
        self._act("arm")

    def load(self) -> None:
        """As Nginx's."""
        self._act("load")

    def flip(self, color: str) -> None:
        """As Nginx's."""
        self._act(f"flip {color}")
        self.led_to = State(color, "12.4.0", 8, "now", digest(RENDERED))

    def hold(self, token: str, live: str, target: str) -> None:
        """As Nginx's."""
        self._act(f"hold {token} {live} {target}")

    def let_go(self) -> None:
        """As Nginx's."""
        self._act("let_go")

    def pulse(self) -> None:
        """As Nginx's; no act."""

    def is_followed_by(self, _edge: str) -> bool:
        """As Nginx's: nobody does."""
        return False

    def wait_at_most(self, slow: float) -> None:
        """As Nginx's."""
        self._act(f"wait_at_most {slow:g}")

    def counts(self) -> Counts:
        """As Nginx's."""
        self._act("counts")
        return Counts({("shop", color): count for color, count in self.counted.items()})

    def prove(self, color: str | None, generation: int) -> None:
        """As Nginx's."""
        self._act(f"prove {color} {generation}")

    def confirm(self) -> None:
        """As Nginx's."""
        self._act("confirm")

    def restore(self, *, flipped: bool) -> str:
        """As Nginx's."""
        serves = "serves again" if flipped else "keeps serving"
        if "restore" not in self.on:
            self.led_to = None
        return cast("str", self._act("restore", f"blue 12.3.0 {serves} (proven)"))

    def answers(self, color: str, seconds: float) -> bool:
        """As Nginx's."""
        return cast("bool", self._act(f"answers {color} {seconds:g}", default=True))

    def in_flight(self, color: str) -> bool:
        """As Nginx's."""
        return cast("bool", self._act(f"in_flight {color}", default=False))


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
        self.nginx, self.watch, self.cut = FakeNginx(BLUE), FakeWatch(), list[str]()
        self.others: dict[str, FakeNginx] = {}
        patch.setattr(switch, "Nginx", lambda *_, **__: self.nginx)
        patch.setattr(bake, "named", lambda _: SimpleNamespace(watch=lambda *_, **__: self.watch))
        patch.setattr(bake, "PULSE", 0.001)
        patch.setattr(drain, "POLL", 0.001)
        patch.setattr(drain, "GRACE", 0.001)
        patch.setattr(drain, "LOGGED", 0.001)
        patch.setattr(drain, "cut_off", self._cut_off)

    def _cut_off(self, _order: Order, color: str, _missed: object) -> int:
        self.cut.append(color)
        self.nginx.counted[color] = self.nginx.counted.get(color, Count()) + Count(requests=3)
        return 3

    def waits_on_green(self) -> bool:
        """Tell, when asked what is in flight, of requests on green alone."""
        return self.nginx.acts[-1] == "in_flight green"

    def run(self, **order: Any) -> Report:
        """Run the switch."""
        every = cast("dict[str, Nginx]", {"shop-edge": self.nginx, **self.others})
        made = make_order(**order)
        return Switch(made, RENDERED, Edges(every, required=made.edges_required)).run()

    def fails(self, error: BaseException, act: str, **order: Any) -> str:
        """Let an act fail, run the switch, return what it says."""

        def fail() -> None:
            raise error

        self.nginx.on[act] = fail
        with pytest.raises(BluegreenError) as raised:
            self.run(**order)
        assert not self.watch.open
        return str(raised.value)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage where blue serves generation 7."""
    return Stage(monkeypatch)


BEFORE = ["require_version", "claim", "state", "next_generation", "write", "arm"]
LOADED = [*BEFORE, "load", "probe green"]
SWITCHED = [*LOADED, "flip green", "prove green 8"]
DRAINED = "in_flight blue"
BAKE = Bake(3600, 0.05, 20)


def test_the_acts_of_a_switch_come_in_the_order_of_the_promise(stage: Stage) -> None:
    """Test, arm, load, look, flip, prove, confirm, and only then drain."""
    report = stage.run()
    assert stage.nginx.acts == [*SWITCHED, "confirm", DRAINED]
    assert (report.color, report.version, report.generation) == ("green", "12.4.0", 8)
    assert report.switched


def test_users_are_counted_from_before_they_are_led_to_the_target(stage: Stage) -> None:
    """Else what the target had answered before, or the outgoing color's speed, is not known."""
    stage.run(bake=Bake(0.01, 0.05, 20, slow=3))
    assert stage.nginx.armed == TRIAL + 0.01, "the trial outlasts the bake"
    counted = ["wait_at_most 3", "counts", "counts"]
    assert stage.nginx.acts[: len(SWITCHED) + 3] == [*LOADED, *counted, *SWITCHED[len(LOADED) :]]


def test_writes_wait_from_before_the_trial_until_the_drain_is_over(stage: Stage) -> None:
    """What the trial's end lets go must be held by then."""
    stage.run(hold="token")
    assert stage.nginx.acts == [
        *BEFORE[:-1],
        "hold token blue green",
        *SWITCHED[len(BEFORE) - 1 :],
        "confirm",
        DRAINED,
        "let_go",
    ]


def test_a_first_release_holds_no_writes_back(stage: Stage) -> None:
    """Nobody writes yet."""
    stage.nginx.before = None
    stage.run(hold="token")
    assert not [act for act in stage.nginx.acts if act.startswith("hold")]


def test_the_config_is_written_with_what_the_moment_knows(stage: Stage) -> None:
    """Generation and since are the report's."""
    report = stage.run()
    assert stage.nginx.written == (RENDERED, 8, report.since)


def test_the_first_switch_does_not_bake(stage: Stage) -> None:
    """There is nothing to go back to."""
    stage.nginx.before = None
    stage.run(bake=BAKE)
    assert stage.nginx.acts == [*SWITCHED, "confirm", DRAINED]


def test_a_config_that_is_live_already_switches_nothing(stage: Stage) -> None:
    """It is proved and probed, and what an update left in flight that was killed is drained."""
    stage.nginx.before = GREEN_ALREADY
    report = stage.run()
    acts = ["require_version", "claim", "state", "prove green 8", "probe green", DRAINED]
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
    assert not {"restore", "load"} & set(stage.nginx.acts)


@pytest.mark.parametrize("act", ["require_version", "claim", "state", "next_generation"])
def test_a_failure_before_the_first_act_changes_nothing(stage: Stage, act: str) -> None:
    """The error is the act's own."""
    assert stage.fails(EdgeUnreachable("no edge"), act) == "no edge"
    assert not {"write", "load", "restore"} & set(stage.nginx.acts)


@pytest.mark.parametrize(
    ("act", "before", "serves"),
    [
        ("write", BLUE, "blue 12.3.0 keeps serving"),
        ("hold", BLUE, "blue 12.3.0 keeps serving"),
        ("arm", BLUE, "blue 12.3.0 keeps serving"),
        ("write", None, "no color is live"),
        ("arm", None, "no color is live"),
    ],
)
def test_a_failure_before_anything_is_loaded_leaves_all_alone(
    stage: Stage, act: str, before: State | None, serves: str
) -> None:
    """And says what serves."""
    stage.nginx.before = before
    said = stage.fails(CommandFailed("disk full"), act, hold="token")
    assert said == f"disk full; {serves}"
    assert not {"load", "restore"} & set(stage.nginx.acts)


@pytest.mark.parametrize("act", ["write", "arm"])
def test_nothing_is_claimed_to_serve_when_the_edge_is_lost(stage: Stage, act: str) -> None:
    """An edge that cannot be asked may be down."""
    said = stage.fails(EdgeUnreachable("the edge is gone"), act)
    assert said == "the edge is gone; nothing was switched"


@pytest.mark.parametrize("act", ["load", "probe", "wait_at_most", "counts"])
def test_nobody_is_led_to_a_target_that_nginx_does_not_reach(stage: Stage, act: str) -> None:
    """It is asked through nginx before the flip; nor are they where they could not be watched."""
    said = stage.fails(SwitchFailed("green is not reachable"), act, bake=BAKE)
    assert said == "green is not reachable; blue 12.3.0 keeps serving (proven)"
    assert "flip green" not in stage.nginx.acts
    assert stage.nginx.acts[-1] == "restore", "it has served nobody: nothing is to be drained"


@pytest.mark.parametrize("act", ["flip", "prove", "confirm"])
def test_a_failure_after_the_flip_is_restored_and_says_what_serves(stage: Stage, act: str) -> None:
    """The old color serves again, proven, and the target gets its drain."""
    said = stage.fails(SwitchFailed("it went wrong"), act)
    assert said == "it went wrong; blue 12.3.0 serves again (proven)"
    assert stage.nginx.acts.index("restore") < stage.nginx.acts.index("in_flight green")


def test_what_is_open_on_a_target_that_was_gone_back_from_is_cut(stage: Stage) -> None:
    """After its drain, and told."""
    stage.nginx.on["in_flight"] = lambda: True
    said = stage.fails(SwitchFailed("bad"), "prove", drain_timeout=0)
    assert said == (
        "bad; blue 12.3.0 serves again (proven); 3 requests still open on green were closed"
    )
    assert stage.cut == ["green"]


def test_a_second_ctrl_c_ends_the_drain_and_not_the_message(stage: Stage) -> None:
    """What serves is told all the same."""

    def interrupt() -> bool:
        raise KeyboardInterrupt

    stage.nginx.on["in_flight"] = interrupt
    said = stage.fails(SwitchFailed("bad"), "prove")
    assert said == "bad; blue 12.3.0 serves again (proven)"


def test_another_config_of_the_live_color_that_fails_cuts_no_user(stage: Stage) -> None:
    """The target is what serves, before and after."""
    stage.nginx.before = replace(GREEN_ALREADY, config="other")
    stage.nginx.on["in_flight"] = lambda: True
    stage.fails(SwitchFailed("bad"), "prove", drain_timeout=0)
    assert stage.cut == []


def test_a_target_that_stays_live_is_not_cut_though_the_switch_failed(stage: Stage) -> None:
    """Too few edges have confirmed: it serves, and the others catch up."""

    def miss() -> None:
        raise EdgeUnreachable("gone")

    stage.others["other-edge"] = FakeNginx(BLUE)
    stage.others["other-edge"].on["confirm"] = miss
    stage.nginx.on["in_flight"] = lambda: True
    with pytest.raises(SwitchFailed, match="it is confirmed in shop-edge and serves"):
        stage.run(edges_required=2, drain_timeout=0)
    assert stage.cut == []


def test_a_target_that_could_not_be_gone_back_from_is_not_cut(stage: Stage) -> None:
    """It may be all that serves."""
    stage.nginx.on |= {"restore": lambda: "reverting failed too (x)", "in_flight": lambda: True}
    stage.fails(SwitchFailed("bad"), "prove", drain_timeout=0)
    assert stage.cut == []


@pytest.mark.parametrize("act", ["load", "prove", "ask", "confirm"])
def test_an_interruption_is_restored(stage: Stage, act: str) -> None:
    """Ctrl-C, or SIGTERM, in mid-switch."""
    said = stage.fails(KeyboardInterrupt(), act, bake=Bake(0.05, 0.05, 1))
    serves = "keeps serving" if act == "load" else "serves again"
    assert said == f"the switch was interrupted; blue 12.3.0 {serves} (proven)"


def test_an_interrupted_drain_says_that_the_switch_is_done(stage: Stage) -> None:
    """It is confirmed by then: nothing goes back, and nothing is left to go back to."""
    said = stage.fails(KeyboardInterrupt(), "in_flight")
    assert said == "the drain was interrupted; green 12.4.0 is confirmed and serves"
    assert "restore" not in stage.nginx.acts


def test_a_restore_that_fails_too_is_told(stage: Stage) -> None:
    """In the words of the restore."""
    stage.nginx.on["restore"] = lambda: "reverting failed too (x)"
    assert stage.fails(SwitchFailed("bad"), "prove") == "bad; reverting failed too (x)"


def test_traffic_that_suffers_takes_the_switch_back(stage: Stage) -> None:
    """With the numbers seen and the limit; what the color had answered before does not count."""
    stage.nginx.counted["green"] = Count(requests=1000, errors=500)

    def come_in() -> None:
        seen = Count(requests=200, errors=40, abandoned=10)
        stage.nginx.counted["green"] = Count(requests=1000, errors=500) + seen

    stage.nginx.on["prove"] = come_in
    with pytest.raises(SwitchFailed) as raised:
        stage.run(bake=BAKE)
    assert str(raised.value) == (
        "too many errors in real traffic: 40 of 200 requests answered 5xx, 10 abandoned after 10 s "
        "(25.0%, allowed 5.0%); blue 12.3.0 serves again (proven)"
    )
    assert "confirm" not in stage.nginx.acts


def test_a_target_that_is_slower_than_the_color_before_takes_the_switch_back(stage: Stage) -> None:
    """By what that one had answered until users were led away."""
    stage.nginx.counted["blue"] = timed(0.1)
    stage.nginx.on["prove"] = lambda: stage.nginx.counted.update(green=timed(1))
    said = r"90% of requests took up to 0\.91 s, and 0\.09 s on the color before .*; blue 12\.3\.0"
    with pytest.raises(SwitchFailed, match=said):
        stage.run(bake=Bake(3600, 0.05, 20, max_slowdown=3))


def test_a_bake_that_cannot_watch_has_not_passed(stage: Stage) -> None:
    """What nobody sees may be anything."""

    def fail_when_switched() -> None:
        if "flip green" in stage.nginx.acts:
            raise CommandFailed("no metrics")

    stage.nginx.on["counts"] = fail_when_switched
    with pytest.raises(SwitchFailed, match="users' requests cannot be watched: no metrics; blue"):
        stage.run(bake=BAKE)


def timed(seconds: float, requests: int = 100) -> Count:
    """Requests that all took that long."""
    return Count(requests, within={0.1: requests * (seconds <= 0.1), 1: requests, 9: requests})


@pytest.mark.parametrize(
    ("seen", "outgoing", "limit", "complains"),
    [
        (Count(19, 19), Count(), Bake(1, 0.05, 20), False),  # too few to judge
        (Count(20, 20), Count(), Bake(1, 0.05, 20), True),
        (Count(100, 5), Count(), Bake(1, 0.05, 20), False),
        (Count(100, 6), Count(), Bake(1, 0.05, 20), True),
        (Count(100, 3, 3), Count(), Bake(1, 0.05, 20), True),
        (timed(1), timed(0.1), Bake(1, 0.05, 20), False),  # speed is not judged unless asked for
        (timed(1), timed(0.1), Bake(1, 0.05, 20, max_slowdown=3), True),
        (timed(1), timed(0.1), Bake(1, 0.05, 20, max_slowdown=50), False),
        (timed(1), timed(1), Bake(1, 0.05, 20, max_slowdown=3), False),
        (timed(1), timed(0.1, 19), Bake(1, 0.05, 20, max_slowdown=3), False),
        (timed(1), timed(0.1, 20), Bake(1, 0.05, 20, max_slowdown=3), True),
        # Most are as fast as ever; nine of ten are not.
        (timed(0.1, 80) + timed(1, 20), timed(0.1), Bake(1, 0.05, 20, max_slowdown=3), True),
    ],
)
def test_the_bake_judges_what_the_target_did_to_users(
    seen: Count, outgoing: Count, limit: Bake, *, complains: bool
) -> None:
    """5xx, clients that gave up after a long wait, and, if asked for, its speed."""
    assert bool(bake.complaint(seen, outgoing, limit)) is complains


def test_a_target_that_falls_ill_while_baking_takes_the_switch_back(stage: Stage) -> None:
    """Without any traffic too: three misses in a row."""
    stage.nginx.on["ask"] = lambda: Answer("status is 503", "503 failing")
    with pytest.raises(SwitchFailed, match="green failed during the bake: 503 failing; blue"):
        stage.run(bake=BAKE)
    assert stage.nginx.acts.count("ask green") == bake.MISSES


HANGS = Bake(0.2, 0.05, 20, slow=0.02)


def test_a_target_that_lets_users_wait_while_its_health_is_good_is_taken_back(
    stage: Stage,
) -> None:
    """Requests that hang are in no count, whatever else is answered meanwhile."""
    stage.nginx.on["in_flight"] = stage.waits_on_green
    stage.nginx.on["answers"] = lambda: "answers blue" in stage.nginx.acts[-1]
    said = r"green hangs: requests are open, and / is not answered within 0\.01 s, though blue does"
    with pytest.raises(SwitchFailed, match=said):
        stage.run(bake=HANGS)


@pytest.mark.parametrize("quiet", ["nobody waits", "/ is answered", "/ is slow on both"])
def test_a_quiet_target_is_not_taken_for_one_that_hangs(stage: Stage, quiet: str) -> None:
    """Nobody asks; or all that is open is a download, a stream, a WebSocket."""
    if quiet != "nobody waits":
        stage.nginx.on["in_flight"] = stage.waits_on_green
    stage.nginx.on["answers"] = lambda: quiet != "/ is slow on both"
    assert stage.run(bake=HANGS).switched
    assert ("answers green 0.01" in stage.nginx.acts) is (quiet != "nobody waits")


def test_a_container_that_ends_while_baking_takes_the_switch_back(stage: Stage) -> None:
    """Its end is news at once; no answers have to be missed first."""
    stage.watch.died.set()
    with pytest.raises(SwitchFailed, match="green failed during the bake: its container exited"):
        stage.run(bake=BAKE)
    assert "restore" in stage.nginx.acts
    assert not stage.watch.open


def test_a_single_miss_while_baking_is_forgiven(stage: Stage) -> None:
    """Good answers between start the count again."""
    answers = [Answer("status is 503", "503"), Answer("status is 503", "503"), Answer("", "200")]

    def take_turns() -> Answer:
        return answers[stage.nginx.acts.count("ask green") % 3]

    stage.nginx.on["ask"] = take_turns
    assert stage.run(bake=Bake(0.2, 0.05, 20)).switched
    assert stage.nginx.acts.count("ask green") > 3


def test_a_bake_lasts_as_long_as_it_was_told_to_and_is_reported(stage: Stage) -> None:
    """And is not counted as drain."""
    stage.nginx.on["prove"] = lambda: stage.nginx.counted.update(green=Count(100, 1, 2))
    report = stage.run(bake=Bake(0.2, 0.05, 20))
    assert report.bake_seconds == pytest.approx(0.2, abs=2)
    assert report.bake_seconds >= 0.2
    assert (report.requests, report.errors) == (100, 3)


def test_the_drain_ends_when_nothing_is_in_flight(stage: Stage) -> None:
    """And cuts nothing."""
    busy = iter([True, True, False])
    stage.nginx.on["in_flight"] = lambda: next(busy)
    assert stage.run().cut == 0
    assert stage.nginx.acts.count(DRAINED) == 3
    assert stage.cut == []


def test_the_drain_is_bounded_and_says_what_it_cut(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """A WebSocket that stays for ever does not hold a release up."""
    stage.nginx.on["in_flight"] = lambda: True
    report = stage.run(drain_timeout=0)
    assert "drain: 3 requests were still open on blue, and were closed" in capsys.readouterr().err
    assert report.cut == 3
    assert stage.cut == ["blue"]
    assert report.drain_seconds < 10


def test_the_drains_time_is_from_the_last_request_that_the_color_got(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bake counts; with several edges, whoever follows gets its own."""
    began: list[float] = []

    def note(*given: Any) -> int:
        began.append(given[-1])
        return 0

    monkeypatch.setattr(switch, "drain", note)
    stage.run(bake=Bake(0.05, 0.05, 20))
    assert began[0] <= time.monotonic() - 0.05

    edges = Edges({"shop-edge": cast("Nginx", stage.nginx)})
    stage.nginx.on["in_flight"] = lambda: True
    assert drain.drain(edges, make_order(), "blue", time.monotonic() - 31) == 3
    edges.followed_until = until = time.monotonic() + 0.1
    assert drain.drain(edges, make_order(), "blue", time.monotonic() - 31) == 3
    assert time.monotonic() >= until


def test_a_drain_says_once_what_it_waits_for(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not at each look."""
    busy = iter([True, True, True, False])
    stage.nginx.on["in_flight"] = lambda: next(busy)
    stage.run()
    said = "draining: blue still serves requests, for up to 30 s\n"
    assert capsys.readouterr().err == said


def test_what_cannot_be_cut_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The switch is done; what is open ends with its container."""

    def refuse(*_: object) -> int:
        raise SwitchFailed("the kernel does not close connections")

    monkeypatch.setattr(drain, "cut_off", refuse)
    stage.nginx.on["in_flight"] = lambda: True
    assert stage.run(drain_timeout=0).cut == 0
    said = "what blue still serves could not be closed; it ends with its container: the kernel"
    assert said in capsys.readouterr().err


def test_what_is_open_is_cut_in_the_network_of_each_edge_that_takes_part(
    fake_docker: FakeDocker,
) -> None:
    """By a container that is gone afterwards, and that may do this there alone."""
    fake_docker.does("run", 'cat >"$here/given"; echo 2')
    order = make_order(edges=tuple(Place(name, Docker()) for name in ("a", "b", "c")))
    assert cut_off(order, "blue", {"b"}) == 4
    asked = sorted(fake_docker.asked())  # all at once
    for line, edge in zip(asked, ("a", "c"), strict=True):
        assert f"--network container:{edge} " in line
        assert "--rm " in line
        assert "--cap-add NET_ADMIN " in line
        assert line.endswith("--entrypoint python3 python:3 - shop-blue")
    assert "SOCK_DESTROY" in (fake_docker.folder / "given").read_text()
    fake_docker.does("run", "echo 'no such image' >&2; exit 125")
    with pytest.raises(SwitchFailed, match="no such image"):
        cut_off(order, "blue")


def test_the_connections_to_a_color_are_closed_and_no_others() -> None:
    """By the kernel, as if the color had."""
    with (
        socket.create_server(("127.0.0.77", 0)) as blue,
        socket.create_server(("127.0.0.78", 0)) as green,
        socket.create_connection(blue.getsockname(), 5) as to_blue,
        socket.create_connection(green.getsockname(), 5) as to_green,
        blue.accept()[0],
        green.accept()[0] as of_green,
    ):
        words = [sys.executable, close.__file__, "127.0.0.77"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(done.stderr.strip())  # only who administers the network may
        assert done.stdout == "1\n"
        with pytest.raises(OSError, match="abort"):
            to_blue.recv(1)
        of_green.send(b"x")
        assert to_green.recv(1) == b"x"


def test_an_edge_that_goes_away_while_draining_is_no_failed_switch(stage: Stage) -> None:
    """The switch is confirmed, and what went away has nothing left to drain."""

    def gone() -> bool:
        raise EdgeUnreachable("gone")

    stage.nginx.on["in_flight"] = gone
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
        "fix the problem above (`bluegreen logs --errors` shows nginx's side) and run "
        "`pulumi up` again, or set active_color back.\n"
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
    assert fake_docker.asked() == ["start shop-edge", "exec -i shop-edge sh"]


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
        "blue 12.3.0 keeps serving. Next: fix the problem above (`bluegreen logs --errors` shows "
        "nginx's side) and run `pulumi up` again, or set active_color back.\n"
    )

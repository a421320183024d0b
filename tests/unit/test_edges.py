"""Several edges as one: an act is done in all of them, and what fails in one fails in all."""

import time
from typing import cast

import pytest

from bluegreen.config.settings import Docker, Place
from bluegreen.edge import edges as edges_module
from bluegreen.edge.counts import Count, Counts
from bluegreen.edge.edges import Edges
from bluegreen.edge.nginx import Nginx
from bluegreen.edge.opened import open_edges
from bluegreen.edge.state import State
from bluegreen.errors import EdgeUnreachable, SwitchFailed
from bluegreen.health.probe import Answer
from tests.unit.conftest import FakeDocker

BLUE, GREEN = State("blue", "1", 7, "then", "abc"), State("green", "2", 8, "then", "def")


class FakeNginx:
    """One edge's nginx: notes its acts, fails where a test says so."""

    def __init__(self, name: str, told: list[str]) -> None:
        self.name, self.told, self.has = name, told, cast("State | None", BLUE)
        self.fails: dict[str, Exception] = {}
        self.answers, self.busy, self.followed = Answer("", "200"), False, False
        self.counted, self.serves = Count(), "blue 1"
        self.pulses = 0

    def _act(self, act: str) -> None:
        if act in self.fails:
            raise self.fails[act]
        self.told.append(f"{act} {self.name}")

    def state(self) -> State | None:
        """As Nginx's."""
        return self.has

    def probe(self, _color: str, _seconds: float) -> None:
        """As Nginx's."""
        self._act("probe")

    def ask(self, _color: str, _seconds: float) -> Answer:
        """As Nginx's."""
        return self.answers

    def pulse(self) -> None:
        """As Nginx's."""
        self.pulses += 1

    def next_generation(self) -> int:
        """As Nginx's."""
        return 9

    def arm(self, _seconds: float) -> None:
        """As Nginx's."""
        self._act("arm")

    def write(self, _rendered: str, _generation: int, _since: str) -> None:
        """As Nginx's."""
        self._act("write")

    def counts(self) -> Counts:
        """As Nginx's."""
        return Counts({("shop", "green"): self.counted})

    def confirm(self) -> None:
        """As Nginx's."""
        self._act("confirm")

    def restore(self, *, flipped: bool) -> str:
        """As Nginx's."""
        self._act("restore")
        return f"{self.serves} {'serves again' if flipped else 'keeps serving'} (proven)"

    def in_flight(self, _color: str) -> bool:
        """As Nginx's."""
        self._act("in_flight")
        return self.busy

    def is_followed_by(self, _edge: str) -> bool:
        """As Nginx's."""
        return self.followed


class Stage:
    """Two edges, a and b."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.a, self.b = FakeNginx("a", self.told), FakeNginx("b", self.told)
        made = cast("dict[str, Nginx]", {"a": self.a, "b": self.b})
        self.edges = Edges(made, required=1, drain_timeout=0.2)
        self.only = Edges(cast("dict[str, Nginx]", {"a": self.a}))


@pytest.fixture
def stage() -> Stage:
    """A stage where both serve blue."""
    return Stage()


def test_edges_that_agree_are_told_as_one(stage: Stage) -> None:
    """Then a config that is live already is known by its digest."""
    assert stage.edges.state() == BLUE


@pytest.mark.parametrize("other", [None, GREEN])
def test_edges_that_disagree_are_switched_anew(stage: Stage, other: State | None) -> None:
    """The newest is what there is to go back to, and no digest equals its."""
    stage.b.has = other
    state = stage.edges.state()
    assert state
    assert state.config == ""
    assert state.color == ("green" if other else "blue")


def test_requests_are_counted_in_all_edges_together(stage: Stage) -> None:
    """Users go by either."""
    stage.a.counted, stage.b.counted = Count(3, 1), Count(4, 2)
    assert stage.edges.counts("shop", "green") == Count(7, 3)


def test_what_fails_in_one_fails_for_all_and_names_it(stage: Stage) -> None:
    """The other one has done the act, or not: it is gone back from in both."""
    stage.b.fails["write"] = SwitchFailed("nginx refuses the rendered config")
    with pytest.raises(SwitchFailed, match=r"^b: nginx refuses the rendered config$"):
        stage.edges.do(lambda nginx: nginx.write("text", 9, "now"))


def test_a_driver_is_heard_of_from_the_trials_begin(stage: Stage) -> None:
    """Not before: an old sign of life would end the trial as it begins."""
    stage.edges.do(lambda nginx: nginx.write("text", 9, "now"))
    assert stage.b.pulses == 0
    stage.edges.arm(60)
    stage.edges.do(lambda nginx: nginx.probe("green", 1))
    stage.edges.ask("green")
    assert (stage.a.pulses, stage.b.pulses) == (3, 3)


def test_an_edge_alone_says_what_its_nginx_says(stage: Stage) -> None:
    """No name before it, nobody to hear of, and a generation that is the next one."""
    stage.only.arm(60)
    stage.a.answers = Answer("status is 500", "500")
    assert stage.only.ask("green").seen == "500"
    assert stage.only.next_generation() == 9
    stage.a.fails["write"] = SwitchFailed("nginx refuses the rendered config")
    with pytest.raises(SwitchFailed, match=r"^nginx refuses"):
        stage.only.do(lambda nginx: nginx.write("text", 9, "now"))
    stage.a.fails["confirm"] = EdgeUnreachable("gone")
    with pytest.raises(EdgeUnreachable, match=r"^gone$"):
        stage.only.confirm()
    assert stage.a.pulses == 0


def test_one_bad_answer_is_enough(stage: Stage) -> None:
    """And says from where it was asked."""
    stage.b.answers = Answer("status is 500", "500")
    assert stage.edges.ask("green").seen == "b: 500"


def test_the_first_that_confirms_decides(stage: Stage) -> None:
    """One that fails after it is missed, not gone back from: it follows by itself."""
    stage.b.fails["confirm"] = EdgeUnreachable("gone")
    stage.edges.confirm()
    assert stage.told == ["confirm a"]
    assert stage.edges.missed == ("b",)


def test_when_none_can_confirm_all_may_go_back(stage: Stage) -> None:
    """Nobody has decided."""
    for edge in (stage.a, stage.b):
        edge.fails["confirm"] = EdgeUnreachable("gone")
    with pytest.raises(EdgeUnreachable):
        stage.edges.confirm()
    stage.edges.restore(flipped=True)
    assert sorted(stage.told) == ["restore a", "restore b"]


def test_too_few_that_confirm_fail_the_update_and_take_nothing_back(stage: Stage) -> None:
    """An edge that starts could not be sure to learn of it: what is outgoing has to stay."""
    stage.edges._required = 2
    stage.b.fails["confirm"] = EdgeUnreachable("gone")
    with pytest.raises(SwitchFailed, match="only 1 of 2 required edges have confirmed"):
        stage.edges.confirm()
    assert "it is confirmed in a and serves" in stage.edges.restore(flipped=True)
    assert stage.told == ["confirm a"]


def test_one_that_follows_counts_as_one_that_has_confirmed(stage: Stage) -> None:
    """Its nginx runs, though nobody could talk to it."""
    stage.edges._required = 2
    stage.b.fails["confirm"] = EdgeUnreachable("gone")
    stage.a.followed = True
    stage.edges.confirm()


def test_a_generation_is_above_what_an_edge_may_have_that_is_away(stage: Stage) -> None:
    """It cannot be asked, but the clock was lower then."""
    assert stage.edges.next_generation() >= int(time.time()) - 1


def test_a_follower_gets_its_drain_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It switches later than those that could be talked to."""
    monkeypatch.setattr(edges_module, "FOLLOW_SECONDS", 0)
    stage.b.fails["confirm"] = EdgeUnreachable("gone")
    stage.a.followed = True
    stage.edges.confirm()
    assert stage.edges.in_flight("blue")
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    assert not stage.edges.in_flight("blue")


def test_going_back_is_told_once_when_all_serve_the_same(stage: Stage) -> None:
    """Else edge by edge."""
    assert stage.edges.restore(flipped=True) == "blue 1 serves again (proven)"
    assert stage.edges.restore(flipped=False) == "blue 1 keeps serving (proven)"
    stage.b.serves = "green 2"
    assert stage.edges.restore(flipped=True) == (
        "a: blue 1 serves again (proven); b: green 2 serves again (proven)"
    )


def test_an_edge_that_went_away_after_the_switch_has_nothing_to_drain(stage: Stage) -> None:
    """The other one has."""
    stage.b.fails["in_flight"] = EdgeUnreachable("gone")
    assert not stage.edges.in_flight("blue")
    stage.a.busy = True
    assert stage.edges.in_flight("blue")


PLACES = [Place("shop-edge-a", Docker()), Place("shop-edge-b", Docker())]


def test_too_few_edges_that_answer_are_told_before_anything_is_done(
    fake_docker: FakeDocker,
) -> None:
    """With what was seen of each that does not."""
    fake_docker.does(
        "exec", 'case $2 in *-b) echo "cannot connect" >&2; exit 1;; esac; shift 2; exec "$@"'
    )
    fake_docker.does("start", "exit 1")
    with (
        pytest.raises(EdgeUnreachable, match=r"cannot connect \(1 of 2 edges answer\)"),
        open_edges(PLACES, 2),
    ):
        pass
    with open_edges(PLACES, 1) as opened:
        assert list(opened.shells) == ["shop-edge-a"]
        assert "cannot connect" in opened.missed["shop-edge-b"]


def test_an_edge_that_was_stopped_is_started(fake_docker: FakeDocker) -> None:
    """Docker does not start one again that could not join its holder's network."""
    fake_docker.does("start", "")
    with open_edges(PLACES, 2):
        pass
    assert "start shop-edge-b" in fake_docker.asked()
    with open_edges(PLACES[:1], 1):
        pass
    assert fake_docker.asked().count("start shop-edge-a") == 2

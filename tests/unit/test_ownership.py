"""Whose is what Docker has: by a stack's state, and by the id that its things carry."""

import pytest

from bluegreen.config.settings import Docker
from bluegreen.docker.facts import STACK_LABEL, Thing, read_things
from bluegreen.errors import BluegreenError
from bluegreen.plan.guard import in_the_way
from bluegreen.plan.ownership import StackState, keyed, read_state
from bluegreen.plan.situation import Situation
from bluegreen.platforms.swarm.tasks import SWARM_LISTINGS
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_settings
from tests.unit.test_guard import state

OURS, THEIRS = {STACK_LABEL: "ours"}, {STACK_LABEL: "theirs"}
GREEN = Thing("container", "c1", "shop-dev-green", state="running", labels=OURS)
EDGE = Thing("container", "c2", "shop-dev-edge", state="exited")
NETWORK = Thing("network", "n1", "shop-dev", labels=THEIRS)
VOLUME = Thing("volume", "shop-dev-edge-config", "shop-dev-edge-config")
ALL = (GREEN, EDGE, NETWORK, VOLUME)
STATE = StackState(frozenset({"c9"}), "ours")


def test_all_with_the_services_label_is_found(fake_docker: FakeDocker) -> None:
    """Containers and networks by id, volumes by name, as a stack's state has them."""
    fake_docker.does(
        "ps",
        r"printf 'c1\tshop-dev-green\trunning\tours\t\t\nc2\tshop-dev-edge\texited\t\t\t\n'",
    )
    fake_docker.does("network", r"printf 'n1\tshop-dev\t\ttheirs\t\t\n'")
    fake_docker.does("volume", r"printf 'shop-dev-edge-config\tshop-dev-edge-config\t\t\t\t\n'")
    assert read_things(Docker(), "shop-dev") == ALL
    assert all("label=bluegreen.service=shop-dev" in words for words in fake_docker.asked())


def test_a_swarms_services_tell_their_labels_when_they_are_inspected(
    fake_docker: FakeDocker,
) -> None:
    """`docker service ls` cannot show them; a service that goes meanwhile is not there."""
    fake_docker.does(
        "service",
        r"""[ "$1" = inspect ] || { printf 's1\ns2\n'; exit; }
printf 's1234\tshop-dev-green\t\tours\t\t\n'
echo 'Error: no such service: s2' >&2; exit 1""",
    )
    services = [each for each in SWARM_LISTINGS if each[0] == "service"]
    green = Thing("service", "s1234", "shop-dev-green", labels=OURS)
    assert read_things(Docker(), "shop-dev", services) == (green,)
    (listed, _) = fake_docker.asked()
    assert ".Label" not in listed


def test_what_cannot_be_asked_is_not_nothing(fake_docker: FakeDocker) -> None:
    """One listing that fails is enough."""
    fake_docker.does("ps", "echo 'no daemon' >&2; exit 1")
    fake_docker.does("network", "")
    fake_docker.does("volume", "")
    with pytest.raises(BluegreenError, match="no daemon"):
        read_things(Docker(), "shop-dev")


def test_only_what_carries_the_stacks_id_is_a_leftover() -> None:
    """What another state made, or nobody knows who, is foreign."""
    assert STATE.leftovers(ALL) == [GREEN]
    assert STATE.foreign(ALL) == [EDGE, NETWORK, VOLUME]
    assert StackState().leftovers(ALL) == []
    assert StackState().foreign(ALL) == list(ALL)


def test_what_the_state_knows_is_its_own_whatever_it_carries() -> None:
    """Stacks from before there were ids have none on what they made."""
    known = StackState(frozenset({"c1", "c2", "n1", "shop-dev-edge-config"}))
    assert known.leftovers(ALL) == known.foreign(ALL) == []


def test_a_state_tells_its_id_its_key_and_its_prefix() -> None:
    """From an export with secrets."""
    secret = {"4dabf18193072939515e22adb298388d": "1b47", "plaintext": '"k"'}
    found = StackState.of(
        {
            "resources": [
                {
                    "type": "pulumi-python:dynamic/bluegreen:Identity",
                    "id": "ours",
                    "outputs": {"key": secret},
                },
                {
                    "type": "docker:index/network:Network",
                    "id": "n1",
                    "outputs": {"name": "shop-dev"},
                },
            ]
        }
    )
    assert found == StackState(frozenset({"ours", "n1"}), "ours", "k", "shop-dev")
    assert "'k'" not in repr(found)


def test_a_fingerprint_in_a_label_cannot_be_tried_without_the_key() -> None:
    """Another key makes another one."""
    assert keyed("a", "digest") != keyed("b", "digest")


def reasons(live: str | None, *things: Thing, owner: str = "ours") -> list[str]:
    """Look at an update of green that makes all there is."""
    settings = make_settings(active_color="green", green_version="12")
    states = {"shop-dev-edge": state(live) if live else None}
    there = Situation("shop-dev", states=states, things=things)
    return in_the_way(settings, "dev", there, StackState(owner=owner))


def test_a_leftover_in_the_way_is_named_with_the_command_that_heals_it() -> None:
    """The exact one, with the stack's name."""
    (said,) = reasons("blue", GREEN)
    assert said.startswith("container shop-dev-green: left by a killed update of this stack")
    assert said.endswith("`bluegreen recover --stack dev`, then this command again")


def test_a_volume_is_in_nobodys_way() -> None:
    """It is taken as it is."""
    assert reasons("blue", VOLUME) == []


def test_the_way_out_never_takes_away_what_serves() -> None:
    """The other color is to be released."""
    (said,) = reasons("green", GREEN)
    assert "Next: release on blue (set active_color)" in said


def test_a_state_that_cannot_be_had_is_no_reason_to_refuse(fake_docker: FakeDocker) -> None:
    """Pulumi then says itself what is in the way."""
    fake_docker.put("pulumi", "#!/bin/sh\necho 'error: no stack' >&2; exit 1\n")
    assert read_state("dev") is None


def test_the_state_is_read_also_while_it_is_written(fake_docker: FakeDocker) -> None:
    """A read can meet half a file."""
    script = """#!/bin/sh
[ -e "$0.asked" ] && { echo '{"deployment": {"resources": [{"id": "c1"}]}}'; exit; }
touch "$0.asked"; echo 'error: failed to load checkpoint' >&2; exit 1
"""
    fake_docker.put("pulumi", script)
    assert read_state("dev") == StackState(frozenset({"c1"}))

"""What a killed update left: how it is found, and when an update is refused for it."""

from typing import Any

import pytest

from bluegreen.edge import State
from bluegreen.errors import GuardRefused
from bluegreen.leftovers import Thing, read_state, read_things, refuse_leftovers, unknown_to
from bluegreen.settings import Docker
from tests.unit.conftest import FakeDocker

GREEN = Thing("container", "c1", "shop-dev-green")
EDGE = Thing("container", "c2", "shop-dev-edge")
NETWORK = Thing("network", "n1", "shop-dev")
VOLUME = Thing("volume", "shop-dev-edge-config", "shop-dev-edge-config")
ALL = [GREEN, EDGE, NETWORK, VOLUME]
BLUE_SERVES = State("blue", "12.3.0", 7, "then", "abc")
KNOWS = {"resources": [{"urn": "docker:index/volume:Volume::data", "id": "shop-dev-data"}]}
GREEN_SERVES = State("green", "12.4.0", 8, "then", "abc")


def refuse(things: list[Thing], edge: State | None, **state: Any) -> None:
    """Look at an update that makes all there is."""
    refuse_leftovers("dev", things, state, edge, "")


def test_all_with_the_services_label_is_found(fake_docker: FakeDocker) -> None:
    """Containers and networks by id, volumes by name, as a stack's state has them."""
    fake_docker.does("ps", "echo c1 shop-dev-green; echo c2 shop-dev-edge")
    fake_docker.does("network", "echo n1 shop-dev")
    fake_docker.does("volume", "echo shop-dev-edge-config shop-dev-edge-config")
    assert read_things(Docker(), "shop-dev") == ALL
    assert all("label=bluegreen.service=shop-dev" in words for words in fake_docker.asked())


def test_what_the_state_knows_is_no_leftover() -> None:
    """By its id: one of the same name may have been made anew by hand."""
    known = {"resources": [{"urn": "a"}, {"id": "c1"}, {"id": "shop-dev-edge-config"}]}
    assert unknown_to(known, ALL) == [EDGE, NETWORK]
    refuse([GREEN], BLUE_SERVES, **known)


@pytest.mark.parametrize("thing", [GREEN, NETWORK])
def test_what_is_in_the_way_is_named_with_the_command_that_heals_it(thing: Thing) -> None:
    """The exact one, with the stack's name."""
    with pytest.raises(GuardRefused) as refused:
        refuse([thing], BLUE_SERVES, **KNOWS)
    assert f"{thing.kind} {thing.name}: Docker has it" in str(refused.value)
    assert "blue 12.3.0 serves" in str(refused.value)
    assert "Next: `bluegreen recover --stack dev`, then this command again" in str(refused.value)


def test_a_volume_is_in_nobodys_way() -> None:
    """It is taken as it is."""
    refuse([VOLUME], None)


def test_an_edge_that_serves_nobody_is_recovered_from() -> None:
    """A first release was killed as it made it."""
    with pytest.raises(GuardRefused, match=r"no color is live\. Next: `bluegreen recover"):
        refuse([EDGE, NETWORK], None)


def test_the_way_out_never_takes_away_what_serves() -> None:
    """The other color is to be released; an edge is for the operator alone to remove."""
    with pytest.raises(GuardRefused, match=r"Next: release on blue \(set active_color\)"):
        refuse([GREEN], GREEN_SERVES, **KNOWS)
    with pytest.raises(GuardRefused, match="Next: `docker rm -f shop-dev-edge`, which interrupts"):
        refuse([EDGE], BLUE_SERVES, **KNOWS)


def test_a_stack_that_knows_nothing_of_what_serves_is_told_how_to_rebuild_its_state() -> None:
    """Everything runs, and nobody is interrupted by it."""
    with pytest.raises(GuardRefused, match="`bluegreen recover --rebuild-state --stack dev`"):
        refuse(ALL, BLUE_SERVES)


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
    assert read_state("dev") == {"resources": [{"id": "c1"}]}

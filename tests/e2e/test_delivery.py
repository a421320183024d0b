"""What the workflows do, on real stacks: a plan that changes nothing, a promotion made once."""

import httpx

from evidence.lab.host import free_ports
from evidence.lab.stacks import Stack, remove
from tests.e2e.conftest import StackMaker
from tests.e2e.test_cli import done


def test_a_plan_says_the_release_and_changes_nothing(stack: Stack) -> None:
    """Not the file, not the stack, not what serves."""
    stack.configure(active_color="green", green_version="12.4.0")
    before = stack.file.read_text(), stack.containers(), httpx.get(f"{stack.url}/-/bluegreen").text
    told = done(stack, "plan", "--markdown")
    assert "release green 12.4.0; live now: blue 12.3.0" in told
    assert f"| remove | {stack.service}-blue |" in told
    after = stack.file.read_text(), stack.containers(), httpx.get(f"{stack.url}/-/bluegreen").text
    assert before == after


def test_a_plan_that_would_interrupt_users_is_refused(stack: Stack) -> None:
    """With the exit code of a mistake in config, and what serves."""
    stack.configure(blue_version="12.4.0")
    refused = stack.bluegreen("plan")
    assert refused.code == 2
    assert "would interrupt users" in refused.output
    assert "now: blue 12.3.0 serves" in refused.output


def test_a_promotion_that_is_made_already_releases_nothing(make_stack: StackMaker) -> None:
    """A workflow promotes after every merge; without news no color is switched."""
    stack = make_stack()
    stack.up()
    target = f"{stack.name}next"
    service, port = f"bluegreen-{target}", free_ports(1)[0]
    file = stack.folder / f"Pulumi.{target}.yaml"
    file.write_text(f"config:\n  bluegreen:http_port: {port}\n  bluegreen:bake: {{seconds: 1}}\n")
    address = f"http://127.0.0.1:{port}/-/bluegreen"
    try:
        done(stack, "promote", stack.name, target, "--yes")
        first = httpx.get(address).json()
        again = done(stack, "promote", stack.name, target, "--yes")
        assert f"{target} serves 12.3.0 already" in again
        assert httpx.get(address).json() == first
        # Changed settings are news: they come with a release of the same version.
        text = file.read_text().replace("config:", "config:\n  bluegreen:env: {NOTE: new}", 1)
        file.write_text(text)
        assert "green 12.3.0 is live" in done(stack, "promote", stack.name, target, "--yes")
    finally:
        remove(service)

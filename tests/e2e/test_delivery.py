"""What the workflows do, on real stacks: a plan that changes nothing, a promotion made once."""

import httpx

from evidence.lab.host import free_ports
from evidence.lab.shared import SharedStack
from evidence.lab.stacks import remove
from tests.e2e.test_cli import done


def test_a_plan_says_the_release_and_changes_nothing(shared: SharedStack) -> None:
    """Not the file, not the stack, not what serves."""
    shared.configure(**shared.release)
    before = what_is(shared)
    told = done(shared, "plan", "--markdown")
    assert f"release {shared.new}; live now: {shared.old}" in told
    assert f"| remove | {shared.service}-{shared.old.color} |" in told
    assert before == what_is(shared)


def what_is(stack: SharedStack) -> tuple[str, set[str], str]:
    """The stack's file, its containers, and what serves since when."""
    served = httpx.get(f"{stack.url}/-/bluegreen").text
    return stack.file.read_text(), stack.containers(), served


def test_a_plan_that_would_interrupt_users_is_refused(shared: SharedStack) -> None:
    """With the exit code of a mistake in config, and what serves."""
    shared.configure(**{f"{shared.old.color}_version": "12.3.1"})
    refused = shared.bluegreen("plan")
    assert refused.code == 2
    assert f"{shared.old.color} is live and would be replaced" in refused.output
    assert "interrupted" in refused.output


def test_a_promotion_that_is_made_already_releases_nothing(shared: SharedStack) -> None:
    """A workflow promotes after every merge; without news no color is switched.

    What has not served long enough is not promoted at all.
    """
    target, version = f"{shared.name}next", shared.old.version
    service, port = f"bluegreen-{target}", free_ports(1)[0]
    file = shared.folder / f"Pulumi.{target}.yaml"
    file.write_text(f"config:\n  bluegreen:http_port: {port}\n  bluegreen:bake: {{seconds: 1}}\n")
    address = f"http://127.0.0.1:{port}/-/bluegreen"
    promote = ("promote", shared.name, target, "--yes")
    try:
        refused = shared.bluegreen(*promote, "--min-age", "6000")
        assert refused.code == 1
        assert "of 6000 minutes" in refused.output
        assert f"blue {version} is live" in done(shared, *promote)
        first = httpx.get(address).json()
        assert f"{target} already serves {version}" in done(shared, *promote)
        assert httpx.get(address).json() == first
        # Changed settings are news: they come with a release of the same version.
        text = file.read_text().replace("config:", "config:\n  bluegreen:env: {NOTE: new}", 1)
        file.write_text(text)
        assert f"green {version} is live" in done(shared, *promote)
    finally:
        remove(service)
        file.unlink()

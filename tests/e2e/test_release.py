"""A release by `pulumi up`, from the first color to the last deletion, under load."""

import httpx

import evidence.load as load
from evidence.lab.host import docker
from evidence.lab.processes import wait_for
from evidence.lab.shared import SharedStack
from tests.e2e.conftest import CALM, DRAIN
from tests.e2e.conftest import StackMaker as Maker


def test_a_release_moves_all_traffic_and_loses_no_request(shared: SharedStack) -> None:
    """Six kinds of client see two switches (there and back) and no failure."""
    plan = load.Plan(drain_timeout=DRAIN)
    with load.running(shared.url, plan=plan) as traffic:
        shared.up(**shared.release)
        assert shared.live() == shared.new
        assert shared.containers() == {"edge", shared.new.color}
        shared.up(**shared.revert)
        assert shared.live() == shared.old
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert traffic.report.requests > 1000
    assert set(traffic.report.by_color) == {"blue", "green"}


def test_the_preview_names_container_gate_switch_and_outgoing_color_in_that_order(
    shared: SharedStack,
) -> None:
    """What will happen is read top-down in `pulumi preview --diff`; afterwards nothing is left."""
    shared.configure(**shared.release)
    shown = shared.pulumi("preview", "--diff").output
    target, outgoing = (f"container:Container::{side.color}" for side in (shared.new, shared.old))
    steps = (target, "::gate", "::switch", outgoing)
    places = [shown.index(f"{step}]") for step in steps]
    assert places == sorted(places), shown
    shared.up()
    assert shared.pulumi("preview", "--expect-no-changes").code == 0
    assert httpx.get(shared.url).headers["X-Served-By"] == shared.new.color
    live = shared.outputs()["live"]
    assert live == {**shared.new._asdict(), "image": live["image"]}


def test_before_the_first_release_the_edge_answers_503_with_a_short_page(make_stack: Maker) -> None:
    """A first release that does not pass leaves an edge that says so, not a refused port."""
    stack = make_stack()
    said = stack.up_fails(env={"STANDIN_HEALTH": "failing"}, health={"timeout": 2})
    assert "no color is live" in said
    answer = httpx.get(stack.url)
    assert answer.status_code == 503
    assert "No color is live yet" in answer.text
    assert stack.live() == (None, None)


def test_standby_keep_declares_both_and_rolls_back_without_a_boot(shared: SharedStack) -> None:
    """The other color stays: going back starts no container."""
    old, new = shared.old, shared.new
    shared.up(**shared.release, standby="keep")
    assert shared.containers() == {"edge", "blue", "green"}
    started = docker("inspect", "-f", "{{.State.StartedAt}}", f"{shared.service}-{old.color}")
    preview = httpx.get(f"http://127.0.0.1:{shared.preview_port}/api/health")
    assert preview.json()["version"] == old.version
    assert shared.outputs()["standby"]["color"] == old.color
    shared.up(active_color=old.color)
    assert shared.live() == old
    again = docker("inspect", "-f", "{{.State.StartedAt}}", f"{shared.service}-{old.color}")
    assert started == again, f"{new} was live meanwhile"
    assert shared.pulumi("preview", "--expect-no-changes").code == 0


def test_a_refresh_and_restarts_by_hand_show_no_changes(shared: SharedStack) -> None:
    """Refresh, a restarted color and a restarted nginx leave nothing to change, and serve."""
    for container in (shared.old.color, "edge"):
        docker("restart", f"{shared.service}-{container}")
    refreshed = shared.pulumi("refresh", "--yes", "--skip-preview")
    assert refreshed.code == 0, refreshed.output
    preview = shared.pulumi("preview", "--expect-no-changes", "--diff")
    assert preview.code == 0, preview.output
    wait_for(lambda: httpx.get(f"{shared.url}/api/health").status_code == 200, 20, "the service")
    assert shared.live() == shared.old


def test_destroy_leaves_data_and_snapshots_and_nothing_else(
    make_stack: Maker, shared: SharedStack
) -> None:
    """A second stack on the host is untouched by it."""
    doomed = make_stack()
    doomed.up()
    with load.running(shared.url, plan=CALM) as traffic:
        done = doomed.pulumi("destroy", "--yes", "--skip-preview")
        assert done.code == 0, done.output
    assert traffic.report.failed_total == 0, traffic.report.summary()
    mine = ("--filter", f"label=bluegreen.service={doomed.service}", "--format")
    assert docker("ps", "-a", *mine, "{{.Names}}") == ""
    assert docker("network", "ls", *mine, "{{.Name}}") == ""
    kept = docker("volume", "ls", *mine, "{{.Name}}").split()
    assert sorted(kept) == [f"{doomed.service}-data", f"{doomed.service}-snapshots"]
    doomed.up()  # and the data is taken up again
    assert doomed.live() == ("blue", "12.3.0")


def test_an_image_is_built_per_color_and_pruned_with_it(make_stack: Maker) -> None:
    """A Dockerfile with ARG GRAFANA_VERSION gets each color's version; the old image goes.

    A change of grafana.ini is a release like any other: the file reaches the color's container,
    and needs a flip to change.
    """
    stack = make_stack(
        build={"context": "standin"}, blue_version="12.3.7", grafana_ini="grafana.ini"
    )
    ini = stack.folder / "grafana.ini"
    ini.write_text("[standin]\nmotto = first of its kind\n")
    stack.up()
    assert httpx.get(f"{stack.url}/api/health").json()["version"] == "12.3.7"
    assert "first of its kind" in httpx.get(stack.url).text
    ini.write_text("[standin]\nmotto = second to none\n")
    assert "grafana_ini changes" in stack.up_fails()
    stack.up(active_color="green", green_version="12.4.9")
    assert httpx.get(f"{stack.url}/api/health").json()["version"] == "12.4.9"
    assert "second to none" in httpx.get(stack.url).text
    images = docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    assert f"{stack.service}-green:12.4.9-" in images
    assert f"{stack.service}-blue" not in images


def test_secrets_limits_and_user_reach_the_container(make_stack: Maker) -> None:
    """A secret of `env` is in no preview, no output and no plain state, but in the container.

    What the daemon adds to a limit is no difference, also after a refresh.
    """
    stack = make_stack(limits={"memory": 256, "cpus": 1.5}, user="472:0", blue_version="12.3.1")
    secret = "hunter2-never-shown"
    path = "bluegreen:env.GF_SECURITY_ADMIN_PASSWORD"
    assert stack.pulumi("config", "set", "--secret", "--path", path, secret).code == 0
    shown = stack.pulumi("preview", "--diff").output
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.code == 0, done.output
    shown += done.output + stack.pulumi("stack", "export", "--stack", stack.name).output
    shown += docker("inspect", f"{stack.service}-edge")
    for words in ([], ["--refresh"]):
        done = stack.pulumi("preview", "--expect-no-changes", "--diff", *words)
        assert done.code == 0, done.output
        shown += done.output
    assert secret not in shown
    assert f"GF_SECURITY_ADMIN_PASSWORD={secret}" in docker("inspect", f"{stack.service}-blue")
    shape = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.Config.User}}"
    seen = docker("inspect", "-f", shape, f"{stack.service}-blue").split()
    assert seen == [str(256 << 20), "1500000000", "472:0"]

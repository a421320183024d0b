"""A release by `pulumi up`, from the first color to the last deletion, under load."""

import re

import httpx

import evidence.load as load
from evidence.lab.host import docker
from evidence.lab.stacks import Stack
from tests.e2e.conftest import CALM
from tests.e2e.conftest import StackMaker as Maker


def test_a_release_moves_all_traffic_and_loses_no_request(stack: Stack) -> None:
    """Six kinds of client see two switches (there and back) and no failure."""
    plan = load.Plan(drain_timeout=12)
    with load.running(stack.url, plan=plan) as traffic:
        stack.up(active_color="green", green_version="12.4.0")
        assert stack.live() == ("green", "12.4.0")
        assert stack.containers() == {"edge", "green"}
        stack.up(active_color="blue")
        assert stack.live() == ("blue", "12.3.0")
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert traffic.report.requests > 1000
    assert set(traffic.report.by_color) == {"blue", "green"}


def test_the_preview_names_container_gate_switch_and_outgoing_color_in_that_order(
    stack: Stack,
) -> None:
    """What will happen is read top-down in `pulumi preview --diff`; afterwards nothing is left."""
    stack.configure(active_color="green", green_version="12.4.0")
    shown = stack.pulumi("preview", "--diff").output
    steps = ("container:Container::green", "::gate", "::switch", "container:Container::blue")
    places = [shown.index(f"{step}]") for step in steps]
    assert places == sorted(places), shown
    stack.up()
    assert stack.pulumi("preview", "--expect-no-changes").code == 0
    header = httpx.get(stack.url).headers["X-Served-By"]
    assert header == "green 12.4.0"
    assert stack.outputs()["live"] == {
        "color": "green",
        "version": "12.4.0",
        "image": stack.outputs()["live"]["image"],
    }


def test_before_the_first_release_the_edge_answers_503_with_a_short_page(stack: Stack) -> None:
    """A first release that does not pass leaves an edge that says so, not a refused port."""
    stack.pulumi("destroy", "--yes", "--skip-preview")
    said = stack.up_fails(env={"STANDIN_HEALTH": "failing"}, health={"timeout": 2})
    assert "no color is live" in said
    answer = httpx.get(stack.url)
    assert answer.status_code == 503
    assert "No color is live yet" in answer.text
    assert stack.live() == (None, None)


def test_standby_keep_declares_both_and_rolls_back_without_a_boot(stack: Stack) -> None:
    """The other color stays: going back starts no container."""
    stack.up(standby="keep", active_color="green", green_version="12.4.0")
    assert stack.containers() == {"edge", "blue", "green"}
    started = docker("inspect", "-f", "{{.State.StartedAt}}", f"{stack.service}-blue")
    preview = httpx.get(f"http://127.0.0.1:{stack.preview_port}/api/health")
    assert preview.json()["version"] == "12.3.0"
    assert stack.outputs()["standby"]["color"] == "blue"
    stack.up(active_color="blue")
    assert stack.live() == ("blue", "12.3.0")
    assert started == docker("inspect", "-f", "{{.State.StartedAt}}", f"{stack.service}-blue")
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_a_refresh_and_restarts_by_hand_show_no_changes(stack: Stack) -> None:
    """Refresh, a restarted color and a restarted nginx leave nothing to change, and serve."""
    for container in ("blue", "edge"):
        docker("restart", f"{stack.service}-{container}")
        refreshed = stack.pulumi("refresh", "--yes", "--skip-preview")
        assert refreshed.code == 0, refreshed.output
        preview = stack.pulumi("preview", "--expect-no-changes", "--diff")
        assert preview.code == 0, preview.output
    for _ in range(100):
        if httpx.get(f"{stack.url}/api/health").status_code == 200:
            break
    assert httpx.get(f"{stack.url}/api/health").status_code == 200
    assert stack.live() == ("blue", "12.3.0")


def test_destroy_leaves_data_and_snapshots_and_nothing_else(make_stack: Maker) -> None:
    """A second stack on the host is untouched by it."""
    doomed, other = make_stack(), make_stack()
    doomed.up()
    other.up()
    with load.running(other.url, plan=CALM) as traffic:
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
    """A Dockerfile with ARG GRAFANA_VERSION gets each color's version; the old image goes."""
    stack = make_stack(build={"context": "standin"}, blue_version="12.3.7")
    stack.up()
    assert httpx.get(f"{stack.url}/api/health").json()["version"] == "12.3.7"
    stack.up(active_color="green", green_version="12.4.9")
    assert httpx.get(f"{stack.url}/api/health").json()["version"] == "12.4.9"
    images = docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    assert f"{stack.service}-green:12.4.9-" in images
    assert f"{stack.service}-blue" not in images


def test_a_secret_in_env_stays_secret(make_stack: Maker) -> None:
    """A secret of `env` is in no preview, no output and no plain state, but in the container."""
    stack = make_stack()
    secret = "hunter2-never-shown"
    path = "bluegreen:env.GF_SECURITY_ADMIN_PASSWORD"
    assert stack.pulumi("config", "set", "--secret", "--path", path, secret).code == 0
    shown = stack.pulumi("preview", "--diff").output
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.code == 0, done.output
    shown += done.output + stack.pulumi("stack", "export", "--stack", stack.name).output
    shown += docker("inspect", f"{stack.service}-edge")
    assert secret not in shown
    assert secret in docker("inspect", f"{stack.service}-blue")
    assert re.search("GF_SECURITY_ADMIN_PASSWORD", docker("inspect", f"{stack.service}-blue"))


def test_limits_and_user_reach_the_container_and_show_no_change_after(make_stack: Maker) -> None:
    """What the daemon adds to a limit is no difference, also after a refresh."""
    stack = make_stack(limits={"memory": 256, "cpus": 1.5}, user="472:0", blue_version="12.3.1")
    stack.up()
    shape = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.Config.User}}"
    seen = docker("inspect", "-f", shape, f"{stack.service}-blue").split()
    assert seen == [str(256 << 20), "1500000000", "472:0"]
    for words in ([], ["--refresh"]):
        done = stack.pulumi("preview", "--expect-no-changes", "--diff", *words)
        assert done.code == 0, done.output


def test_a_change_of_grafana_ini_is_a_release_like_any_other(make_stack: Maker) -> None:
    """The file reaches the color's container, and needs a flip to change."""
    stack = make_stack(grafana_ini="grafana.ini")
    ini = stack.folder / "grafana.ini"
    ini.write_text("[standin]\nmotto = first of its kind\n")
    stack.up()
    assert "first of its kind" in httpx.get(stack.url).text
    ini.write_text("[standin]\nmotto = second to none\n")
    assert "grafana_ini changes" in stack.up_fails()
    stack.up(active_color="green", green_version="12.3.0")
    assert "second to none" in httpx.get(stack.url).text

"""The tool chain's decisions: what it uses, what it makes, what it leaves alone.

Programs that it runs are small scripts on a PATH of the test's own.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.setup import daemon, golang, images, pulumi_build, pulumi_cli, python_env
from tools.setup.choices import Choices
from tools.setup.commands import Commands
from tools.setup.debian import Debian
from tools.setup.environment import as_shell, exports, prepare_state, prepended
from tools.setup.errors import CommandFailed, Missing, ToolchainError
from tools.setup.machine import Machine
from tools.setup.pins import Pins
from tools.setup.places import REPO, Places
from tools.setup.steps import side_by_side

SYSTEM_PATH = "/usr/bin:/bin"


class Bench:
    """A machine in a temporary folder, with programs that the test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.programs = root / "programs"
        self.programs.mkdir()
        self.environ = {"HOME": str(root), "PATH": f"{self.programs}:{SYSTEM_PATH}"}
        self.places = Places.of(self.environ, root / "repo")
        self.places.repo.mkdir()
        self.places.cache.mkdir(parents=True)

    def program(self, name: str, script: str) -> Path:
        """Put a shell script on the PATH."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def machine(self, choices: Choices | None = None, **environ: str) -> Machine:
        """The machine as a step gets it."""
        environ = {**self.environ, **environ}
        commands = Commands(self.places.logs, environ)
        return Machine(self.places, environ, choices or Choices(), commands, Debian(commands))

    def calls(self) -> list[str]:
        """What the programs wrote to the file `calls`."""
        file = self.root / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# Running commands


def test_a_failed_command_shows_its_name_its_exit_code_and_the_end_of_its_log(
    bench: Bench,
) -> None:
    """The message holds the last fifteen lines, not the first."""
    with pytest.raises(CommandFailed) as failure:
        bench.machine().commands.run(["sh", "-c", "seq 1 40; exit 7"], "count")
    message = str(failure.value)
    assert "exit code 7" in message
    assert "    26\n" in message
    assert "    25\n" not in message
    assert str(bench.places.logs / "count.log") in message


def test_a_command_that_takes_too_long_is_killed_with_its_children(bench: Bench) -> None:
    """The limit is named, and nothing of it runs on."""
    pid_file = bench.root / "pid"
    script = f"sleep 60 & echo $! > {pid_file}; wait"
    with pytest.raises(CommandFailed, match=r"did not end within 0 s"):
        bench.machine().commands.run(["sh", "-c", script], "slow", timeout=0.3)
    assert gone(int(pid_file.read_text()))


def test_a_command_that_is_not_there_fails_like_any_other(bench: Bench) -> None:
    """It is reported by its name, without a traceback."""
    with pytest.raises(CommandFailed, match="`/no/such/program go` did not start"):
        bench.machine().commands.run(["/no/such/program", "go"], "absent")


def test_stopping_ends_what_runs_and_starts_nothing_more(bench: Bench) -> None:
    """Ctrl-C leaves no compiler at work."""
    commands = bench.machine().commands
    threading.Timer(0.2, commands.stop).start()
    started = time.monotonic()
    with pytest.raises(CommandFailed):
        commands.run(["sleep", "60"], "sleep")
    assert time.monotonic() - started < 5
    with pytest.raises(KeyboardInterrupt):
        commands.run(["true"], "true")


# Steps


def test_steps_of_a_chain_run_in_order_and_remember_what_they_chose(bench: Bench) -> None:
    """What an earlier step found out is on disk when a later one fails."""
    machine = bench.machine()
    seen: list[str] = []

    def first(machine: Machine) -> bool:
        seen.append("first")
        machine.choices.docker_hub = False
        return False

    def second(_: Machine) -> bool:
        seen.append("second")
        raise Missing("a thing")

    with pytest.raises(Missing):
        side_by_side(machine, [[("first", first), ("second", second)]])
    assert seen == ["first", "second"]
    assert Choices.load(bench.places.choices).docker_hub is False


def test_a_failed_step_ends_the_commands_of_the_others(bench: Bench) -> None:
    """The failure is told at once, not after the minutes that another step takes."""

    def fails(_: Machine) -> bool:
        time.sleep(0.2)
        raise Missing("a thing")

    def takes_long(machine: Machine) -> bool:
        machine.commands.run(["sleep", "60"], "sleep")
        return True

    started = time.monotonic()
    with pytest.raises(Missing, match="a thing"):
        side_by_side(bench.machine(), [[("long", takes_long)], [("fails", fails)]])
    assert time.monotonic() - started < 5


def test_with_nothing_to_do_no_step_reports_a_change(bench: Bench) -> None:
    """Then set-up says so in one line."""
    assert not side_by_side(bench.machine(), [[("a", lambda _: False)], [("b", lambda _: False)]])


# Choices


def test_choices_survive_being_written_and_read(tmp_path: Path) -> None:
    """A later run asks no network."""
    choices = Choices(docker_hub=False, edge_image="bluegreen-nginx:1.30.6", pulumi="built")
    choices.save(tmp_path / "deep" / "choices.json")
    assert Choices.load(tmp_path / "deep" / "choices.json") == choices


@pytest.mark.parametrize("content", ["", "{", "[]", '{"of another version": 1}'])
def test_choices_that_cannot_be_read_count_as_none(tmp_path: Path, content: str) -> None:
    """A damaged cache costs a new set-up and nothing else."""
    file = tmp_path / "choices.json"
    file.write_text(content)
    assert Choices.load(file) == Choices()


# Debian packages


def test_packages_are_installed_only_where_missing_and_lists_fetched_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has everything is not touched."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bench.program("dpkg-query", '[ "$4" = present ] && printf "install ok installed"')
    bench.program("apt-get", f'echo "$@" >> {bench.root}/calls')
    debian = bench.machine().debian
    debian.require(["present"], "A thing")
    assert bench.calls() == []
    debian.require(["present", "absent"], "A thing")
    debian.require(["other"], "Another thing")
    assert bench.calls() == [
        "update",
        "-o DPkg::Lock::Timeout=300 install --yes --no-install-recommends absent",
        "-o DPkg::Lock::Timeout=300 install --yes --no-install-recommends other",
    ]


def test_somebody_who_is_not_root_is_told_what_to_install(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is tried that cannot work."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    bench.program("apt-get", f"echo called >> {bench.root}/calls")
    with pytest.raises(Missing, match=r"Docker is missing.*docker\.io iptables"):
        bench.machine().debian.require(["docker.io", "iptables"], "Docker")
    assert bench.calls() == []


# Docker


def test_a_daemon_that_answers_is_left_alone(bench: Bench) -> None:
    """Nothing is installed, started or configured."""
    bench.program("docker", "echo 28.2.2")
    bench.program("dockerd", f"echo started >> {bench.root}/calls")
    assert daemon.ensure_docker(bench.machine()) is False
    assert bench.calls() == []


def test_a_daemon_elsewhere_that_does_not_answer_is_not_replaced_by_one_here(
    bench: Bench,
) -> None:
    """DOCKER_HOST says which daemon is meant."""
    bench.program("docker", "echo no route to it >&2; exit 1")
    machine = bench.machine(DOCKER_HOST="ssh://deploy@example.org")
    with pytest.raises(Missing, match=r"ssh://deploy@example\.org does not answer: no route"):
        daemon.ensure_docker(machine)


def test_the_command_line_is_installed_where_it_is_a_package_of_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since Debian 13 the daemon's package does not bring `docker`."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    packaged = bench.program("packaged", "echo 26.1.5")
    install = f"/bin/mv {packaged} {bench.programs}/docker"
    bench.program(
        "apt-get", f'echo "$@" >> {bench.root}/calls; case "$*" in *docker-cli) {install};; esac'
    )
    assert daemon.ensure_docker(bench.machine(PATH=str(bench.programs))) is True
    packages = [call.split("recommends ")[1] for call in bench.calls() if "install" in call]
    assert packages == ["docker.io iptables", "docker-cli"]


def test_without_a_docker_command_no_daemon_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing could ask it."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bench.program("apt-get", f"echo called >> {bench.root}/calls")
    bench.program("dockerd", f"echo started >> {bench.root}/calls")
    with pytest.raises(Missing, match="there is no `docker` command on this machine"):
        daemon.ensure_docker(bench.machine(PATH=str(bench.programs)))
    assert "started" not in bench.calls()


def test_a_pid_file_left_over_from_before_a_restart_is_removed(tmp_path: Path) -> None:
    """Its number may belong to another process by now, for which the daemon would wait."""
    pid_file = tmp_path / "docker.pid"
    pid_file.write_text(str(os.getpid()))
    assert daemon.runs("dockerd", pid_file) is False
    assert not pid_file.exists()


def test_the_pid_file_of_a_live_daemon_stays(tmp_path: Path) -> None:
    """A daemon that is still starting must not get a second one beside it."""
    pid_file = tmp_path / "sleep.pid"
    with subprocess.Popen(["sleep", "60"]) as process:
        pid_file.write_text(str(process.pid))
        wait_until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n")
        assert daemon.runs("sleep", pid_file) is True
        process.kill()
    assert pid_file.exists()


def test_a_daemon_that_ends_at_once_is_reported_with_the_end_of_its_log(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits a minute for a process that is gone."""
    bench.program("docker", "echo Cannot connect; exit 1")
    bench.program("dockerd", "echo cannot mount; exit 3")
    nowhere = {name: bench.root / f"{name}.pid" for name in daemon.PID_FILES}
    monkeypatch.setattr(daemon, "PID_FILES", nowhere)
    machine = bench.machine()
    started = time.monotonic()
    process = daemon.start_daemon(machine)
    with pytest.raises(
        ToolchainError, match=r"but ended with 3: Cannot connect(.|\n)*cannot mount"
    ):
        daemon.wait_for_daemon(machine, process)
    assert time.monotonic() - started < 5


# Python


def test_the_environment_is_stamped_by_the_content_of_the_requirements(tmp_path: Path) -> None:
    """Another pin means another installation."""
    file = tmp_path / "requirements.txt"
    file.write_text("a==1\n")
    before = python_env.fingerprint([file])
    assert python_env.fingerprint([file]) == before
    file.write_text("a==2\n")
    assert python_env.fingerprint([file]) != before


def test_an_environment_with_the_right_stamp_is_left_alone(bench: Bench) -> None:
    """No package tool is started."""
    requirements = bench.places.repo / "requirements.txt"
    requirements.write_text("a==1\n")
    python = bench.places.venv / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    stamp = bench.places.venv / python_env.STAMP
    stamp.write_text(python_env.fingerprint([requirements]))
    assert python_env.ensure_python(bench.machine()) is False


# Pulumi


def test_versions_are_read_from_where_they_are_pinned() -> None:
    """There is no second list that could disagree."""
    pins = Pins.of(REPO)
    assert f"pulumi=={pins.sdk}" in (REPO / "requirements.in").read_text()
    assert set(pins.plugins) == {"docker", "command"}
    assert pulumi_cli.recent(f"v{pins.cli}")


@pytest.mark.parametrize(
    ("version", "is_recent"),
    [("v3.259.0", True), ("3.190.0", True), ("v3.189.9", False), ("v4.0.0", True), ("", False)],
)
def test_a_cli_is_recent_from_3_190_on(version: str, is_recent: bool) -> None:
    """Older ones lack what the program uses."""
    assert pulumi_cli.recent(version) is is_recent


def test_a_recent_cli_on_the_path_is_used_as_it_is(bench: Bench) -> None:
    """With both plugins there, nothing is downloaded."""
    pins = with_pins(bench)
    with_plugins(bench, pins)
    cli = bench.program(
        "pulumi", f'[ "$1" = version ] && echo v3.250.0 || echo >> {bench.root}/calls'
    )
    bench.program("pulumi-language-python", "")
    machine = bench.machine()
    assert pulumi_cli.ensure_pulumi(machine) is True
    assert (machine.choices.pulumi, machine.choices.pulumi_bin) == ("path", str(cli.parent))
    assert bench.calls() == []
    assert pulumi_cli.ensure_pulumi(machine) is False


def test_missing_plugins_are_downloaded_in_the_versions_of_the_python_packages(
    bench: Bench,
) -> None:
    """The engine warns of any other version."""
    pins = with_pins(bench)
    cli = bench.program("pulumi", f'echo "$@" >> {bench.root}/calls')
    assert pulumi_cli.install_plugins(bench.machine(), pins, str(cli))
    assert bench.calls() == [
        "plugin install resource docker 5.2.0",
        "plugin install resource command 1.2.1",
    ]


@pytest.mark.parametrize("version", ["v3.100.0", "no version at all"])
def test_a_cli_that_is_too_old_is_passed_over(bench: Bench, version: str) -> None:
    """The next way is tried instead."""
    pins = with_pins(bench)
    with_plugins(bench, pins)
    bench.program("pulumi", f"echo {version}")
    bench.program("pulumi-language-python", "")
    assert pulumi_cli.from_path(bench.machine(), pins) is None


def test_a_cli_that_cannot_run_python_is_passed_over(bench: Bench) -> None:
    """The language host is a program of its own."""
    pins = with_pins(bench)
    with_plugins(bench, pins)
    bench.program("pulumi", "echo v3.259.0")
    assert pulumi_cli.from_path(bench.machine(), pins) is None


def test_a_cli_from_our_cache_is_not_taken_for_the_machines_own(bench: Bench) -> None:
    """A shell that has evaluated our environment has it on its PATH."""
    ours = bench.places.cache / "pulumi-3.259.0-abc" / "bin"
    path = os.pathsep.join([str(ours), "/usr/bin"])
    assert pulumi_cli.outside(path, bench.places.cache) == "/usr/bin"


def test_ways_to_pulumi_are_tried_in_order_until_one_works(bench: Bench) -> None:
    """Own before official before built: building takes minutes."""
    with_pins(bench)
    tried: list[str] = []

    def way(name: str, found: Path | None) -> Callable[[Machine, Pins], Path | None]:
        def attempt(_: Machine, __: Pins) -> Path | None:
            tried.append(name)
            return found

        return attempt

    machine = bench.machine()
    ways = {
        "path": way("path", None),
        "official": way("official", Path("/somewhere/bin")),
        "built": way("built", Path("/elsewhere/bin")),
    }
    assert pulumi_cli.ensure_pulumi(machine, ways) is True
    assert tried == ["path", "official"]
    assert (machine.choices.pulumi, machine.choices.pulumi_bin) == ("official", "/somewhere/bin")


def test_an_official_download_that_fails_leaves_nothing_behind(bench: Bench) -> None:
    """Then the next way is tried, and no half of a CLI is found by the one after."""
    pins = with_pins(bench)
    python = bench.places.venv / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nmkdir -p $3/bin; exit 1\n")
    python.chmod(0o755)
    assert pulumi_cli.from_installer(bench.machine(), pins) is None
    assert [path.name for path in bench.places.cache.iterdir()] == ["logs"]


def test_a_change_of_our_go_sources_or_of_a_pin_means_a_new_build(bench: Bench) -> None:
    """The folder is named after all that went into it."""
    pins = with_pins(bench)
    before = pulumi_build.folder(bench.places, pins)
    assert pulumi_build.folder(bench.places, pins) == before
    moved = Pins(pins.sdk, {**pins.plugins, "docker": "5.3.0"}, pins.cli)
    assert pulumi_build.folder(bench.places, moved) != before
    (bench.places.repo / "tools" / "setup" / "go" / "new.go").write_text("package new\n")
    assert pulumi_build.folder(bench.places, pins) != before


# Go


def test_a_go_that_fetches_newer_ones_by_itself_is_told_to(bench: Bench) -> None:
    """Since 1.21, unless a distribution has switched it off."""
    go = bench.program("go", "echo go version go1.22.5 linux/amd64")
    assert golang.ensure_go(bench.machine()) == (go, {"GOTOOLCHAIN": "auto"})


def test_an_older_go_downloads_a_newer_one_that_can_be_executed(bench: Bench) -> None:
    """Modules are unpacked without permission to write or to execute."""
    module = bench.root / "module"
    for name in ("bin/go", "pkg/tool/linux_amd64/compile", "src/run.go"):
        file = module / name
        file.parent.mkdir(parents=True)
        file.write_text("")
        file.chmod(0o444)
    answer = json.dumps({"Dir": str(module)})
    bench.program("go", f"[ $1 = version ] && echo go version go1.19.8 || echo '{answer}'")
    go, env = golang.ensure_go(bench.machine())
    own = bench.places.cache / f"go-{golang.GO_VERSION}"
    assert (go, env["GOROOT"]) == (own / "bin" / "go", str(own))
    assert executable(go)
    assert executable(own / "pkg" / "tool" / "linux_amd64" / "compile")
    assert not executable(own / "src" / "run.go")
    bench.program("go", "exit 1")
    assert golang.ensure_go(bench.machine()) == (go, env)


# Images


def test_where_docker_hub_answers_no_image_is_made_or_looked_for(bench: Bench) -> None:
    """The program asks it for the real ones."""
    bench.program("docker", f"echo called >> {bench.root}/calls")
    assert images.ensure_images(bench.machine(Choices(docker_hub=True))) is False
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ("exit 0", True),
        ("echo 'toomanyrequests: You have reached your pull rate limit.' >&2; exit 1", True),
        ("echo 'lookup registry: no such host' >&2; exit 1", False),
    ],
)
def test_docker_hub_answers_if_it_gives_an_image_or_refuses_for_now(
    bench: Bench, script: str, answers: bool
) -> None:
    """A limit that has been reached must not turn real images into stand-ins."""
    bench.program("docker", script)
    assert images.docker_hub_answers(bench.machine()) is answers


def test_images_made_from_the_present_sources_are_kept(bench: Bench) -> None:
    """One question to the daemon settles it."""
    with_standin(bench)
    machine = bench.machine(Choices(docker_hub=False, edge_image="bluegreen-nginx:1.30.6"))
    lines = "\n".join(
        f'["{image}"] {made_from}' for image, made_from in images.wanted_images(machine).items()
    )
    bench.program("docker", f"echo \"$1 $2\" >> {bench.root}/calls; cat <<'END'\n{lines}\nEND")
    assert images.ensure_images(machine) is False
    assert bench.calls() == ["image inspect"]


def test_a_change_of_the_stand_in_makes_its_images_out_of_date_but_not_the_edges(
    bench: Bench,
) -> None:
    """Each image's label says what it was made from."""
    with_standin(bench)
    machine = bench.machine(Choices(docker_hub=False, edge_image="bluegreen-nginx:1.30.6"))
    before = images.wanted_images(machine)
    (bench.places.repo / "evidence" / "standin" / "app.py").write_text("changed = True\n")
    after = images.wanted_images(machine)
    changed = {image for image in before if before[image] != after[image]}
    assert changed == {f"bluegreen-standin:{version}" for version in images.STANDIN_VERSIONS}


def test_labels_are_read_for_the_images_that_there_are(bench: Bench) -> None:
    """The daemon answers for those and fails for the others."""
    bench.program("docker", "echo '[\"a:1\",\"b:2\"] abc'; echo 'No such image: c:3' >&2; exit 1")
    assert images.labels(bench.machine(), ["a:1", "c:3"]) == {"a:1": "abc", "b:2": "abc"}


# The environment


def test_before_set_up_there_is_no_environment_but_an_error(bench: Bench) -> None:
    """Half an environment would fail later and say less."""
    with pytest.raises(ToolchainError, match="setup has not run"):
        exports(bench.places, Choices(), {})


def test_eval_fails_when_set_up_has_not_run(bench: Bench) -> None:
    """What is printed for eval is a command that fails; the reason goes to stderr."""
    command = f'cd {REPO}; eval "$({sys.executable} -m tools.setup env)" && echo went on'
    shell = subprocess.run(
        ["sh", "-c", command], env=bench.environ, capture_output=True, text=True, check=False
    )
    assert (shell.returncode, shell.stdout) == (1, "")
    assert "setup has not run" in shell.stderr


def test_a_build_of_ours_brings_its_path_and_its_home(bench: Bench) -> None:
    """Its plugins lie where no other CLI looks."""
    choices = with_cli(bench, "built")
    variables = exports(bench.places, choices, {"PATH": "/usr/bin"})
    folder = bench.root / "pulumi"
    assert variables["PATH"] == f"{folder / 'bin'}:{bench.places.venv / 'bin'}:/usr/bin"
    assert variables["PULUMI_HOME"] == str(folder / "home")
    assert variables["PULUMI_BACKEND_URL"] == f"file://{bench.places.state}"


def test_the_machines_own_cli_keeps_its_path_and_its_home(bench: Bench) -> None:
    """Only the virtual environment is put in front."""
    variables = exports(bench.places, with_cli(bench, "path"), {"PATH": "/usr/bin"})
    assert variables["PATH"] == f"{bench.places.venv / 'bin'}:/usr/bin"
    assert "PULUMI_HOME" not in variables


def test_what_the_user_has_set_is_not_exported_again(bench: Bench) -> None:
    """A backend, a passphrase and images of one's own count more."""
    own = {
        "PULUMI_BACKEND_URL": "s3://stacks",
        "PULUMI_CONFIG_PASSPHRASE": "secret",
        "BLUEGREEN_IMAGE": "grafana/grafana",
    }
    choices = with_cli(bench, "path", docker_hub=False)
    variables = exports(bench.places, choices, own)
    assert not own.keys() & variables.keys()
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in variables
    assert variables["BLUEGREEN_EDGE_IMAGE"] == "bluegreen-nginx:1.30.6"


@pytest.mark.parametrize("docker_hub", [True, None])
def test_stand_ins_are_the_default_only_where_docker_hub_does_not_answer(
    bench: Bench, docker_hub: bool | None
) -> None:
    """Elsewhere the program's own defaults hold: the real images."""
    variables = exports(bench.places, with_cli(bench, "path", docker_hub), {})
    assert not [name for name in variables if name.startswith("BLUEGREEN_")]


def test_folders_come_to_the_front_of_the_path_once() -> None:
    """However often the environment is evaluated."""
    once = prepended(["/a", "/b"], "/usr/bin")
    assert once == "/a:/b:/usr/bin"
    assert prepended(["/a", "/b"], once) == once


def test_values_are_quoted_for_the_shell() -> None:
    """A folder's name may hold anything."""
    assert as_shell({"A": "it's; here"}) == "export A='it'\"'\"'s; here'\n"


def test_the_passphrase_is_made_once_and_only_its_owner_reads_it(bench: Bench) -> None:
    """Losing it would lose the stacks' secrets."""
    prepare_state(bench.places.state)
    file = bench.places.state / "passphrase"
    passphrase = file.read_text()
    assert len(passphrase.strip()) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    prepare_state(bench.places.state)
    assert file.read_text() == passphrase


# Helpers


def with_pins(bench: Bench) -> Pins:
    """A repo that pins versions."""
    (bench.places.repo / "requirements.txt").write_text(
        "pulumi==3.272.0 \\\npulumi-docker==5.2.0 \\\npulumi-command==1.2.1 \\\n"
    )
    module = bench.places.repo / "tools" / "setup" / "go" / "cli" / "go.mod"
    module.parent.mkdir(parents=True)
    module.write_text("require github.com/pulumi/pulumi/pkg/v3 v3.259.0\n")
    return Pins.of(bench.places.repo)


def with_plugins(bench: Bench, pins: Pins) -> None:
    """Plugins in Pulumi's own folder, where PULUMI_HOME says."""
    bench.environ["PULUMI_HOME"] = str(bench.root / ".pulumi")
    for name, version in pins.plugins.items():
        (bench.root / ".pulumi" / "plugins" / f"resource-{name}-v{version}").mkdir(parents=True)


def with_standin(bench: Bench) -> None:
    """A stand-in of one file."""
    (bench.places.repo / "evidence" / "standin").mkdir(parents=True)
    (bench.places.repo / "evidence" / "standin" / "app.py").write_text("changed = False\n")


def with_cli(bench: Bench, pulumi: str, docker_hub: bool | None = None) -> Choices:
    """A machine after set-up."""
    for file in (bench.root / "pulumi" / "bin" / "pulumi", bench.places.venv / "bin" / "python"):
        file.parent.mkdir(parents=True)
        file.touch()
    cli = str(bench.root / "pulumi" / "bin")
    return Choices(docker_hub, "bluegreen-nginx:1.30.6", pulumi, cli)


def executable(file: Path) -> bool:
    return bool(file.stat().st_mode & stat.S_IXUSR)


def gone(pid: int) -> bool:
    """Whether a process has ended, given a moment for it."""

    def ended() -> bool:
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"

    return wait_until(ended)


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

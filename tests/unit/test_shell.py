"""The shell in the edge, tried on a shell of this machine behind a fake `docker`."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import Done, Shell, ask, command, environment
from bluegreen.errors import BluegreenError, CommandFailed, EdgeUnreachable
from tests.unit.conftest import FakeDocker
from tests.unit.examples import ROOT


@pytest.fixture
def shell(fake_docker: FakeDocker) -> Iterator[Shell]:
    """An open shell."""
    with Shell("shop-edge") as opened:
        yield opened


def test_a_script_gives_its_exit_code_and_both_its_outputs(shell: Shell) -> None:
    """In the order in which they were written."""
    done = shell.run("echo out; echo err >&2; echo out; (exit 7)")
    assert done == Done(7, b"out\nerr\nout\n")
    assert shell.run("true") == Done(0, b"")
    assert shell.run("no-such-command-at-all").code == 127


def test_the_shell_is_opened_in_the_container(shell: Shell, fake_docker: FakeDocker) -> None:
    """One `docker exec` for all that follows."""
    for _ in range(3):
        shell.run("true")
    assert fake_docker.asked() == ["exec -i shop-edge sh"]


def test_what_a_script_sets_lasts_for_the_next_ones(shell: Shell) -> None:
    """Traps above all: they belong to the shell, not to a script."""
    shell.run("cd /; answer=42")
    assert shell.run('echo "$PWD $answer"').text == "/ 42"


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("printf 'no newline'", b"no newline"),
        ("printf '\\n\\n'", b"\n\n"),
        ("printf '\\000\\377\\001 0\\n'", b"\x00\xff\x01 0\n"),
        ("printf -- '--done-1-0-- 0\\n'", b"--done-1-0-- 0\n"),
        ("head -c 300000 /dev/zero", bytes(300000)),
        ("# a comment alone\ntrue", b""),
        ("cat", b""),  # nothing of the next script is taken for its input
        ("false | cat; echo one && echo two", b"one\ntwo\n"),
    ],
)
def test_output_is_taken_whole_whatever_it_is(shell: Shell, script: str, output: bytes) -> None:
    """Binary, long, without its last newline, or looking like the shell's own mark."""
    assert shell.run(script) == Done(0, output)
    assert shell.run("echo next") == Done(0, b"next\n")


def test_text_is_readable_whatever_the_bytes_were(shell: Shell) -> None:
    """Error messages are made of it."""
    assert shell.run("printf '  caf\\351 \\n'").text == "caf�"


def test_a_script_that_has_no_reason_to_fail_is_told_when_it_does(shell: Shell) -> None:
    """By its first line, the container, its code and its output."""
    assert shell.check("echo fine") == "fine"
    with pytest.raises(CommandFailed) as raised:
        shell.check("cd /nonexistent-folder &&\ntrue")
    said = str(raised.value)
    assert said.startswith("`cd /nonexistent-folder &&` in shop-edge exited with ")
    assert "nonexistent-folder" in said.partition("ended with ")[2]


@pytest.mark.parametrize(
    "text",
    [
        "one line\n",
        "no newline",
        "$HOME `id` \\ \"quoted\" 'quoted'\n",
        "END\nEOF\n--done-1-0-- 0\n",
        "äöü ⇄\n",
        "x" * 200_000 + "\n",
        "",
    ],
    ids=["line", "no newline", "quotes", "marks", "unicode", "long", "empty"],
)
def test_a_file_is_written_as_it_is(shell: Shell, tmp_path: Path, text: str) -> None:
    """Nothing in it is run or replaced, and no other file is left."""
    folder = tmp_path / "config"
    folder.mkdir()
    shell.write(f"{folder}/next.conf", text)
    assert (folder / "next.conf").read_text() == (text if text.endswith("\n") else f"{text}\n")
    assert os.listdir(folder) == ["next.conf"]


def test_a_file_that_cannot_be_written_leaves_the_one_that_is_there(
    shell: Shell, tmp_path: Path
) -> None:
    """Whole or not at all, and the failure is told."""
    (tmp_path / "next.conf").write_text("before")
    (tmp_path / "next.conf.part").mkdir()
    with pytest.raises(CommandFailed, match="in shop-edge exited with"):
        shell.write(f"{tmp_path}/next.conf", "after")
    assert (tmp_path / "next.conf").read_text() == "before"


def test_a_container_that_is_not_there_is_told_in_dockers_words(fake_docker: FakeDocker) -> None:
    """The first script finds out."""
    fake_docker.does("exec", "echo 'Error: No such container: shop-edge' >&2; exit 1")
    with Shell("shop-edge") as shell, pytest.raises(EdgeUnreachable) as raised:
        shell.run("true")
    assert str(raised.value) == (
        "the shell in container shop-edge ended: Error: No such container: shop-edge"
    )


@pytest.mark.parametrize("script", ["exit 3", "kill -9 $$", "exec true"])
def test_a_shell_that_ends_while_it_is_used_is_told(shell: Shell, script: str) -> None:
    """Then, and at each further try; closing it is no error."""
    for _ in range(2):
        with pytest.raises(EdgeUnreachable, match=r"^the shell in container shop-edge ended: "):
            shell.run(script)


def test_a_shell_that_gives_no_answer_is_given_up(shell: Shell) -> None:
    """With what was seen last."""
    with pytest.raises(EdgeUnreachable, match="no answer in time; last seen: b'begun"):
        shell.run("echo begun; exec tail -f /dev/null", timeout=0.2)
    shell._process.kill()  # so that closing need not wait for it


def test_a_machine_without_docker_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence for all that talks to Docker, as an error of ours."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgeUnreachable, match="there is no `docker` command here"):
        Shell("shop-edge")
    with pytest.raises(BluegreenError, match="Next: install Docker's command line"):
        ask(Docker(), "ps")


def test_a_short_question_gives_code_and_output(fake_docker: FakeDocker) -> None:
    """Its exit code is the caller's to judge."""
    fake_docker.does("inspect", 'echo "seen $*"; echo complaint >&2; exit 4')
    done = ask(Docker(), "inspect", "-f", "{{.Id}}", "x")
    assert (done.returncode, done.stdout, done.stderr) == (
        4,
        "seen -f {{.Id}} x\n",
        "complaint\n",
    )


def test_a_short_question_without_an_answer_is_given_up(fake_docker: FakeDocker) -> None:
    """A daemon that hangs is told as such."""
    fake_docker.does("inspect", "exec tail -f /dev/null")
    with pytest.raises(EdgeUnreachable, match=r"`docker inspect x` timed out after 0\.2 s"):
        ask(Docker(), "inspect", "x", timeout=0.2)


@pytest.mark.parametrize(
    ("docker", "words"),
    [
        (Docker(), ["docker", "ps"]),
        (Docker(host="ssh://me@far"), ["docker", "--host", "ssh://me@far", "ps"]),
        (Docker(context="far"), ["docker", "--context", "far", "ps"]),
        (Docker(host="ssh://me@far", context="far"), ["docker", "--context", "far", "ps"]),
    ],
)
def test_the_daemon_is_the_docker_providers_own(docker: Docker, words: list[str]) -> None:
    """The program and the provider never talk to two daemons."""
    assert command(docker, "ps") == words


def test_tls_material_goes_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker's own tools take it; without any the environment is as it was."""
    monkeypatch.delenv("DOCKER_CERT_PATH", raising=False)
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    assert environment(Docker()) == dict(os.environ)
    with_tls = environment(Docker(cert_path="/certs"))
    assert (with_tls["DOCKER_CERT_PATH"], with_tls["DOCKER_TLS_VERIFY"]) == ("/certs", "1")


def test_leaving_the_block_ends_the_shell_and_runs_its_trap(
    fake_docker: FakeDocker, tmp_path: Path
) -> None:
    """Closing is end-of-file: what was armed and not confirmed goes back."""
    with Shell("shop-edge") as shell:
        shell.run(f"trap 'echo back > {tmp_path}/trap' EXIT")
    assert (tmp_path / "trap").read_text() == "back\n"


def test_a_trap_that_was_taken_off_does_not_run(fake_docker: FakeDocker, tmp_path: Path) -> None:
    """A confirmed switch stays."""
    with Shell("shop-edge") as shell:
        shell.run(f"trap 'echo back > {tmp_path}/trap' EXIT")
        shell.run("trap - EXIT")
    assert not (tmp_path / "trap").exists()


DYING = """\
import sys, time
from bluegreen.docker.shell import Shell
with Shell("shop-edge") as shell:
    shell.run("trap 'echo went back > " + sys.argv[1] + "' EXIT")
    print("armed", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_shells_trap_runs_when_its_user_is_killed(
    fake_docker: FakeDocker, tmp_path: Path, end: signal.Signals
) -> None:
    """The dead man's handle: kill -9 at this end is end-of-file at the other."""
    news = tmp_path / "news"
    os.mkfifo(news)
    reader = os.open(news, os.O_RDONLY | os.O_NONBLOCK)
    user = subprocess.Popen(
        [sys.executable, "-c", DYING, str(news)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert user.stdout
        assert user.stdout.readline() == b"armed\n"
        user.send_signal(end)
        assert user.wait(20) == -end
        assert select.select([reader], [], [], 20)[0], "nothing came from the trap"
        assert os.read(reader, 100) == b"went back\n"
    finally:
        os.close(reader)
        user.kill()
        user.communicate()


def test_a_shell_that_answered_too_late_is_not_used_again(shell: Shell) -> None:
    """Its late answer would be taken for that of the next question."""
    with pytest.raises(EdgeUnreachable, match="no answer in time"):
        shell.run("while :; do :; done", timeout=0.1)
    with pytest.raises(EdgeUnreachable):
        shell.run("echo next")

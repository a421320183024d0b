"""Fresh roots: what they are given of this machine, and that nothing of them stays."""

import os
import shutil
import subprocess
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from tests.unit.test_toolchain import Bench, wait_until
from tools.setup import registries
from tools.setup.apart import running_apart
from tools.setup.errors import Missing
from tools.setup.fresh_root import other_than
from tools.setup.own_folder import locked, own_folder
from tools.setup.registries import Registries

APT = """\
case $1 in indextargets) cat <<'END'
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/security/ bookworm-security main
http://vendor.example/ nodistro main
END
esac"""
APT_CONFIG = """\
cat <<'END'
APT::Architecture "amd64";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "none";
END"""
# Says at once that the network is there, and stays.
NETWORK = """\
for word in "$@"; do case $word in --ready-fd=*) printf 1 > /proc/self/fd/${word#*=};; esac; done
exec sleep 300"""
PROGRAMS = ("/bin/bash", "/bin/sleep", "/bin/umount")

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_fresh_root_takes_packages_from_where_this_machine_takes_them(bench: Bench) -> None:
    """The other release's suites at the same mirrors; nothing of a vendor's for this release."""
    bench.program("apt-get", APT)
    bench.program("apt-config", APT_CONFIG)
    bench.program("go", "printf '%s\\n' https://go.example off '' '' '' ''")
    machine = bench.machine(
        PIP_INDEX_URL="https://pip.example", https_proxy="http://p", PULUMI_HOME="/x"
    )
    found = Registries.of(machine, "bookworm", "trixie")
    assert found.apt_sources == (
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/security/ trixie-security main",
    )
    assert found.apt_options == (
        'Acquire::http::Proxy "http://proxy.example:3128"',
        'Acquire::Check-Valid-Until "false"',
    )
    assert found.environment == {
        "PIP_INDEX_URL": "https://pip.example",
        "https_proxy": "http://p",
        "GOPROXY": "https://go.example",
        "GOSUMDB": "off",
    }


def test_without_a_source_of_this_machines_release_there_is_no_fresh_root(bench: Bench) -> None:
    """What apt said is shown, as no mirror is known but the machine's."""
    bench.program("apt-get", "echo http://mirror.example/ubuntu/ noble main")
    with pytest.raises(Missing, match=r"no source of bookworm(.|\n)*noble main"):
        Registries.of(bench.machine(), "bookworm", "trixie")


def test_pips_settings_and_certificates_lie_where_they_lie_here(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the user go to the user of the root."""
    monkeypatch.setenv("HOME", str(bench.root))
    monkeypatch.setattr(registries, "CERTIFICATES", bench.root / "certificates")
    (bench.root / "certificates").mkdir()
    (bench.root / "certificates" / "own.crt").write_text("certificate")
    (bench.root / ".config" / "pip").mkdir(parents=True)
    (bench.root / ".config" / "pip" / "pip.conf").write_text("[global]\n")
    other = bench.root / "other"
    registries.carry_files(other, "/root")
    assert (other / "root/.config/pip/pip.conf").read_text() == "[global]\n"
    carried = registries.at(other, bench.root / "certificates" / "own.crt")
    assert carried.read_text() == "certificate"


@pytest.mark.parametrize(("own", "other"), [("12", "13"), ("13", "12"), (None, "13")])
def test_the_other_release_is_the_newest_that_this_machine_is_not(
    own: str | None, other: str
) -> None:
    """CI proves the ground that it does not stand on itself."""
    assert other_than(own) == other


def test_the_folder_goes_whatever_happens_and_takes_with_it_what_a_killed_run_left(
    bench: Bench,
) -> None:
    """Not that of a run which is still at it."""
    cache = bench.places.cache
    left, busy = cache / "fresh-left", cache / "fresh-busy"
    for folder in (left, busy):
        (folder / "root" / "etc").mkdir(parents=True)
    with suppress(KeyboardInterrupt), locked(busy), own_folder(cache) as own:
        assert own.is_dir()
        assert not left.exists()
        (own / "root").mkdir()
        raise KeyboardInterrupt
    assert [each for each in cache.iterdir() if each.name.startswith("fresh-")] == [busy]


@only_root
def test_the_commands_exit_code_is_told_and_what_it_left_running_has_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that it started, too; it saw neither this machine's processes nor its files."""
    root = small_root(bench, monkeypatch)
    script = 'sleep 300 & echo $! $$ > /seen; [ -e "$0" ] && exit 1; exit 7'
    command = ["bash", "-c", script, str(bench.root)]
    with apart(bench, root, command) as process:
        assert process.wait() == 7
    child, own = (int(number) for number in (root / "seen").read_text().split())
    assert own < child < 20
    assert not running_in(root)


@only_root
def test_a_command_apart_that_is_left_early_is_killed_with_all_it_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ctrl-C does."""
    root = small_root(bench, monkeypatch)
    with suppress(KeyboardInterrupt), apart(bench, root, ["bash", "-c", "sleep 300 & wait"]):
        assert wait_until(lambda: len(running_in(root)) == 4), "unshare, 2 shells, sleep"
        raise KeyboardInterrupt
    assert not running_in(root)


def apart(
    bench: Bench, root: Path, command: list[str]
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A command in a root, with no need of any network."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return running_apart(root, "/", command, environment, bench.root / "network.log")


def small_root(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a shell and its libraries, and a program that plays the network."""
    bench.program("slirp4netns", NETWORK)
    monkeypatch.setenv("PATH", bench.environ["PATH"])
    root = bench.root / "small"
    for folder in ("proc", "sys", "dev/pts", "dev/shm", "run", "mnt"):
        (root / folder).mkdir(parents=True)
    (root / "dev" / "null").touch()
    listed = subprocess.run(["ldd", *PROGRAMS], capture_output=True, text=True, check=True)
    libraries = [word for word in listed.stdout.split() if word.startswith("/") and word[-1] != ":"]
    for file in {*PROGRAMS, *libraries}:
        target = registries.at(root, Path(file))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return root


def running_in(root: Path) -> list[str]:
    """The processes whose "/" is this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.path.samefile(entry / "root", root):
                found.append(entry.name)
        except OSError:
            continue
    return found

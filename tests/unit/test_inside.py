"""What is done with volumes, on folders of the test's own and real SQLite files."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bluegreen.data import tools
from bluegreen.data.inside import verbs
from bluegreen.data.inside.store import DUMP, DUMP_SECONDS, Busy, locked
from bluegreen.data.inside.trees import Folders, Refused

TOLD = {"color": "blue", "version": "12.3.0", "reason": "release", "of": "volume", "keep": 0}


@pytest.fixture
def at(tmp_path: Path) -> Folders:
    """The data, what is to be filled, and the snapshots, in a folder of the test's own."""
    found = Folders(tmp_path / "data", tmp_path / "target", tmp_path / "snapshots")
    for folder in (found.data, found.target, found.store):
        folder.mkdir()
    return found


def do(verb: str, at: Folders, **told: Any) -> dict[str, Any]:
    """Do it as in the container."""
    return verbs.run(verb, told, at)


def make_database(at: Folders, rows: int = 3, *, wal: bool = True) -> sqlite3.Connection:
    """A database in /data with so many rows, open as a service's is."""
    connection = sqlite3.connect(at.data / "grafana.db", isolation_level=None)
    connection.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
    for number in range(rows):
        connection.execute("INSERT INTO note (text) VALUES (?)", (f"note {number}",))
    return connection


def count(folder: Path) -> int:
    """Rows in a folder's database."""
    with contextlib.closing(sqlite3.connect(folder / "grafana.db")) as connection:
        found: int = connection.execute("SELECT count(*) FROM note").fetchone()[0]
    return found


@contextlib.contextmanager
def writing(at: Folders) -> Iterator[list[tuple[int, str]]]:
    """Rows are written all through the block, at least 50 before it; raises what the writer met."""
    written: list[tuple[int, str]] = []
    warm, stop = threading.Event(), threading.Event()

    def write() -> None:
        file = at.data / "grafana.db"
        try:
            with contextlib.closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as own:
                while not stop.is_set():
                    own.execute("INSERT INTO note (text) VALUES (strftime('%Y-%m-%dT%H:%M:%f'))")
                    newest = "SELECT id, text FROM note ORDER BY id DESC LIMIT 1"
                    written.append(own.execute(newest).fetchone())
                    if len(written) == 50:
                        warm.set()
        finally:
            warm.set()  # nobody waits for a writer that has failed

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            warm.wait()
            yield written
        finally:
            stop.set()
        writer.result()


def take(at: Folders, **more: Any) -> dict[str, Any]:
    """A snapshot."""
    return do("take", at, **TOLD | more)


@pytest.mark.parametrize("wal", [True, False])
def test_a_snapshot_has_what_is_committed_also_while_it_is_in_use(at: Folders, wal: bool) -> None:
    """What is still in the write-ahead log too; other files, links and modes beside it."""
    with contextlib.closing(make_database(at, wal=wal)):
        (at.data / "plugins").mkdir()
        (at.data / "plugins" / "one").write_text("plugin")
        (at.data / "plugins" / "one").chmod(0o640)
        (at.data / "link").symlink_to("plugins/one")
        taken = take(at)
    files = at.store / taken["id"] / "files"
    assert count(files) == 3
    assert (files / "plugins" / "one").read_text() == "plugin"
    assert (files / "plugins" / "one").stat().st_mode & 0o777 == 0o640
    assert (files / "link").readlink() == Path("plugins/one")
    assert sorted(each.name for each in files.iterdir()) == ["grafana.db", "link", "plugins"]


def test_a_snapshots_identity_is_its_moment(at: Folders) -> None:
    """By it a restore says from when on writes are not in it."""
    taken = take(at)
    assert taken["id"] == taken["at"].replace("-", "").replace(":", "").replace("T", "-").replace(
        ".", "-"
    ).removesuffix("+0000")


def test_writes_go_on_while_a_snapshot_is_taken(at: Folders) -> None:
    """None fails, and what is committed before its moment is in it, nothing else."""
    make_database(at, 0).close()
    with writing(at) as written:
        taken = take(at)
    there = count(at.store / taken["id"] / "files")
    assert 50 <= there < len(written)
    moment = taken["at"][:23]
    assert all(text <= moment for number, text in written if number <= there)


def test_a_damaged_snapshot_is_refused_by_the_files_name(at: Folders) -> None:
    """A changed byte, a missing file, a manifest that was edited."""
    make_database(at).close()
    taken = take(at)
    folder = at.store / taken["id"]
    told = {"id": taken["id"]}
    assert do("verify", at, **told)["schema"] == taken["schema"]
    whole = (folder / "files" / "grafana.db").read_bytes()
    (folder / "files" / "grafana.db").write_bytes(whole[:-1] + b"x")
    with pytest.raises(Refused, match=r"is damaged: grafana.db changed since"):
        do("restore", at, **told)
    assert list(at.target.iterdir()) == []
    (folder / "files" / "grafana.db").unlink()
    with pytest.raises(Refused, match=r"is damaged: grafana.db"):
        do("verify", at, **told)
    (folder / "files" / "grafana.db").write_bytes(whole)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": "1.0.0"}))
    with pytest.raises(Refused, match="its manifest was changed"):
        do("verify", at, **told)
    assert do("list", at)["snapshots"][0]["damaged"]


def test_a_restore_is_a_copy_of_all_of_it(at: Folders) -> None:
    """Into another folder; the snapshot stays."""
    make_database(at).close()
    taken = take(at)
    do("restore", at, id=taken["id"])
    assert count(at.target) == 3
    assert do("verify", at, id=taken["id"])["id"] == taken["id"]


def test_a_clone_replaces_what_is_in_the_target(at: Folders) -> None:
    """Such as what an earlier try that was killed has left."""
    with contextlib.closing(make_database(at)):
        (at.target / "left").mkdir()
        (at.target / "left" / "over").write_text("x")
        do("clone", at)
    assert count(at.target) == 3
    assert not (at.target / "left").exists()


def test_a_full_disk_is_told_before_anything_is_copied(
    at: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is needed, what is free; nothing half done stays."""
    make_database(at, 200).close()
    disk = SimpleNamespace(f_bavail=1, f_frsize=512)
    monkeypatch.setattr(os, "statvfs", lambda _path: disk)
    with pytest.raises(Refused, match=r"no room for it: \d.* MB are needed, 0.0 MB are free"):
        take(at)
    assert list(at.store.iterdir()) == []


def test_a_snapshot_that_fails_on_the_way_leaves_nothing(
    at: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that was killed, once the next is taken."""
    (at.data / "file").write_text("x")
    (at.store / ".part-of-a-killed-one").mkdir()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            take(at)
    assert list(at.store.iterdir()) == []


def test_retention_counts_what_releases_took_and_nothing_else(at: Folders) -> None:
    """Those made by hand, and damaged ones, wait for `prune`."""
    by_hand = take(at, reason="by hand")["id"]
    first, second = take(at)["id"], take(at)["id"]
    assert take(at, keep=2)["removed"] == [first]
    ids = [each["id"] for each in do("list", at)["snapshots"]]
    assert ids[:2] == [by_hand, second]
    assert do("prune", at, keep=1, all=True)["removed"] == ids[:2]


def test_the_schemas_digest_changes_with_a_migration_alone(at: Folders) -> None:
    """Rows do not change it, and a service without a database has none."""
    assert do("schema", at)["schema"] == ""
    with contextlib.closing(make_database(at)) as connection:
        before = do("schema", at)["schema"]
        connection.execute("INSERT INTO note (text) VALUES ('more')")
        assert do("schema", at)["schema"] == before
        connection.execute("ALTER TABLE note ADD COLUMN more TEXT")
        assert do("schema", at)["schema"] != before


def test_an_unknown_snapshot_is_told_with_the_known_ones(at: Folders) -> None:
    """By identity."""
    known = take(at)["id"]
    with pytest.raises(Refused, match=f"there is no snapshot 1; there are: {known}"):
        do("verify", at, id="1")


def write_for(seconds: float, at: Folders, stop: threading.Event, failures: list[str]) -> None:
    """Write without a pause, by a client that waits so long for a lock."""
    file = at.data / "grafana.db"
    with contextlib.closing(sqlite3.connect(file, timeout=seconds, isolation_level=None)) as own:
        while not stop.is_set():
            try:
                own.execute("INSERT INTO note (text) VALUES ('more')")
            except sqlite3.OperationalError as error:
                failures.append(str(error))


def test_writers_wait_only_while_a_database_without_wal_is_copied(
    at: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other files are copied afterwards, however long that takes; the manifest says it."""
    make_database(at, wal=False).close()
    (at.data / "plugin").write_text("x")
    stop, failures = threading.Event(), list[str]()
    writer = threading.Thread(target=write_for, args=(1, at, stop, failures))
    copy = shutil.copyfile

    def slow(source: Path, target: Path) -> None:
        stop.wait(2.5)  # as gigabytes of plugins take
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", slow)
    writer.start()
    taken = take(at)
    stop.set()
    writer.join()
    assert failures == []
    assert 0 < taken["blocked"] < 1
    assert (at.store / taken["id"] / "files" / "plugin").read_text() == "x"


def test_nobody_waits_for_a_snapshot_of_a_database_in_wal_mode(at: Folders) -> None:
    """Said as such, beside one that is not: that one is copied first."""
    make_database(at).close()
    assert take(at)["blocked"] == 0
    with contextlib.closing(sqlite3.connect(at.data / "zz.db")) as other:
        other.execute("CREATE TABLE t (x)")
    assert take(at)["blocked"] > 0


@pytest.mark.parametrize("verb", ["take", "seal", "prune", "restore", "verify"])
def test_two_at_work_on_the_snapshots_never_meet(at: Folders, verb: str) -> None:
    """The second says that it is busy, so that whoever asked can say that it waits."""
    taken = take(at)
    with locked(at.store, alone=True, wait=False), pytest.raises(Busy):
        do(verb, at, **TOLD | {"id": taken["id"]})
    assert [each["id"] for each in do("list", at)["snapshots"]] == [taken["id"]]


def test_who_waits_goes_on_when_the_other_has_ended(at: Folders) -> None:
    """Both snapshots are there."""
    done: list[dict[str, Any]] = []
    with locked(at.store, alone=True, wait=False):
        waiting = threading.Thread(target=lambda: done.append(take(at, wait=True)))
        waiting.start()
        waiting.join(0.2)
        assert not done
    waiting.join()
    assert len(do("list", at)["snapshots"]) == 1


def test_a_snapshot_is_not_removed_while_it_is_restored(at: Folders) -> None:
    """Several may be read at once."""
    taken = take(at)
    with locked(at.store, alone=False, wait=False):
        assert do("verify", at, id=taken["id"])["id"] == taken["id"]
        with pytest.raises(Busy):
            do("prune", at, keep=0, all=True)


def test_what_a_failed_dump_left_is_removed(at: Folders) -> None:
    """At once by whoever made it; else with the next snapshot, when no dump takes so long."""
    mine, old, young = (at.store / f"{DUMP}{name}" for name in ("mine", "old", "young"))
    for folder in (mine, old, young):
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "dump").write_text("half of it")
    do("discard", at, part=mine.name)
    assert not mine.exists()
    long_ago = time.time() - DUMP_SECONDS - 1
    for file in (old, *old.rglob("*")):
        os.utime(file, (long_ago, long_ago))
    take(at)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_look_tells_an_empty_volume(at: Folders) -> None:
    """As Docker makes it of a name whose volume was removed."""
    assert do("look", at) == {"files": 0}
    make_database(at).close()
    assert do("look", at)["files"] == 1


def test_the_modules_go_in_as_one(at: Folders) -> None:
    """With nothing but Python's standard library there, and as the container gets them."""
    told = json.dumps(tools.program())
    start = tools.START.replace("module.main()", "0 if module.Folders() else 1")
    command = [sys.executable, "-I", "-S", "-c", start]
    assert subprocess.run(command, input=told, text=True, cwd=at.data, check=False).returncode == 0

"""What is done with volumes, on folders of the test's own and real SQLite files."""

import contextlib
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bluegreen.data import inside
from bluegreen.data.inside import Refused

TOLD = {"color": "blue", "version": "12.3.0", "reason": "release", "of": "volume", "keep": 0}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/data, /target and /snapshots in a folder of the test's own."""
    for name, place in (("DATA", "data"), ("TARGET", "target"), ("STORE", "snapshots")):
        (tmp_path / place).mkdir()
        monkeypatch.setattr(inside, name, tmp_path / place)


def make_database(rows: int = 3, *, wal: bool = True) -> sqlite3.Connection:
    """A database in /data with so many rows, open as a service's is."""
    connection = sqlite3.connect(inside.DATA / "grafana.db", isolation_level=None)
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
def writing() -> Iterator[list[tuple[int, str]]]:
    """Rows are written all through the block, at least 50 before it; raises what the writer met."""
    written: list[tuple[int, str]] = []
    warm, stop = threading.Event(), threading.Event()

    def write() -> None:
        file = inside.DATA / "grafana.db"
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


def take(**more: Any) -> dict[str, Any]:
    """A snapshot."""
    return inside.take(TOLD | more)


@pytest.mark.parametrize("wal", [True, False])
def test_a_snapshot_has_what_is_committed_also_while_it_is_in_use(wal: bool) -> None:
    """What is still in the write-ahead log too; other files, links and modes beside it."""
    with contextlib.closing(make_database(wal=wal)):
        (inside.DATA / "plugins").mkdir()
        (inside.DATA / "plugins" / "one").write_text("plugin")
        (inside.DATA / "plugins" / "one").chmod(0o640)
        (inside.DATA / "link").symlink_to("plugins/one")
        taken = take()
    files = inside.STORE / taken["id"] / "files"
    assert count(files) == 3
    assert (files / "plugins" / "one").read_text() == "plugin"
    assert (files / "plugins" / "one").stat().st_mode & 0o777 == 0o640
    assert (files / "link").readlink() == Path("plugins/one")
    assert sorted(each.name for each in files.iterdir()) == ["grafana.db", "link", "plugins"]


def test_a_snapshots_identity_is_its_moment() -> None:
    """By it a restore says from when on writes are not in it."""
    taken = take()
    assert taken["id"] == taken["at"].replace("-", "").replace(":", "").replace("T", "-").replace(
        ".", "-"
    ).removesuffix("+0000")


def test_writes_go_on_while_a_snapshot_is_taken() -> None:
    """None fails, and what is committed before its moment is in it, nothing else."""
    make_database(0).close()
    with writing() as written:
        taken = take()
    there = count(inside.STORE / taken["id"] / "files")
    assert 50 <= there < len(written)
    moment = taken["at"][:23]
    assert all(text <= moment for number, text in written if number <= there)


def test_a_damaged_snapshot_is_refused_by_the_files_name() -> None:
    """A changed byte, a missing file, a manifest that was edited."""
    make_database().close()
    taken = take()
    folder = inside.STORE / taken["id"]
    told = {"id": taken["id"]}
    assert inside.verify(told)["schema"] == taken["schema"]
    whole = (folder / "files" / "grafana.db").read_bytes()
    (folder / "files" / "grafana.db").write_bytes(whole[:-1] + b"x")
    with pytest.raises(Refused, match=r"is damaged: grafana.db changed since"):
        inside.restore(told)
    assert list(inside.TARGET.iterdir()) == []
    (folder / "files" / "grafana.db").unlink()
    with pytest.raises(Refused, match=r"is damaged: grafana.db"):
        inside.verify(told)
    (folder / "files" / "grafana.db").write_bytes(whole)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": "1.0.0"}))
    with pytest.raises(Refused, match="its manifest is not what was written"):
        inside.verify(told)
    assert inside.list_({})["snapshots"][0]["damaged"]


def test_a_restore_is_a_copy_of_all_of_it() -> None:
    """Into another folder; the snapshot stays."""
    make_database().close()
    taken = take()
    inside.restore({"id": taken["id"]})
    assert count(inside.TARGET) == 3
    assert inside.verify({"id": taken["id"]})["id"] == taken["id"]


def test_a_clone_replaces_what_is_in_the_target() -> None:
    """Such as what an earlier try that was killed has left."""
    with contextlib.closing(make_database()):
        (inside.TARGET / "left").mkdir()
        (inside.TARGET / "left" / "over").write_text("x")
        inside.clone({})
    assert count(inside.TARGET) == 3
    assert not (inside.TARGET / "left").exists()


def test_a_full_disk_is_told_before_anything_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed, what is free; nothing half done stays."""
    make_database(200).close()
    disk = SimpleNamespace(f_bavail=1, f_frsize=512)
    monkeypatch.setattr(os, "statvfs", lambda _path: disk)
    with pytest.raises(Refused, match=r"no room for it: \d.* MB are needed, 0.0 MB are free"):
        take()
    assert list(inside.STORE.iterdir()) == []


def test_a_snapshot_that_fails_on_the_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that was killed, once the next is taken."""
    (inside.DATA / "file").write_text("x")
    (inside.STORE / ".part-of-a-killed-one").mkdir()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            take()
    assert list(inside.STORE.iterdir()) == []


def test_retention_counts_what_releases_took_and_nothing_else() -> None:
    """Those made by hand, and damaged ones, wait for `prune`."""
    by_hand = take(reason="by hand")["id"]
    first, second = take()["id"], take()["id"]
    assert take(keep=2)["removed"] == [first]
    ids = [each["id"] for each in inside.list_({})["snapshots"]]
    assert ids[:2] == [by_hand, second]
    assert inside.prune({"keep": 1, "all": True})["removed"] == ids[:2]


def test_the_schemas_digest_changes_with_a_migration_alone() -> None:
    """Rows do not change it, and a service without a database has none."""
    assert inside.schema({})["schema"] == ""
    with contextlib.closing(make_database()) as connection:
        before = inside.schema({})["schema"]
        connection.execute("INSERT INTO note (text) VALUES ('more')")
        assert inside.schema({})["schema"] == before
        connection.execute("ALTER TABLE note ADD COLUMN more TEXT")
        assert inside.schema({})["schema"] != before


def test_an_unknown_snapshot_is_told_with_the_known_ones() -> None:
    """By identity."""
    known = take()["id"]
    with pytest.raises(Refused, match=f"there is no snapshot 1; there are: {known}"):
        inside.verify({"id": "1"})

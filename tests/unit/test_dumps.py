"""Dumps of an external database, by a `docker` of the tests' own."""

import re

import pytest

from bluegreen.config.database import Database
from bluegreen.data.dumps import take_dump
from bluegreen.data.inside.store import DUMP
from bluegreen.errors import DataFailed
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_settings

URL = "postgres://grafana:secret@db/grafana"


def test_what_a_failed_dump_left_is_removed_at_once(fake_docker: FakeDocker) -> None:
    """By the name of its folder; what is told is why the dump failed, not that."""
    settings = make_settings(database_url=URL, secrets=["database_url"])
    fake_docker.does("volume", "exit 0")
    # The client gets a script on standard input: the check of the database passes, the dump fails.
    fake_docker.does(
        "run",
        'given=$(cat); case "$given" in *pg_dump*) echo "No space left on device" >&2; exit 1 ;; '
        '*psql*) echo 1a2b ;; *) echo "{}" ;; esac',
    )
    live = {"color": "blue", "version": "12.4.0"}
    with pytest.raises(DataFailed, match="No space left on device") as failed:
        take_dump(
            settings.docker,
            settings.data,
            "shop-dev",
            Database.from_url(URL),
            live,
            reason="release",
        )
    assert "secret" not in str(failed.value)
    (removal,) = [line for line in fake_docker.asked() if " discard " in line]
    assert re.search(rf'"part": "{DUMP}\d{{8}}-\d{{6}}-\d{{6}}"', removal)

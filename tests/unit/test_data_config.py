"""The part of the config that is about the data: modes, defaults, mistakes."""

from typing import Any

import pytest

from bluegreen.config import defaults
from bluegreen.config.database import Database
from bluegreen.data.environment import environment, is_secret
from bluegreen.errors import ConfigError
from tests.unit.examples import make_settings

URL = "postgres://grafana:p%40ss@db.example.com:6543/grafana?sslmode=require"


@pytest.mark.parametrize(
    ("raw", "mode"),
    [({}, "shared"), ({"data_path": ""}, "none"), ({"database_url": URL}, "external")],
)
def test_the_mode_follows_from_what_is_set(raw: dict[str, Any], mode: str) -> None:
    """Nobody needs to name it who has one."""
    assert make_settings(secrets=["database_url"], **raw).data.mode == mode


@pytest.mark.parametrize(
    ("raw", "mistakes"),
    [
        ({"data": {"mode": "twice"}}, ['data.mode: is "twice"; allowed: shared or clone or']),
        ({"data": {"mod": "x"}}, ["data.mod: there is no such key; did you mean data.mode?"]),
        ({"data": {"mode": "clone"}, "data_path": ""}, ["data_path: missing; allowed: an absol"]),
        ({"data": {"mode": "none"}, "data_path": "/x"}, ['data.mode: is "none"; allowed: sha']),
        ({"data": {"mode": "external"}}, ["database_url: missing; allowed: postgres://"]),
        ({"data": {"mode": "clone", "block_writes": False}}, ["data.block_writes: is false; all"]),
        ({"data": {"keep": -1}}, ["data.keep: is -1; allowed: snapshots (0: all) from 0"]),
        ({"data": {"copy": "../x"}}, ['data.copy: is "../x"; allowed: the name of a copy']),
        ({"data": {"reads": ["x"]}}, ['data.reads: is ["x"]; allowed: a list of paths']),
    ],
)
def test_each_mistake_is_told_by_key(raw: dict[str, Any], mistakes: list[str]) -> None:
    """With the value, and what is allowed."""
    with pytest.raises(ConfigError) as told:
        make_settings(**raw)
    for mistake in mistakes:
        assert mistake in str(told.value)


@pytest.mark.parametrize("url", ["secret", "http://u:secret@h/d", "postgres://u:secret@h", ""])
def test_a_wrong_url_is_never_shown(url: str) -> None:
    """Not even in the mistake that tells it."""
    with pytest.raises(ConfigError) as told:
        make_settings(secrets=["database_url"], database_url=url, data={"mode": "external"})
    assert "database_url: " in str(told.value)
    assert "secret@" not in str(told.value)


def test_a_url_must_be_a_secret() -> None:
    """Said with the command that makes it one."""
    with pytest.raises(ConfigError, match="a secret: pulumi config set --secret database_url"):
        make_settings(database_url=URL)


def test_a_url_is_taken_apart_and_put_together() -> None:
    """Escaped characters, port and options survive; a copy is a database beside it."""
    database = Database.from_url(URL)
    assert (database.password, database.port, database.name) == ("p@ss", 6543, "grafana")
    assert database.url == URL
    assert database.where == "PostgreSQL database grafana on db.example.com:6543"
    assert database.copy("20310101-0-r1").name == "grafana_20310101_0_r1"
    assert "p@ss" not in repr(database)
    assert Database.from_url("mysql://u:p@h/d").port == 3306


def test_sqlite_is_told_to_let_readers_and_a_writer_work() -> None:
    """Unless the stack's env says otherwise, or the data is not Grafana's."""
    assert environment(make_settings(), "")["GF_DATABASE_WAL"] == "true"
    chosen = make_settings(env={"GF_DATABASE_WAL": "false"})
    assert environment(chosen, "")["GF_DATABASE_WAL"] == "false"
    assert environment(make_settings(data_path="/data"), "") == {}


def test_a_service_is_told_its_database_in_secret() -> None:
    """In the variable that it reads; its migrations take a lock."""
    found = make_settings(secrets=["database_url"], database_url=URL)
    assert is_secret(found)
    variables = environment(found, "a")
    assert variables[defaults.URL_ENV].endswith("/grafana_a?sslmode=require")
    assert variables["GF_DATABASE_MIGRATION_LOCKING"] == "true"
    assert "GF_DATABASE_LOCKING_ATTEMPT_TIMEOUT_SEC" not in variables, "for several replicas only"
    assert "p%40ss" not in repr(found)
    other = make_settings(secrets=["database_url"], database_url=URL, data={"url_env": "DB"})
    assert set(environment(other, "")) == {"DB"}

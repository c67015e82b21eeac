"""What happens while the database is locked, away, without our tables, or another one."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.db.backends.signals import connection_created
from pytest_django import DjangoDbBlocker

from llmtrace.exceptions import ConfigurationError
from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.store.connection import StoreConnection
from llmtrace.store.writer import MOVED
from tests.databases import ENGINES, new_database
from tests.services import SERVERS, require_or_skip
from tests.store.conftest import Store
from tests.store.making import ended


@pytest.fixture(autouse=True)
def allowed(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def configured(alias: str, **changes: Any) -> StoreConnection:
    """Change the settings of `alias` before anybody connects."""
    connections.settings[alias].update(changes)
    return StoreConnection(alias)


def test_a_locked_sqlite_file_is_tried_again_later(tmp_path: Path) -> None:
    with new_database("sqlite", tmp_path) as alias:
        configured(alias, OPTIONS={"timeout": 0.05})
        store, span = Store(alias), ended()
        with closing(sqlite3.connect(store.connection.name(), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RetryLater, match="database is locked"):
                store.write(span)
            other.execute("ROLLBACK")
        assert store.write(span) == Exported(1)
        store.connection.close()


def test_a_reader_that_keeps_sqlite_from_committing_costs_no_span(tmp_path: Path) -> None:
    with new_database("sqlite", tmp_path) as alias:
        configured(alias, OPTIONS={"timeout": 0.05})
        store, span = Store(alias), ended()
        store.write(ended())
        with closing(sqlite3.connect(store.connection.name(), isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM llmtrace_span")
            with pytest.raises(RetryLater, match="database is locked"):
                store.write(span)
            other.execute("ROLLBACK")
        assert store.write(span) == Exported(1)
        assert len(store.spans()) == 2
        store.connection.close()


def test_a_locked_postgresql_table_is_tried_again_later(tmp_path: Path) -> None:
    with new_database("postgres", tmp_path) as alias:
        configured(alias, OPTIONS={"options": "-c lock_timeout=50ms"})
        store = Store(alias)
        with psycopg.connect(f"{SERVERS['postgres']}/{store.connection.name()}") as other:
            other.execute("LOCK TABLE llmtrace_span IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(RetryLater, match="lock timeout"):
                store.write(ended())
        assert store.write(ended()) == Exported(1)
        store.connection.close()


@pytest.mark.parametrize("engine", ["postgres", "mariadb"])
def test_a_connection_that_died_unseen_is_opened_again_and_the_batch_repeated(engine: str, tmp_path: Path) -> None:
    with new_database(engine, tmp_path) as alias:
        store = Store(alias)
        store.write(ended())
        kill_connections(store)
        assert store.write(ended()) == Exported(1)
        assert len(store.spans()) == 2
        store.connection.close()


@pytest.mark.parametrize("engine", ["postgres", "mariadb"])
def test_a_connection_to_a_server_that_takes_no_writes_any_more_is_not_kept(engine: str, tmp_path: Path) -> None:
    with new_database(engine, tmp_path) as alias:
        store, span = Store(alias), ended()
        store.write(ended())
        wrapper = store.connection.open(store.connection.name())
        session = "SESSION CHARACTERISTICS AS" if engine == "postgres" else "SESSION"
        with closing(wrapper.connection.cursor()) as cursor:
            cursor.execute(f"SET {session} TRANSACTION READ ONLY")  # as all connections to the old server are
        with pytest.raises(RetryLater, match=r"(?i)read.only transaction"):
            store.write(span)
        assert store.write(span) == Exported(1)
        assert len(store.spans()) == 2
        store.connection.close()


def kill_connections(store: Store) -> None:
    """End all connections to the store's database but the host's."""
    with connections[store.alias].cursor() as cursor:
        if connections[store.alias].vendor == "postgresql":
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchall() == [(True,)]
        else:
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            )
            [(ours,)] = cursor.fetchall()
            cursor.execute(f"KILL {ours}")


def test_a_server_that_is_away_is_tried_again_later() -> None:
    require_or_skip("postgres")
    with new_database("postgres", Path()) as alias:
        store, port = Store(alias), connections.settings[alias]["PORT"]
        connections.settings[alias]["PORT"] = 1
        with pytest.raises(RetryLater, match="refused"):
            store.write(ended())
        connections.settings[alias]["PORT"] = port
        assert store.write(ended()) == Exported(1)
        store.connection.close()


@pytest.mark.parametrize("options", [{}, {"connect_timeout": 2}])
@pytest.mark.timeout(30)
def test_a_server_that_accepts_and_says_nothing_is_tried_again_later(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that the project's own options give is kept."""
    monkeypatch.setattr("llmtrace.store.connection.CONNECT_S", 3600 if options else 2)
    with new_database("postgres", tmp_path) as alias, socket.create_server(("127.0.0.1", 0)) as silent:
        configured(alias, PORT=silent.getsockname()[1], OPTIONS=options)
        with pytest.raises(RetryLater):
            Store(alias).write(ended())


def test_a_database_that_is_dropped_is_tried_again_later(tmp_path: Path) -> None:
    with new_database("postgres", tmp_path) as alias:
        store = Store(alias)
        store.write(ended())
        with psycopg.connect(f"{SERVERS['postgres']}/postgres", autocommit=True) as other:
            other.execute(f"DROP DATABASE {store.connection.name()} WITH (FORCE)")
            with pytest.raises(RetryLater, match="does not exist"):
                store.write(ended())
            connections[alias].close()
            other.execute(f"CREATE DATABASE {store.connection.name()}")
        with pytest.raises(RetryLater, match="no tables"):
            store.write(ended())
        store.connection.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_database_without_our_tables_says_which_command_makes_them(engine: str, tmp_path: Path) -> None:
    with new_database(engine, tmp_path, migrate=False) as alias:
        store = Store(alias)
        with pytest.raises(RetryLater, match=rf"run manage\.py migrate llmtrace --database={alias}$"):
            store.write(ended())
        store.connection.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_goes_to_no_other_database_than_the_one_of_its_spans(engine: str, tmp_path: Path) -> None:
    with new_database(engine, tmp_path) as first, new_database(engine, tmp_path) as second:
        store, settings = Store(first), connections.settings[first]
        name, other = settings["NAME"], connections.settings[second]["NAME"]
        assert store.writer.write([ended()], name).sent == 1
        settings["NAME"] = other  # as a test runner does when it has made its database
        assert store.writer.write([ended()], name) == Exported(0, {MOVED: 1})
        assert store.writer.write([ended()], other) == Exported(1)
        settings["NAME"] = name  # as it does in the end
        assert store.writer.write([ended()], other) == Exported(0, {MOVED: 1})
        store.connection.close()
        assert (len(Store(first).spans()), len(Store(second).spans())) == (1, 1)


@pytest.mark.parametrize("name", [":memory:", "file:memorydb_default?mode=memory&cache=shared"])
def test_a_database_in_memory_is_left_alone(name: str, tmp_path: Path) -> None:
    with new_database("sqlite", tmp_path, migrate=False) as alias:
        configured(alias, NAME=name)
        store = Store(alias)
        outcome = store.write(ended(), ended())
        assert (outcome.sent, list(outcome.refused.values())) == (0, [2])
        assert not store.connection.is_open


def test_the_hosts_connection_pool_is_not_drawn_upon(tmp_path: Path) -> None:
    with new_database("postgres", tmp_path) as alias:
        connections[alias].close()
        configured(alias, OPTIONS={"pool": True})  # needs a package that isn't installed: the host's own would fail
        store = Store(alias)
        assert store.write(ended()) == Exported(1)
        store.connection.close()
        configured(alias, OPTIONS={})


def test_an_unknown_database_is_named_when_the_exporter_is_made() -> None:
    with pytest.raises(ConfigurationError, match=r'"alias" of llmtrace\.exporters\.Database names "nowhere"'):
        StoreConnection("nowhere")


def test_a_handler_of_the_host_that_fails_on_new_connections_costs_no_span(tmp_path: Path) -> None:
    def broken(**_: object) -> None:
        raise ValueError

    with new_database("sqlite", tmp_path) as alias:
        store = Store(alias)
        connection_created.connect(broken)
        try:
            with pytest.raises(RetryLater, match=r"^no connection to the database: ValueError$"):
                store.write(ended())
        finally:
            connection_created.disconnect(broken)
        assert store.write(ended()) == Exported(1)
        store.connection.close()

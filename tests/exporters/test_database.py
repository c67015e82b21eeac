"""The database exporter in its pipe, and under processors of others."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.test import override_settings
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from pytest_django import DjangoDbBlocker

from llmtrace.exporters import Database
from llmtrace.models import Span
from llmtrace.pipeline.fanout import FanOut
from llmtrace.pipeline.outcome import Closing, Moving
from llmtrace.store.writer import MOVED
from tests.databases import new_database
from tests.store.making import CALL
from tests.waiting import until


@pytest.fixture(autouse=True)
def allowed(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@contextmanager
def provider(alias: str) -> Iterator[tuple[TracerProvider, FanOut]]:
    """A tracer provider whose spans go to the database `alias` through a pipe."""
    entry: dict[str, Any] = {
        "BACKEND": "llmtrace.exporters.Database",
        "OPTIONS": {"alias": alias},
        "SPANS": "all",
        "QUEUE": {"delay": 0.01},
    }
    with override_settings(LLMTRACE={"EXPORTERS": [entry], "REDACT": False}):
        fan_out = FanOut()
        made = TracerProvider(shutdown_on_exit=False)
        made.add_span_processor(fan_out)
        yield made, fan_out
        made.shutdown()


def end_one(made: TracerProvider, name: str) -> None:
    attributes = {key: value for key, value in CALL.items() if isinstance(value, (str, int, float))}
    made.get_tracer("tests").start_span(name, attributes=attributes).end()


def names(alias: str) -> list[str]:
    return sorted(Span.objects.using(alias).values_list("name", flat=True))


def test_what_ends_is_in_the_database_when_a_flush_returns(fresh_database: str) -> None:
    with provider(fresh_database) as (made, fan_out):
        end_one(made, "first")
        end_one(made, "second")
        assert made.force_flush()
        assert names(fresh_database) == ["first", "second"]
        account = fan_out.accounts()["Database"]
        assert (account.ended, account.sent, account.waiting) == (2, 2, 0)


def backends(alias: str) -> int:
    """How many connections the server has to the database."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_no_connection_is_kept_that_would_hold_up_the_end_of_a_test_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.pipeline.worker.IDLE_S", 3600)
    with new_database("postgres", tmp_path) as alias, provider(alias) as (made, _):
        end_one(made, "one")
        assert made.force_flush()
        until(lambda: backends(alias) == 1, "the server has seen every connection end but the test's own")


def test_spans_wait_while_the_database_is_locked_and_arrive_then(tmp_path: Path) -> None:
    with new_database("sqlite", tmp_path) as alias:
        connections.settings[alias]["OPTIONS"] = {"timeout": 0.02}
        with (
            provider(alias) as (made, fan_out),
            closing(sqlite3.connect(connections.settings[alias]["NAME"], isolation_level=None)) as other,
        ):
            other.execute("BEGIN IMMEDIATE")
            end_one(made, "patient")
            until(lambda: fan_out.accounts()["Database"].last_error, "the pipe meets the lock")
            assert "database is locked" in (fan_out.accounts()["Database"].last_error or "")
            assert fan_out.accounts()["Database"].waiting == 1
            other.execute("ROLLBACK")
            assert made.force_flush()
            assert names(alias) == ["patient"]


def test_one_line_says_that_tables_are_missing_and_spans_wait_for_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with new_database("sqlite", tmp_path, migrate=False) as alias, provider(alias) as (made, fan_out):
        end_one(made, "early")
        until(lambda: fan_out.accounts()["Database"].last_error, "the pipe meets the empty database")
        end_one(made, "\0 hostile \ud800")
        assert not made.force_flush(500)
        [line] = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert line.endswith(f"no tables of llmtrace in it: run manage.py migrate llmtrace --database={alias}")
        call_command("migrate", "llmtrace", database=alias, verbosity=0)
        assert made.force_flush()
        assert names(alias) == ["early", "\ufffd hostile \ufffd"]
        assert fan_out.accounts()["Database"].dropped == {}


def test_spans_of_a_test_database_that_has_gone_are_written_nowhere_else(tmp_path: Path) -> None:
    with (
        new_database("sqlite", tmp_path) as developers,
        new_database("sqlite", tmp_path) as tests,
    ):
        settings = connections.settings[developers]
        own, other = settings["NAME"], connections.settings[tests]["NAME"]
        with provider(developers) as (made, fan_out):
            end_one(made, "before the tests")
            assert made.force_flush()
            settings["NAME"] = other
            end_one(made, "in a test")
            settings["NAME"] = own
            assert made.force_flush()
            assert fan_out.accounts()["Database"].dropped == {MOVED: 1}
            assert (names(developers), names(tests)) == (["before the tests"], [])


@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_it_is_an_exporter_that_processors_of_others_take(processor: type[Any], fresh_database: str) -> None:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(processor(Database(fresh_database)))
    if connections[fresh_database].vendor == "sqlite":  # which has one writer, and this thread would be it
        end_one(made, "plain")
    else:
        with transaction.atomic(fresh_database):
            end_one(made, "plain")
            made.force_flush()
            transaction.set_rollback(True, fresh_database)
    made.shutdown()
    assert names(fresh_database) == ["plain"]


def test_where_a_span_belongs_is_a_look_up(fresh_database: str) -> None:
    exporter = Database(fresh_database)
    assert isinstance(exporter, Moving)
    assert isinstance(exporter, Closing)
    assert exporter.destination() == connections.settings[fresh_database]["NAME"]
    start = time.thread_time()  # not what other threads and processes take meanwhile
    for _ in range(1000):
        exporter.destination()
    assert time.thread_time() - start < 0.05

"""The tables of ledgers and running spans follow what the processes know, on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import Error
from django.test import override_settings
from opentelemetry.sdk.trace import ReadableSpan
from pytest_django import DjangoDbBlocker

from llmtrace.models import Ledger, RunningSpan, Span
from llmtrace.pipeline.account import DIED
from llmtrace.pipeline.ledgers import Entry
from llmtrace.store import board, health
from llmtrace.store.board import Board
from llmtrace.store.connection import StoreConnection
from llmtrace.store.health import Account
from llmtrace.store.retention import Retention
from llmtrace.store.running import IS_LOST, IS_RUNNING, running
from llmtrace.store.writer import Writer
from tests.databases import new_database
from tests.store.making import CALL, START, context, ended

NOW = datetime.now(UTC)
CALL_MODEL = CALL["gen_ai.response.model"]
ACCOUNT = Account(10, 4, 5, {"queue full": 1}, 0, "the backend answered 503", NOW, spooled=3)


@pytest.fixture
def alias(fresh_database: str) -> Iterator[str]:
    """A database that the setting names."""
    with override_settings(LLMTRACE=settings(fresh_database)):
        yield fresh_database


def settings(alias: str) -> dict[str, Any]:
    return {"DATABASE": alias, "EXPORTERS": [{"BACKEND": "llmtrace.exporters.Database"}]}


def entry(process: str = "there-1-a", account: Account = ACCOUNT, alive: bool = True) -> Entry:
    return Entry(process, "collector", account, alive, NOW - timedelta(hours=1))


def kept(alias: str) -> list[tuple[Any, ...]]:
    return list(
        Ledger.objects.using(alias).order_by("process").values_list("folder", "process", "ended", "sent", "waiting")
    )


def open_span(number: int) -> ReadableSpan:
    return ended(CALL, name="recommend_book", context_=context(1, number))


def test_rows_are_inserted_updated_and_deleted(alias: str) -> None:
    shown = Board()
    shown.follow("folder 1", [entry(), entry("there-2-b", alive=False)], "here-1-a", [])
    Board().follow("folder 2", [entry("elsewhere-1-a")], "elsewhere-1-a", [])
    [row] = Ledger.objects.using(alias).filter(process="there-1-a")
    assert (row.exporter, row.spooled, row.dropped, row.failed_closed) == ("collector", 3, {"queue full": 1}, 0)
    assert (row.last_error, row.last_error_at, row.alive) == ("the backend answered 503", NOW, True)
    assert row.seen_at >= NOW

    shown.follow("folder 1", [entry(account=replace(ACCOUNT, sent=9, waiting=0))], "here-1-a", [])
    assert kept(alias) == [("folder 2", "elsewhere-1-a", 10, 4, 5), ("folder 1", "there-1-a", 10, 9, 0)]


def test_who_takes_the_task_over_clears_up_what_was_left(alias: str) -> None:
    Board().follow("folder 1", [entry("there-1-a"), entry("there-2-b")], "here-1-a", [])
    Board().follow("folder 1", [entry("there-2-b")], "here-2-b", [])
    assert kept(alias) == [("folder 1", "there-2-b", 10, 4, 5)]


def test_what_is_alive_is_written_again_from_time_to_time(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, entries = Board(), [entry("there-1-a"), entry("there-2-b", alive=False)]
    shown.follow("folder 1", entries, "here-1-a", [open_span(1)])
    long_ago = NOW - timedelta(days=1)
    for model in (Ledger, RunningSpan):
        model._default_manager.using(alias).update(seen_at=long_ago)
    shown.follow("folder 1", entries, "here-1-a", [open_span(1)])
    assert set(Ledger.objects.using(alias).values_list("seen_at", flat=True)) == {long_ago}
    monkeypatch.setattr(board, "HEARTBEAT_S", -1.0)
    shown.follow("folder 1", entries, "here-1-a", [open_span(1)])
    seen = dict(Ledger.objects.using(alias).values_list("process", "seen_at"))
    assert seen["there-1-a"] > long_ago == seen["there-2-b"]
    assert RunningSpan.objects.using(alias).get().seen_at > long_ago


def test_an_open_span_is_there_until_it_has_ended(alias: str) -> None:
    shown = Board()
    shown.follow("folder 1", None, "here-1-a", [open_span(1), open_span(2)])
    [first, second] = RunningSpan.objects.using(alias).order_by("span_id")
    assert (first.process, first.name, first.model, first.user_id) == ("here-1-a", "recommend_book", CALL_MODEL, "42")
    assert first.started_at == START
    shown.follow("folder 1", None, "here-1-a", [open_span(2)])
    assert list(RunningSpan.objects.using(alias)) == [second]


def test_open_spans_run_or_are_lost_when_their_process_is_silent(alias: str) -> None:
    Board().follow("folder 1", None, "here-1-a", [open_span(1), open_span(2)])
    RunningSpan.objects.using(alias).filter(span_id__endswith="2").update(seen_at=NOW - timedelta(minutes=5))
    found = {span.span_id[-1]: span for span in running()}
    assert (found["1"].outcome, found["2"].outcome) == (IS_RUNNING, IS_LOST)
    assert found["1"].pk is None
    assert found["1"].duration_ms > found["2"].duration_ms > 0
    assert running("f" * 32) == []


def test_a_span_that_is_stored_does_not_run(alias: str) -> None:
    shown = Board()
    shown.follow("folder 1", None, "here-1-a", [open_span(1), open_span(2)])
    connection = StoreConnection()
    Writer(connection).write([open_span(1)], connection.name())
    connection.close()
    assert Span.objects.using(alias).count() == 1
    assert [span.span_id[-1] for span in running()] == ["2"]


def test_numbers_of_others_are_read_from_the_table(alias: str) -> None:
    Board().follow("folder 1", [entry("there-1-a"), entry("there-2-b")], "here-1-a", [])
    Ledger.objects.using(alias).filter(process="there-2-b").update(seen_at=NOW - timedelta(minutes=5))
    alive, silent = health.read().entries
    assert (alive.alive, alive.account) == (True, ACCOUNT)
    assert not silent.alive
    assert (silent.account.waiting, silent.account.dropped) == (3, {"queue full": 1, DIED: 2})


def test_what_was_not_heard_of_for_long_is_pruned(alias: str) -> None:
    Board().follow("folder 1", [entry("there-1-a"), entry("there-2-b")], "here-1-a", [open_span(1), open_span(2)])
    long_ago = NOW - timedelta(days=31)
    Ledger.objects.using(alias).filter(process="there-1-a").update(seen_at=long_ago)
    RunningSpan.objects.using(alias).filter(span_id__endswith="1").update(seen_at=long_ago)
    Retention(None, None, alias).prune()
    assert Ledger.objects.using(alias).count() == RunningSpan.objects.using(alias).count() == 2
    Retention(30, None, alias).prune()
    assert Ledger.objects.using(alias).get().process == "there-2-b"
    assert RunningSpan.objects.using(alias).get().span_id.endswith("2")


@pytest.mark.parametrize("engine", ["sqlite", "postgres", "mariadb"])
def test_what_could_not_be_written_is_written_later(
    engine: str, tmp_path: Any, django_db_blocker: DjangoDbBlocker
) -> None:
    with (
        django_db_blocker.unblock(),
        new_database(engine, tmp_path, migrate=False) as alias,
        override_settings(LLMTRACE=settings(alias)),
    ):
        shown = Board()
        with pytest.raises(Error):
            shown.follow("folder 1", [entry()], "here-1-a", [open_span(1)])
        assert health.read().away is not None
        call_command("migrate", "llmtrace", database=alias, verbosity=0)
        shown.follow("folder 1", [entry()], "here-1-a", [open_span(1)])
        assert kept(alias) == [("folder 1", "there-1-a", 10, 4, 5)]
        assert len(running()) == 1


def test_a_hosts_own_sqlite_file_is_left_alone_unless_spans_are_kept_there(fresh_database: str) -> None:
    elsewhere = {"BACKEND": "opentelemetry.sdk.trace.export.ConsoleSpanExporter"}
    with override_settings(LLMTRACE={"DATABASE": fresh_database, "EXPORTERS": [elsewhere]}):
        shown = Board()
        assert shown.is_wanted() is not shown._connection.is_sqlite()
    with override_settings(LLMTRACE=settings(fresh_database)):
        assert Board().is_wanted()


def test_times_are_those_of_a_project_without_zones(alias: str) -> None:
    with override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin"):
        Board().follow("folder 1", [entry()], "here-1-a", [open_span(1)])
        [found] = health.read().entries
        assert found.alive
        assert found.account.last_error_at == NOW
        assert [span.outcome for span in running()] == [IS_RUNNING]

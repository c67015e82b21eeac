"""What was ended is in the database, on each engine, and the host notices nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import override_settings
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Status, StatusCode

from llmtrace import semconv
from llmtrace.models import SpanContent
from llmtrace.pipeline.outcome import Exported
from tests.store.conftest import Store
from tests.store.making import ANSWER, CALL, QUESTION, START, START_NS, context, ended


def test_a_span_is_read_back_as_it_ended(store: Store) -> None:
    span = ended(parent=context(span_id=7))
    assert store.write(span) == Exported(1)
    [row] = store.spans()
    assert (row.trace_id, row.span_id) == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert (row.parent_id, row.started_at, row.duration_ms) == ("0000000000000007", START, 250.0)
    assert (row.name, row.kind, row.status) == ("recommend_book", "CLIENT", "UNSET")
    assert (row.cost_nano_usd, row.input_tokens, row.outcome) == (123_000, 12, None)
    assert row.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert row.content.load() == {name: value for name, value in CALL.items() if name not in row.attributes}
    assert row.content.load()["gen_ai.input.messages"] == QUESTION
    assert row.content.load()["gen_ai.output.messages"] == ANSWER


def test_a_span_without_content_has_no_content_row(store: Store) -> None:
    store.write(ended({"http.route": "/books"}))
    [row] = store.spans()
    assert row.attributes["http.route"] == "/books"
    assert not SpanContent.objects.using(store.alias).exists()


def test_the_same_span_twice_keeps_one(store: Store) -> None:
    first, second = [ended(), ended()], [ended(), ended()]
    assert store.write(*first, first[0]) == Exported(3)
    assert store.write(second[0], *first, second[1]) == Exported(4)
    assert {row.span_id for row in store.spans()} == {f"{s.context.span_id:016x}" for s in (*first, *second)}
    assert all(row.content.load()["gen_ai.output.messages"] == ANSWER for row in store.spans())
    assert SpanContent.objects.using(store.alias).count() == 4


def test_a_whole_span_takes_the_place_of_an_incomplete_one_whichever_comes_first(store: Store) -> None:
    """The stead of a process that was killed is taken before what it had on disk comes, or after."""
    whole, others = [ended(), ended()], [ended(), ended(), ended()]
    shorts = [
        ended({semconv.INCOMPLETE: True, "x": f'"{semconv.INCOMPLETE}":true'}, context_=each.context) for each in whole
    ]
    about = ended({"x": f'"{semconv.INCOMPLETE}":true'})
    store.write(shorts[0], others[0], whole[1], about)
    assert store.write(others[1], whole[0], others[0], shorts[1], about, others[2]) == Exported(6)
    assert store.write(*shorts) == Exported(2)
    rows = {row.span_id: row for row in store.spans()}
    assert len(rows) == len(store.spans()) == 6
    for span in (*whole, *others):
        row = rows[f"{span.context.span_id:016x}"]
        assert semconv.INCOMPLETE not in row.attributes
        assert row.content.load()["gen_ai.output.messages"] == ANSWER
    assert SpanContent.objects.using(store.alias).count() == 5


def test_an_incomplete_span_is_kept_as_long_as_there_is_no_other(store: Store) -> None:
    short = ended({semconv.INCOMPLETE: True})
    store.write(short)
    store.write(short, ended())
    assert [row.attributes.get(semconv.INCOMPLETE) for row in store.spans()] == [True, None]


@pytest.mark.parametrize("first", ["whole", "incomplete"])
def test_of_a_whole_and_an_incomplete_span_in_one_batch_the_whole_one_is_kept(store: Store, first: str) -> None:
    whole = ended()
    short = ended({semconv.INCOMPLETE: True}, context_=whole.context)
    store.write(*((whole, short) if first == "whole" else (short, whole)), ended())
    rows = {row.span_id: row for row in store.spans()}
    assert len(rows) == len(store.spans()) == 2
    assert all(semconv.INCOMPLETE not in row.attributes for row in rows.values())
    assert all(row.content.load()["gen_ai.output.messages"] == ANSWER for row in rows.values())


HOSTILE = "tab\tline\nreturn\rslash\\N \\. quote'\" nul\0 half\ud800 é 漢 \N{GRINNING FACE}"
HARMLESS = HOSTILE.replace("\0", "\ufffd").replace("\ud800", "\ufffd")


def test_what_people_write_comes_back_with_nul_and_lone_surrogates_replaced(store: Store) -> None:
    said = {"gen_ai.prompt.variable.x": [HOSTILE, {HOSTILE: HOSTILE}], "user.id": HOSTILE, "x": (HOSTILE, HOSTILE)}
    events = [Event("exception", {"exception.message": HOSTILE, "exception.type": HOSTILE}, START_NS)]
    status = Status(StatusCode.ERROR, HOSTILE)
    store.write(ended(said, name=HOSTILE, events=events, status=status), ended())
    row = next(row for row in store.spans() if row.status == "ERROR")
    assert (row.name, row.user_id, row.attributes["x"]) == (HARMLESS, HARMLESS, [HARMLESS, HARMLESS])
    assert (row.error_type, row.events[0]["attributes"]) == (HARMLESS, {"exception.type": HARMLESS})
    assert row.content.load() == {
        "gen_ai.prompt.variable.x": [HARMLESS, {HARMLESS: HARMLESS}],
        "events": {"0": {"exception.message": HARMLESS}},
        "status_description": HARMLESS,
    }


def test_numbers_that_json_or_a_column_has_no_room_for_do_no_harm(store: Store) -> None:
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    numbers = {"nan": float("nan"), "inf": float("-inf"), "long": 10**5000, "deep": deep, "big": 1 << 80}
    usage = {"gen_ai.usage.input_tokens": 1 << 70, "llmtrace.cost": float("inf")}
    assert store.write(ended({**numbers, **usage, "gen_ai.prompt.variable.n": numbers})) == Exported(1)
    [row] = store.spans()
    assert (row.input_tokens, row.cost_nano_usd) == (None, None)
    assert (row.attributes["nan"], row.attributes["inf"], row.attributes["long"]) == ("NaN", "-Infinity", "<int>")
    assert row.content.load()["gen_ai.prompt.variable.n"]["big"] == 1 << 80


def test_texts_are_cut_to_their_columns(store: Store) -> None:
    long = "\N{GRINNING FACE}" * 1000
    store.write(ended({"gen_ai.operation.name": long, "user.id": long, "llmtrace.stream.outcome": long}, name=long))
    [row] = store.spans()
    assert (row.name, row.operation, row.user_id, row.outcome) == (long[:255], long[:64], long[:255], long[:16])


def test_a_row_that_the_database_refuses_loses_nothing_else(store: Store) -> None:
    refuse(store, "poison")
    spans = [ended(name="poison" if number in (3, 17) else f"good {number}") for number in range(20)]
    outcome = store.write(*spans)
    assert outcome.sent == 18
    [(reason, count)] = outcome.refused.items()
    assert count == 2
    assert reason.startswith("refused by the database: ")
    assert "poison" not in reason
    assert {row.name for row in store.spans()} == {f"good {n}" for n in range(20) if n not in (3, 17)}
    assert SpanContent.objects.using(store.alias).count() == 18


def refuse(store: Store, name: str) -> None:
    """Let the database refuse spans of that name."""
    with connections[store.alias].cursor() as cursor:
        if connections[store.alias].vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON llmtrace_span "
                f"WHEN NEW.name = '{name}' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            cursor.execute(f"ALTER TABLE llmtrace_span ADD CONSTRAINT refuse CHECK (name <> '{name}')")


def test_what_is_no_whole_span_is_refused_by_itself(store: Store) -> None:
    assert store.write(ended(end=None), ended()) == Exported(1, {"not a whole span": 1})
    assert len(store.spans()) == 1


def test_the_hosts_transaction_neither_holds_nor_undoes_what_is_written(store: Store) -> None:
    host = connections[store.alias]
    host.ensure_connection()
    vars(host)["transaction_mode"] = None  # deferred: on SQLite, whoever has the only write lock makes others wait
    with transaction.atomic(store.alias):
        store.write(ended())
        transaction.set_rollback(True, store.alias)
    assert len(store.spans()) == 1


def test_the_hosts_query_log_wrappers_and_routers_see_nothing(store: Store) -> None:
    connection = connections[store.alias]
    seen: list[str] = []

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with (
        override_settings(DEBUG=True, DATABASE_ROUTERS=["tests.store.test_writer.Forbidding"]),
        connection.execute_wrapper(wrapper),
    ):
        connection.queries_log.clear()
        ours = store.connection.open(store.connection.name())
        asked_when_opened = len(ours.queries_log)
        assert store.write(ended()) == Exported(1)
        assert (list(connection.queries_log), seen) == ([], [])
        assert len(ours.queries_log) == asked_when_opened


class Forbidding:
    """A router of a host that knows nothing of llmtrace."""

    def db_for_write(self, model: type, **hints: object) -> str:
        raise AssertionError(model)

    db_for_read = db_for_write


def test_a_host_without_time_zones_reads_its_local_time(store: Store) -> None:
    with override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin"):
        reset_zones(store)
        try:
            store.write(ended())
            assert [str(row.started_at) for row in store.spans()] == ["2026-03-01 13:30:15.123456"]
        finally:
            connections[store.alias].close()
    reset_zones(store)


def reset_zones(store: Store) -> None:
    connections[store.alias].close()
    for name in ("timezone", "timezone_name"):
        connections[store.alias].__dict__.pop(name, None)


def test_writing_is_never_traced(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmtrace.exporters import Database
    from llmtrace.store.engines import ENGINES

    engine = ENGINES[connections[store.alias].vendor]
    enabled: list[bool] = []
    insert = engine.insert

    def watched(*args: Any) -> None:
        enabled.append(is_instrumentation_enabled())
        insert(*args)

    monkeypatch.setattr(engine, "insert", watched)
    Database(store.alias).export([ended()])
    assert enabled == [False]
    assert is_instrumentation_enabled()
    with suppress_instrumentation():
        assert not is_instrumentation_enabled()

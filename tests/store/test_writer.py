"""Spans in the database, on each engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmtrace.models import Span, SpanContent
from llmtrace.pipeline.outcome import Exported
from llmtrace.store.connection import StoreConnection
from llmtrace.store.writer import Writer
from tests.store.making import ANSWER, CALL, QUESTION, START, context, ended


@pytest.fixture
def writer(fresh_database: str) -> Iterator[Writer]:
    connection = StoreConnection(fresh_database)
    yield Writer(connection)
    connection.close()


def write(writer: Writer, *spans: object) -> Exported:
    return writer.write(spans, writer._connection.name())  # type: ignore[arg-type]


def test_a_span_is_read_back_as_it_ended(writer: Writer, fresh_database: str) -> None:
    span = ended(parent=context(span_id=7))
    assert write(writer, span) == Exported(1)
    row = Span.objects.using(fresh_database).get()
    assert (row.trace_id, row.span_id, row.parent_id) == (
        f"{span.context.trace_id:032x}",
        f"{span.context.span_id:016x}",
        "0000000000000007",
    )
    assert (row.started_at, row.duration_ms, row.name, row.kind, row.status) == (
        START,
        250.0,
        "recommend_book",
        "CLIENT",
        "UNSET",
    )
    assert row.cost_nano_usd == 123_000
    assert row.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert row.content.load() == {name: value for name, value in CALL.items() if name not in row.attributes}
    assert row.content.load()["gen_ai.input.messages"] == QUESTION
    assert row.content.load()["gen_ai.output.messages"] == ANSWER


def test_the_same_span_twice_keeps_one(writer: Writer, fresh_database: str) -> None:
    first, second = [ended(), ended()], [ended(), ended()]
    assert write(writer, *first, first[0]) == Exported(3)
    assert write(writer, second[0], *first, second[1]) == Exported(4)
    spans = Span.objects.using(fresh_database)
    assert spans.count() == 4
    assert SpanContent.objects.using(fresh_database).filter(span__in=spans.all()).count() == 4

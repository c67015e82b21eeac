"""From span to row: every column, and nothing invented."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from llmtrace import semconv
from llmtrace.models import Span
from llmtrace.store.records import Record, nano_usd, record
from tests.store.making import ANSWER, CALL, QUESTION, START, START_NS, context, ended
from tests.store.test_jsontext import ANY_TEXT, ANYTHING


def content(row: Record) -> dict[str, Any]:
    assert row.content is not None
    decoded: dict[str, Any] = json.loads(row.content)
    return decoded


def test_a_record_has_the_columns_of_the_model_in_their_order() -> None:
    assert Record._fields[:-1] == tuple(field.column for field in Span._meta.concrete_fields if field.name != "id")


def test_every_column_of_a_call() -> None:
    span = ended(
        {
            **CALL,
            "llmtrace.stream.outcome": "completed",
            "gen_ai.response.time_to_first_chunk": 0.125,
            "celery.state": "RETRY",
            "llmtrace.job.attempt": 2,
            "llmtrace.job.queue_time": 1.5,
            "error.type": "E",
        },
        context_=context(0xAB, 0xCD),
        parent=context(0xAB, 0xEF),
        status=Status(StatusCode.ERROR, "it broke"),
    )
    row = record(span)
    attributes, said = row.attributes, row.content
    assert row._replace(attributes="", content="") == Record(
        trace_id="000000000000000000000000000000ab",
        span_id="00000000000000cd",
        parent_id="00000000000000ef",
        name="recommend_book",
        kind="CLIENT",
        service="shop",
        started_at=START,
        duration_ms=250.0,
        status="ERROR",
        error_type="E",
        operation="chat",
        provider="openai",
        model="gpt-4o-mini-2024-07-18",
        input_tokens=12,
        output_tokens=5,
        cached_tokens=4,
        reasoning_tokens=2,
        cost_nano_usd=123_000,
        first_chunk_ms=125.0,
        outcome="completed",
        user_id="42",
        session_id="s1",
        conversation_id="c1",
        job_state="RETRY",
        job_attempt=2,
        job_queue_ms=1500.0,
        linked_trace_id=None,
        attributes="",
        events="[]",
        links="[]",
        content="",
    )
    kept = json.loads(attributes)
    assert kept.pop("otel.scope.name") == "llmtrace"
    assert kept.pop("otel.scope.version") == "1.0"
    assert kept.keys() | json.loads(said or "").keys() == span.attributes.keys() | {"status_description"}
    assert not any(semconv.is_content(name) for name in kept)


def test_unknown_is_null() -> None:
    span = ended({}, kind=SpanKind.INTERNAL, resource=Resource({"service.name": "unknown_service:python"}), scope=None)
    row = record(span)
    known = {name: value for name, value in row._asdict().items() if value is not None}
    assert known == {
        "trace_id": row.trace_id,
        "span_id": row.span_id,
        "name": "recommend_book",
        "kind": "INTERNAL",
        "started_at": START,
        "duration_ms": 250.0,
        "status": "UNSET",
        "attributes": "{}",
        "events": "[]",
        "links": "[]",
    }
    empty = record(ended({"user.id": "", "gen_ai.usage.input_tokens": True, "gen_ai.request.model": ("a",)}))
    assert (empty.user_id, empty.input_tokens, empty.model) == (None, None, None)


def test_the_model_is_the_one_that_answered_else_the_one_asked_for() -> None:
    asked = {"gen_ai.request.model": "gpt-4o"}
    assert record(ended(asked)).model == "gpt-4o"
    assert record(ended({**asked, "gen_ai.response.model": "gpt-4o-2024"})).model == "gpt-4o-2024"


def test_texts_of_events_and_of_the_status_are_content_and_their_types_are_not() -> None:
    texts = {"exception.message": "no key sk-1", "exception.stacktrace": "Traceback"}
    events = [
        Event("llmtrace.retry", {"attempt": 1, "wait_s": 0.5}, START_NS + 1_500_000),
        Event("exception", {"exception.type": "openai.AuthenticationError", **texts}, START_NS + 2_000_000),
    ]
    row = record(ended({}, events=events, status=Status(StatusCode.ERROR, "no key sk-1")))
    assert json.loads(row.events) == [
        {"name": "llmtrace.retry", "offset_ms": 1.5, "attributes": {"attempt": 1, "wait_s": 0.5}},
        {"name": "exception", "offset_ms": 2.0, "attributes": {"exception.type": "openai.AuthenticationError"}},
    ]
    assert content(row) == {"events": {"1": texts}, "status_description": "no key sk-1"}
    assert row.error_type == "openai.AuthenticationError"
    assert record(ended({}, events=events)).error_type is None, "an exception that was handled"


def test_links_are_ids_in_hex() -> None:
    row = record(ended(links=[Link(context(1, 2), {"messaging.message.id": "m"})]))
    assert json.loads(row.links) == [
        {"trace_id": f"{1:032x}", "span_id": f"{2:016x}", "attributes": {"messaging.message.id": "m"}}
    ]


def test_messages_as_json_texts_are_decoded_and_templates_are_not() -> None:
    exported = ended({**CALL, "llmtrace.prompt.template": '["not", "decoded"]'}).for_export()
    said = content(record(exported))
    assert said["gen_ai.input.messages"] == QUESTION
    assert said["gen_ai.output.messages"] == ANSWER
    assert said["llmtrace.prompt.template"] == '["not", "decoded"]'
    cut = content(record(ended({"gen_ai.input.messages": '[{"role": "us'})))
    assert cut == {"gen_ai.input.messages": '[{"role": "us'}


@pytest.mark.parametrize(
    ("value", "nano"),
    [
        (0.0, 0),
        (0.000123, 123_000),
        ("0.000000001", 1),
        ("1.23", 1_230_000_000),
        (Decimal("0.1"), 100_000_000),
        (3, 3_000_000_000),
        (None, None),
        (True, None),
        ("much", None),
        ("1e999999999", None),
        ("NaN", None),
        ("sNaN", None),
        (float("inf"), None),
        (float("nan"), None),
        (-1, None),
        (10**30, None),
        ([1], None),
    ],
)
def test_cost_in_billionths(value: Any, nano: int | None) -> None:
    assert nano_usd(value) == nano


@given(st.integers(0, 2**63 - 1), st.integers(-(10**12), 10**15))
def test_time_is_utc_to_the_microsecond_and_never_negative(start: int, lasted: int) -> None:
    row = record(ended(start=start, end=start + lasted))
    since = row.started_at - datetime(1970, 1, 1, tzinfo=UTC)
    assert since // timedelta(microseconds=1) == start // 1000
    assert row.duration_ms == max(0, lasted) / 1e6


@pytest.mark.parametrize("span", [ended(start=None), ended(end=None)])
def test_what_neither_began_nor_ended_is_no_record(span: Any) -> None:
    with pytest.raises(ValueError, match="beginning or end"):
        record(span)


NAMES = st.sampled_from([*semconv.CONTENT_ATTRIBUTES, *CALL, "error.type", "x"]) | ANY_TEXT
COLUMN_LIMITS = {field.column: field.max_length for field in Span._meta.concrete_fields}


@given(st.dictionaries(NAMES, ANYTHING, max_size=8), ANY_TEXT, ANY_TEXT)
def test_nothing_that_people_write_breaks_a_record(attributes: dict[str, Any], name: str, description: str) -> None:
    events = [Event(name, {"exception.message": description, name: description}, START_NS)]
    row = record(ended(attributes, name=name, events=events, status=Status(StatusCode.ERROR, description)))
    for column, value in row._asdict().items():
        if isinstance(value, str):
            assert "\0" not in value
            value.encode()
            assert len(value) <= (COLUMN_LIMITS.get(column) or len(value))
    assert not any(semconv.is_content(key) for key in json.loads(row.attributes))
    if (said := row.content) is not None:
        assert json.loads(said, parse_int=str)


def test_scope_without_version() -> None:
    row = record(ended({}, scope=InstrumentationScope("other")))
    assert json.loads(row.attributes) == {"otel.scope.name": "other"}

"""The check of `make demo ONCE=1` finds whatever is missing in the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llmtrace.models import Span, SpanContent
from project.demo import check
from project.demo.trace import Trace

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
BEGAN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TASKS = "shop."
SAID = {"gen_ai.input.messages": [{"role": "user"}], "gen_ai.output.messages": [{"role": "assistant"}]}
REJECTED = {"events": {"0": {"exception.message": "The model `gpt-9` does not exist"}}}

pytestmark = pytest.mark.django_db


class Rows:
    """Rows of one trace, by the labels that a test gives them, written to the store like the exporter does."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        self.contents: dict[str, dict[str, Any]] = {}

    def add(self, label: str, parent: str | None, kind: str, **fields: Any) -> str:
        self.spans[label] = Span(
            trace_id=TRACE_ID,
            span_id=f"{len(self.spans) + 1:016x}",
            parent_id=self.spans[parent].span_id if parent else None,
            name=label,
            kind=kind,
            started_at=BEGAN + timedelta(milliseconds=len(self.spans)),
            duration_ms=1.0,
            **{"status": "UNSET", **fields},
        )
        return label

    def call(self, label: str, parent: str, **fields: Any) -> str:
        known = {
            "operation": "chat",
            "model": "gpt-4o-mini-2024-07-18",
            "provider": "openai",
            "input_tokens": 10,
            "output_tokens": 20,
            "cost_nano_usd": 13_500,
            "user_id": "1",
            "session_id": "5f2a",
        }
        self.contents[label] = SAID
        return self.add(label, parent, "CLIENT", **{**known, **fields})

    def failed_call(self, label: str, parent: str) -> str:
        self.add(label, parent, "CLIENT", operation="chat", status="ERROR", error_type="openai.NotFoundError")
        self.contents[label] = REJECTED
        return label

    def run(self, label: str, parent: str, task: str, *, attempt: int = 1, group: str | None = None) -> str:
        publish = self.add(f"publish {label}", parent, "PRODUCER")
        return self.attempt(label, publish, task, attempt, group)

    def attempt(self, label: str, publish: str, task: str, attempt: int, group: str | None = None) -> str:
        told = {"celery.task_name": TASKS + task, "llmtrace.job.attempt": attempt, "llmtrace.job.group_id": group}
        return self.add(label, publish, "CONSUMER", attributes={k: v for k, v in told.items() if v is not None})

    def remove(self, label: str) -> None:
        del self.spans[label]
        self.contents.pop(label, None)

    def lacks(self, *rules: check.Rule) -> list[str]:
        """What the check says of the trace that is then in the database."""
        Span.objects.all().delete()
        Span.objects.bulk_create(self.spans.values())
        SpanContent.objects.bulk_create(
            SpanContent(span=self.spans[label], data=json.dumps(data)) for label, data in self.contents.items()
        )
        return check.missing(Trace.read(TRACE_ID), rules or check.EVERYTHING)


def whole() -> Rows:
    """A trace with everything in it."""
    rows = Rows()
    request = rows.add("POST tour/", None, "SERVER")
    rows.call("recommend", request)
    rows.call("one call", rows.run("one", request, "summarise_reviews"))
    first = rows.run("chain first", request, "summarise_reviews")
    rows.call("chain first call", first)
    rows.call("translate call", rows.run("translate", first, "translate_summary"))
    for number in range(3):
        label = rows.run(f"header {number}", request, "summarise_reviews", group="c0ffee")
        rows.call(f"header call {number}", label)
    rows.call("body call", rows.run("body", request, "compare_summaries"))
    rows.failed_call("call of attempt 1", rows.run("attempt 1", request, "summarise_with_new_model"))
    rows.attempt("attempt 2", "publish attempt 1", "summarise_with_new_model", 2)
    rows.call("call of attempt 2", "attempt 2")
    outer = rows.run("outer", request, "refresh_genre")
    for number in range(3):
        rows.call(f"inner call {number}", rows.run(f"inner {number}", outer, "summarise_reviews"))
    rows.failed_call("ask_missing_model", request)
    return rows


def test_a_whole_trace_lacks_nothing() -> None:
    assert whole().lacks() == []


def test_an_empty_store_is_incomplete() -> None:
    assert Rows().lacks() == ["0 spans of kind SERVER instead of one request"]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("POST tour/", "0 spans of kind SERVER"),
        ("recommend", "no complete call directly under POST tour/"),
        ("translate", "no translate_summary with a call"),
        ("translate call", "no translate_summary with a call"),
        ("publish translate", "the parent of translate is missing"),
        ("header 1", "no group of 3 runs"),
        ("header call 2", "no group of 3 runs"),
        ("body", "no run of the chord's body"),
        ("body call", "no run of the chord's body"),
        ("attempt 1", "attempts of summarise_with_new_model: ['2'] instead of 1 and 2"),
        ("attempt 2", "attempts of summarise_with_new_model: ['1'] instead of 1 and 2"),
        ("call of attempt 1", "no failed call under the first attempt"),
        ("call of attempt 2", "no complete call under the second attempt"),
        ("inner 0", "not 3 runs of summarise_reviews"),
        ("inner call 0", "not 3 runs of summarise_reviews"),
        ("ask_missing_model", "no failed call with error type and message"),
    ],
)
def test_a_missing_span_is_told(label: str, words: str) -> None:
    rows = whole()
    rows.remove(label)
    assert any(words in lack for lack in rows.lacks())


def test_a_missing_job_is_told() -> None:
    rows = whole()
    for label in ("one", "chain first", "header 0", "header 1", "header 2"):
        rows.remove(label)
    assert "no publish → run → call of summarise_reviews under the request" in rows.lacks()


@pytest.mark.parametrize("field", check.NEEDED)
def test_a_call_without_a_number_or_a_name_is_incomplete(field: str) -> None:
    rows = whole()
    setattr(rows.spans["recommend"], field, None)
    assert rows.lacks(check.call) == [f"no complete call directly under POST tour/; recommend lacks {field}"]


@pytest.mark.parametrize("key", check.SAID)
def test_a_call_without_prompt_or_answer_is_incomplete(key: str) -> None:
    rows = whole()
    rows.contents["recommend"] = {name: value for name, value in SAID.items() if name != key}
    assert rows.lacks(check.call) == [f"no complete call directly under POST tour/; recommend lacks {key}"]


def test_a_call_without_any_content_is_incomplete() -> None:
    rows = whole()
    del rows.contents["recommend"]
    assert len(rows.lacks(check.call)) == 1


def _second_below_first(rows: Rows) -> None:
    rows.spans["attempt 2"].parent_id = rows.spans["attempt 1"].span_id


def _no_error_type(rows: Rows) -> None:
    rows.spans["ask_missing_model"].error_type = None


def _no_message(rows: Rows) -> None:
    del rows.contents["ask_missing_model"]


def _run_without_publish(rows: Rows) -> None:
    for label in ("one", "chain first", "header 0", "header 1", "header 2"):
        rows.spans[label].parent_id = rows.spans["POST tour/"].span_id


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_second_below_first, "is under the first instead of beside it"),
        (_no_error_type, "no failed call with error type and message"),
        (_no_message, "no failed call with error type and message"),
        (_run_without_publish, "no publish → run → call"),
    ],
)
def test_a_trace_of_the_wrong_shape_is_incomplete(harm: Callable[[Rows], None], words: str) -> None:
    rows = whole()
    harm(rows)
    assert any(words in lack for lack in rows.lacks())


def test_two_requests_in_one_trace_are_told() -> None:
    rows = whole()
    rows.add("another", "recommend", "SERVER")
    assert rows.lacks() == ["2 spans of kind SERVER instead of one request"]


@pytest.mark.parametrize(
    "fields", [{"outcome": "abandoned", "first_chunk_ms": 5.0}, {"outcome": "completed"}, {"first_chunk_ms": 5.0}]
)
def test_a_stream_has_to_be_read_to_its_end_and_timed(fields: dict[str, Any]) -> None:
    rows = Rows()
    rows.call("atell", rows.add("POST tell/", None, "SERVER"), **fields)
    assert len(rows.lacks(check.stream)) == 1
    rows.spans["atell"].outcome, rows.spans["atell"].first_chunk_ms = "completed", 5.0
    assert rows.lacks(check.stream) == []

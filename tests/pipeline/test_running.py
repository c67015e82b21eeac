"""Which open spans count as running, as the database exporter would get them."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind, set_span_in_context

from llmtrace.pipeline import running
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing.setup import get_tracer
from tests.pipeline.making import entry, exporting

DATABASE = {"BACKEND": "llmtrace.exporters.Database"}


def test_a_span_runs_when_it_has_been_open_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with exporting(DATABASE):
        call = get_tracer().start_span("call", kind=SpanKind.CLIENT)
        assert fanout.running() == []
        monkeypatch.setattr(running, "LONG_S", 0.0)
        assert [span.name for span in fanout.running()] == ["call"]
        call.end()
        assert fanout.running() == []


def test_only_what_the_database_would_get_runs_below_the_parent_that_it_would_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "LONG_S", 0.0)
    with exporting(DATABASE):
        job = get_tracer("a.library").start_span("job", kind=SpanKind.CONSUMER)
        step = get_tracer("a.library").start_span("step", set_span_in_context(job))
        call = get_tracer().start_span("call", set_span_in_context(step), SpanKind.CLIENT)
        shown = {span.name: span for span in fanout.running()}
        assert sorted(shown) == ["call", "job"]
        parent = shown["call"].parent
        assert parent is not None
        assert parent.span_id == job.get_span_context().span_id
        for span in (call, step, job):
            span.end()


def test_nothing_is_shown_as_running_where_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LONG_S", 0.0)
    with exporting(entry("Kept", into=[])):
        call = get_tracer().start_span("call")
        assert fanout.running() == []
        call.end()


def test_what_a_filter_leaves_out_or_breaks_on_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LONG_S", 0.0)
    sift = [{"BACKEND": "tests.pipeline.exporters.without_secret"}]
    with exporting(DATABASE, FILTERS=sift):
        spans = [get_tracer().start_span(name) for name in ("left out", "unreadable", "call")]
        assert [span.name for span in fanout.running()] == ["call (filtered)"]
        for span in spans:
            span.end()


def test_the_number_of_running_spans_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LONG_S", 0.0)
    monkeypatch.setattr(running, "MOST", 3)
    with exporting(DATABASE):
        spans = [get_tracer().start_span(f"call {number}") for number in range(5)]
        assert [span.name for span in fanout.running()] == ["call 4", "call 3", "call 2"]
        for span in spans:
            span.end()

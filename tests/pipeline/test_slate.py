"""What a child notes of its open spans, and what its parent reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.safestring import mark_safe
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace import set_span_in_context as inside

from llmtrace.pipeline.slate import PLACES, Slate
from llmtrace.pipeline.slates import slates
from llmtrace.tracing.setup import get_tracer
from tests.pipeline.making import entry, exporting

SENDER = SpanContext(7, 5, True, TraceFlags(1), TraceState([("vendor", "x")]))
SENT = inside(NonRecordingSpan(SENDER), Context())


@pytest.fixture
def slate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slate]:
    """This process's own, as in a child."""
    made = Slate()
    monkeypatch.setattr(slates, "own", made)
    with exporting(entry("Kept", into=[])):
        yield made


def began(name: str, above: Span | None = None, kind: SpanKind = SpanKind.INTERNAL) -> Span:
    return get_tracer("shop").start_span(name, None if above is None else inside(above), kind)


def names(slate: Slate) -> list[str]:
    return [opened.name for opened in slate.opened()]


def test_a_span_is_read_as_it_began(slate: Slate) -> None:
    attributes: dict[str, Any] = {"text": "é", "number": 1.5, "list": ["a", "b"], "yes": True}
    span = get_tracer("shop").start_span(
        "call", SENT, SpanKind.CLIENT, attributes, [Link(SENDER, {"why": "sent"})], start_time=11
    )
    (opened,) = slate.opened()
    assert isinstance(span, ReadableSpan)
    assert (opened.name, opened.kind, opened.started_at, opened.scope) == ("call", SpanKind.CLIENT, 11, "shop")
    assert (opened.context, opened.parent) == (span.context, SENDER)
    assert opened.context.trace_state == SENDER.trace_state
    assert {**opened.attributes, "list": list(opened.attributes["list"])} == attributes
    assert [(link.context, link.attributes) for link in opened.links] == [(SENDER, {"why": "sent"})]
    span.end()
    assert slate.is_empty


def test_spans_are_read_in_the_order_in_which_they_began_whichever_ended_in_between(slate: Slate) -> None:
    first, second = began("first"), began("second")
    first.end()
    third = began("third", second)
    assert names(slate) == ["second", "third"]
    for span in (second, third):
        span.end()


def test_a_run_is_noted_with_the_first_span_inside(slate: Slate) -> None:
    run = get_tracer("shop").start_span("job", SENT, SpanKind.CONSUMER)
    assert (names(slate), slate.runs) == ([], True)
    call = began("call", run)
    assert names(slate) == ["job", "call"]
    call.end()
    assert names(slate) == ["job"]
    run.end()
    assert (names(slate), slate.runs) == ([], False)


def test_a_consumer_span_of_the_hosts_inside_a_run_is_a_span_like_others(slate: Slate) -> None:
    run = get_tracer("shop").start_span("job", SENT, SpanKind.CONSUMER)
    receive = get_tracer("shop").start_span("receive", Context(), SpanKind.CONSUMER)
    inner = began("inner", run)
    assert (names(slate), slate.runs) == (["job", "receive", "inner"], True)
    receive.end()
    assert (names(slate), slate.runs) == (["job", "inner"], True)
    inner.end()
    run.end()
    assert (slate.is_empty, slate.runs) == (True, False)


def test_what_was_saved_of_one_job_is_not_said_of_the_next(slate: Slate) -> None:
    get_tracer("shop").start_span("one", SENT, SpanKind.CONSUMER).end()
    slate.save()
    assert slate.is_saved
    run = get_tracer("shop").start_span("two", SENT, SpanKind.CONSUMER)
    assert not slate.is_saved
    run.end()


def test_no_span_is_noted_without_its_parent(slate: Slate) -> None:
    many = [began(f"span {number}") for number in range(PLACES)]
    beyond = began("beyond")
    many[0].end()
    inner = began("inner", beyond)
    assert names(slate) == [f"span {number}" for number in range(1, PLACES)]
    for span in (inner, beyond, *many[1:]):
        span.end()
    assert slate.is_empty


def test_a_span_that_does_not_fit_is_noted_by_what_is_short(slate: Slate) -> None:
    span = get_tracer("shop").start_span("call", attributes={"long": "x" * 5000, "short": "x"})
    (opened,) = slate.opened()
    assert (opened.name, opened.attributes) == ("call", {"short": "x"})
    span.end()


def test_a_text_of_a_class_of_the_hosts_is_noted_as_a_text(slate: Slate) -> None:
    span = get_tracer("shop").start_span("call", attributes={"user.id": mark_safe("7")})
    (opened,) = slate.opened()
    assert opened.attributes == {"user.id": "7"}
    span.end()


def test_what_nobody_samples_is_not_noted() -> None:
    slate = Slate()
    span = TracerProvider(ALWAYS_OFF).get_tracer("shop").start_span("call")
    assert not isinstance(span, ReadableSpan)
    assert slate.is_empty

"""Ended spans for the store's tests."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, TraceFlags

from llmtrace.pipeline.ended import EndedSpan

START = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
START_NS = 1772368215_123456_789
SHOP = Resource({"service.name": "shop"})
SCOPE = InstrumentationScope("llmtrace", "1.0")
QUESTION = [{"role": "user", "parts": [{"type": "text", "content": "Which book?"}]}]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "Momo."}], "finish_reason": "stop"}]

CALL: Mapping[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.reasoning.output_tokens": 2,
    "llmtrace.cost": 0.000123,
    "user.id": "42",
    "session.id": "s1",
    "gen_ai.conversation.id": "c1",
    "gen_ai.input.messages": QUESTION,
    "gen_ai.output.messages": ANSWER,
    "llmtrace.prompt.template": "Which {thing}?",
    "gen_ai.prompt.variable.thing": "book",
}


def context(trace_id: int | None = None, span_id: int | None = None) -> SpanContext:
    """A context with the ids given, else random ones."""
    return SpanContext(
        random.getrandbits(128) or 1 if trace_id is None else trace_id,
        random.getrandbits(64) or 1 if span_id is None else span_id,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def ended(
    attributes: Mapping[str, Any] = CALL,
    *,
    name: str = "recommend_book",
    context_: SpanContext | None = None,
    parent: SpanContext | None = None,
    resource: Resource = SHOP,
    events: Sequence[Event] = (),
    links: Sequence[Link] = (),
    kind: SpanKind = SpanKind.CLIENT,
    status: Status | None = None,
    start: int | None = START_NS,
    end: int | None = START_NS + 250_000_000,
    scope: InstrumentationScope | None = SCOPE,
) -> EndedSpan:
    """A span of a call that ended, with content as structures; times are in nanoseconds."""
    return EndedSpan(
        name,
        context_ or context(),
        parent,
        resource,
        dict(attributes),
        events,
        links,
        kind,
        None,
        status or Status(),
        start,
        end,
        scope,
    )

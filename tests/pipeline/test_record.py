"""What is kept on disk becomes the same span again, whatever people have put into it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from llmtrace.pipeline.ended import Dropped, EndedSpan
from llmtrace.pipeline.record import packed, unpacked

TEXT = st.text(max_size=20)
VALUE = (
    st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.just(math.nan)  # JSON knows one: that it may have a sign, and bits, nobody misses
    | TEXT
    | st.binary(max_size=8)
    | st.lists(TEXT, max_size=3)
    | st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=3)
)
ATTRIBUTES = st.dictionaries(TEXT, VALUE, max_size=5)
CONTEXT = st.builds(
    SpanContext,
    st.integers(1, (1 << 128) - 1),
    st.integers(1, (1 << 64) - 1),
    st.booleans(),
    st.sampled_from([TraceFlags(0), TraceFlags(1)]),
    st.sampled_from([None, TraceState([("vendor", "one"), ("other", "two")])]),
)
TIME = st.integers(0, (1 << 62))
SPANS = st.builds(
    EndedSpan,
    TEXT,
    CONTEXT,
    st.none() | CONTEXT,
    st.builds(Resource, ATTRIBUTES, st.sampled_from([None, "https://opentelemetry.io/schemas/1.30.0"])),
    ATTRIBUTES,
    st.lists(st.builds(Event, TEXT, ATTRIBUTES, TIME), max_size=2),
    st.lists(st.builds(Link, CONTEXT, ATTRIBUTES), max_size=2),
    st.sampled_from(SpanKind),
    st.none(),
    st.sampled_from([Status(), Status(StatusCode.OK), Status(StatusCode.ERROR, "it broke")]),
    TIME,
    TIME,
    st.sampled_from([None, InstrumentationScope("llmtrace", "1.0"), InstrumentationScope("a", None, "b", {"c": 1})]),
)


@given(span=SPANS, dropped=st.builds(Dropped, *[st.integers(0, 1 << 31)] * 3), destination=st.none() | TEXT)
@settings(max_examples=60)
def test_an_exporter_sends_the_same_bytes(span: EndedSpan, dropped: Dropped, destination: str | None) -> None:
    span = span.for_export()
    span.dropped = dropped
    record = unpacked(packed(span, destination))
    assert record.destination == destination
    assert _bytes_of(record.span) == _bytes_of(span)


def _bytes_of(span: ReadableSpan) -> bytes:
    """As messages, two with a number that is none would not be equal."""
    encoded: bytes = encode_spans([span]).SerializeToString(deterministic=True)
    return encoded


@pytest.mark.parametrize(
    "content",
    [
        [{"role": "user", "parts": [{"type": "text", "content": "hello"}]}],
        {"nested": {"deeply": [1, 2.5, None, True, "text"]}},
    ],
)
def test_structures_stay_structures(content: Any) -> None:
    span = EndedSpan("chat", attributes={"gen_ai.input.messages": content})
    assert unpacked(packed(span, None)).span.attributes["gen_ai.input.messages"] == content


@pytest.mark.parametrize("value", ["\ud800", object(), {1: {2}}, float("nan"), 10**400, {"\udfff": b"\xff"}])
def test_what_has_no_form_in_json_is_kept_in_words(value: Any) -> None:
    span = EndedSpan("chat", attributes={"content": [{"content": value}], "plain": "text"})
    kept = unpacked(packed(span, None)).span.attributes
    assert kept["plain"] == "text"
    assert json.dumps(kept["content"]).encode()

"""What a message carries, and what is believed of one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from llmtrace.jobs import message
from llmtrace.tracing.attributes import NONE, TraceAttributes

SENDER = SpanContext(0xABC, 0xDEF, False, TraceFlags(1), TraceState([("vendor", "1")]))
NOW = 1_795_000_000.5


def under(span: SpanContext = SENDER) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(span), Context())


def test_the_senders_span_time_and_attributes_come_back() -> None:
    headers: dict[str, Any] = {}
    message.write(headers, NOW, TraceAttributes("7", tags=("vip",)), under())
    sent = message.read(headers)
    assert sent.parent == SpanContext(0xABC, 0xDEF, True, TraceFlags(1), TraceState([("vendor", "1")]))
    assert sent.at == NOW
    assert sent.attributes == TraceAttributes("7", tags=("vip",))


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255), st.booleans())
def test_what_is_written_is_what_opentelemetry_writes(trace_id: int, span_id: int, flags: int, state: bool) -> None:
    sender = SpanContext(trace_id, span_id, False, TraceFlags(flags), TraceState([("vendor", "1")]) if state else None)
    expected: dict[str, Any] = {}
    TraceContextTextMapPropagator().inject(expected, under(sender))
    headers: dict[str, Any] = {}
    message.write(headers, NOW, NONE, under(sender))
    del headers[message.HEADER]
    assert headers == expected


def test_trace_attributes_are_never_baggage() -> None:
    headers: dict[str, Any] = {}
    message.write(headers, NOW, TraceAttributes("7"), under())
    assert "baggage" not in headers


def test_baggage_of_the_host_goes_along() -> None:
    headers: dict[str, Any] = {}
    message.write(headers, NOW, NONE, baggage.set_baggage("tenant", "north", under()))
    assert headers["baggage"] == "tenant=north"
    assert baggage.get_all(message.read(headers).context) == {"tenant": "north"}


def test_baggage_that_the_host_wrote_itself_is_kept() -> None:
    headers: dict[str, Any] = {"baggage": "tenant=north"}
    message.write(headers, NOW, NONE, under())
    assert headers["baggage"] == "tenant=north"


def test_the_state_of_another_trace_does_not_stay_in_a_copied_message() -> None:
    headers: dict[str, Any] = {"tracestate": "old=1"}
    message.write(headers, NOW, NONE, under(SpanContext(1, 2, False)))
    assert "tracestate" not in headers


def test_a_sender_outside_of_any_trace_names_none() -> None:
    headers: dict[str, Any] = {}
    message.write(headers, NOW, NONE, Context())
    assert "traceparent" not in headers
    assert message.read(headers).parent is None


strange = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary()
    | st.text(st.characters())
    | st.lists(st.text())
)
names = st.sampled_from(("traceparent", "tracestate", "baggage", message.HEADER))


@given(st.dictionaries(names, strange | st.text("0123456789abcdef-=,;%", max_size=9000)))
def test_reading_never_raises(headers: dict[str, Any]) -> None:
    sent = message.read(headers)
    assert sent.parent is None or sent.parent.is_valid


def test_headers_that_are_too_long_are_not_read_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    headers: dict[str, Any] = {}
    message.write(headers, NOW, NONE, under())
    headers |= {"baggage": "k=" + "v" * 9000, message.HEADER: "A" * 9000}
    sent = message.read(headers)
    assert sent.parent is not None
    assert baggage.get_all(sent.context) == {}
    assert (sent.at, sent.attributes, caplog.text) == (None, NONE, "")


like_one = st.from_regex(r"\A0[01f]-[0-9a-fA-F]{32}-[0-9a-f]{15,17}-[0-9a-fx]{2}(-0)?\Z") | st.from_regex(
    r"\A00-(0{32}|[0-9a-f]{32})-(0{16}|[0-9a-f]{16})-[0-9a-f]{2}\Z"
)


@given(like_one)
def test_what_is_read_quickly_is_read_as_opentelemetry_does(traceparent: str) -> None:
    read = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())
    expected = trace.get_current_span(read).get_span_context()
    found = message.read({"traceparent": traceparent})
    assert found.parent == (expected if expected.is_valid else None)
    assert trace.get_current_span(found.context).get_span_context() == expected


def test_a_span_of_somebody_without_llmtrace_is_told_apart() -> None:
    headers: dict[str, Any] = {}
    message.write(headers, NOW, TraceAttributes("7"), under())
    assert not message.read(headers).outside
    assert message.read({"traceparent": headers["traceparent"]}).outside
    message.write(headers, NOW, TraceAttributes("7"), under(), outside=True)
    again = message.read(headers)
    assert (again.outside, again.at, again.attributes.user_id) == (True, NOW, "7")
    assert not message.read({}).outside

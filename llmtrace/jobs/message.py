"""What a job's message carries for tracing, in its top-level headers, where other OpenTelemetry tools look for it too.

``traceparent``, ``tracestate`` and ``baggage`` are the W3C's; baggage goes along only if the host has set any.
``llmtrace`` is ours: the time of sending and the trace attributes, which are never baggage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, NamedTuple

from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from llmtrace.jobs.compact import packed, unpacked
from llmtrace.tracing.attributes import TraceAttributes
from llmtrace.tracing.setup import keep

HEADER: Final = "llmtrace"
STANDARD: Final = {"traceparent": 128, "tracestate": 512, "baggage": 8192}  # characters that are read, by W3C's limits

_TRACEPARENT: Final = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_OUTSIDE: Final = "~"  # what a time never begins with
_NOTHING: Final = Context()
_trace_context = TraceContextTextMapPropagator()
_baggage = W3CBaggagePropagator()


class Sent(NamedTuple):
    """What a message says about its sender."""

    context: Context  # the span it was sent under, as a remote parent, and the host's baggage
    parent: SpanContext | None
    at: float | None  # seconds since the epoch
    attributes: TraceAttributes
    outside: bool = False  # whether the parent is a span of somebody without llmtrace


def write(
    headers: MutableMapping[str, Any],
    at: float,
    attributes: TraceAttributes,
    context: Context | None = None,
    outside: bool = False,
) -> None:
    """Add to a message's headers the span and baggage of `context` (the current one if None), time and attributes.

    With `outside` the span is of somebody without llmtrace, as where a job is tried again that somebody else has sent.
    """
    headers.pop("tracestate", None)  # a retry's message begins as a copy of the one before it
    span = trace.get_current_span(context).get_span_context()
    if span.is_valid:  # in the form that the propagator gives it, in a third of the time
        headers["traceparent"] = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
        if span.trace_state:
            headers["tracestate"] = span.trace_state.to_header()
    _baggage.inject(headers, context)
    keep(context)  # mostly the span of the message, kept anyway; of a job without one, whatever sent it
    headers[HEADER] = _OUTSIDE + packed(at, attributes) if outside else packed(at, attributes)


def read(headers: Mapping[str, Any]) -> Sent:
    """What a message carries. Never raises: a message may come from anywhere."""
    own = headers.get(HEADER)
    outside = own is None
    if isinstance(own, str) and own.startswith(_OUTSIDE):
        own, outside = own[1:], True
    at, attributes = unpacked(own)
    parent = None if "tracestate" in headers or "baggage" in headers else _plain(headers.get("traceparent"))
    if parent is not None:
        context = trace.set_span_in_context(NonRecordingSpan(parent), _NOTHING)
        return Sent(context, parent, at, attributes, outside)
    context = _extracted(headers)
    found = trace.get_current_span(context).get_span_context()
    return Sent(context, found if found.is_valid else None, at, attributes, outside and found.is_valid)


def _plain(traceparent: object) -> SpanContext | None:
    """The sender's span from a header as this version of W3C's rules has it; None for any other, which they decide.

    Nearly all are, and reading them so takes a third of the time.
    """
    if not isinstance(traceparent, str) or _TRACEPARENT.fullmatch(traceparent) is None:
        return None
    flags = TraceFlags(int(traceparent[53:], 16))
    found = SpanContext(int(traceparent[3:35], 16), int(traceparent[36:52], 16), True, flags)
    return found if found.is_valid else None


def _extracted(headers: Mapping[str, Any]) -> Context:
    carrier = {}
    for name, limit in STANDARD.items():
        value = headers.get(name)
        if isinstance(value, str) and len(value) <= limit and value.isascii():
            carrier[name] = value
    context = _trace_context.extract(carrier, Context()) if "traceparent" in carrier else Context()
    return _baggage.extract(carrier, context) if "baggage" in carrier else context

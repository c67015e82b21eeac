"""What a job's message carries for tracing, in its top-level headers, where other OpenTelemetry tools look for it too.

``traceparent``, ``tracestate`` and ``baggage`` are the W3C's; baggage goes along only if the host has set any.
``llmtrace`` is ours: the time of sending and the trace attributes, which are never baggage.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from llmtrace.jobs.compact import packed, unpacked
from llmtrace.tracing.attributes import TraceAttributes

HEADER: Final = "llmtrace"
STANDARD: Final = {"traceparent": 128, "tracestate": 512, "baggage": 8192}  # characters that are read, by W3C's limits

_trace_context = TraceContextTextMapPropagator()
_baggage = W3CBaggagePropagator()


@dataclass(frozen=True, slots=True)
class Sent:
    """What a message says about its sender."""

    context: Context  # the span it was sent under, as a remote parent, and the host's baggage
    parent: SpanContext | None
    at: float | None  # seconds since the epoch
    attributes: TraceAttributes


def write(
    headers: MutableMapping[str, Any], at: float, attributes: TraceAttributes, context: Context | None = None
) -> None:
    """Add to a message's headers the span and baggage of `context` (the current one if None), time and attributes."""
    headers.pop("tracestate", None)  # a retry's message begins as a copy of the one before it
    _trace_context.inject(headers, context)
    _baggage.inject(headers, context)
    headers[HEADER] = packed(at, attributes)


def read(headers: Mapping[str, Any]) -> Sent:
    """What a message carries. Never raises: a message may come from anywhere."""
    carrier = {}
    for name, limit in STANDARD.items():
        value = headers.get(name)
        if isinstance(value, str) and len(value) <= limit and value.isascii():
            carrier[name] = value
    context = _trace_context.extract(carrier, Context()) if "traceparent" in carrier else Context()
    if "baggage" in carrier:
        context = _baggage.extract(carrier, context)
    parent = trace.get_current_span(context).get_span_context()
    at, attributes = unpacked(headers.get(HEADER))
    return Sent(context, parent if parent.is_valid else None, at, attributes)

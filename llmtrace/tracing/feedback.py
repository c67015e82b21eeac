"""What people thought of an answer, told at any time later: a span of its own below the one that it is about."""

from __future__ import annotations

from typing import Any, Final, Protocol

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from llmtrace import semconv
from llmtrace.tracing.call_span import CallSpan


class Answered(Protocol):
    """What names its span: a `Reply`, or the result of an embedding."""

    @property
    def trace_id(self) -> str | None: ...

    @property
    def span_id(self) -> str | None: ...


HEX: Final = 16


def record_feedback(
    about: Answered | tuple[str, str],
    name: str,
    value: float | bool | str,
    *,
    comment: str | None = None,
) -> None:
    """Record what somebody or something thinks of an answer.

    It goes the way of all spans, to the admin and to every exporter, in the trace of the answer.

    Args:
        about: the reply, or its trace id and span id (hex), kept from earlier.
        name: what is judged, such as "helpful".
        value: a score, yes or no, or a word.
        comment: why; it is content, as what people and models write is.

    Raises:
        ValueError: the ids are no hex digits.
    """
    trace_id, span_id = about if isinstance(about, tuple) else (about.trace_id, about.span_id)
    if trace_id is None or span_id is None:  # nothing was recorded of that answer
        return
    context = _context(trace_id, span_id)
    attributes: dict[str, Any] = {semconv.EVALUATION_NAME: name}
    if isinstance(value, str):
        attributes[semconv.EVALUATION_LABEL] = value
    else:
        attributes[semconv.EVALUATION_SCORE] = float(value)
    above = trace.set_span_in_context(NonRecordingSpan(context))
    span = CallSpan(f"feedback {name}", attributes, SpanKind.INTERNAL, None, above)
    if comment is not None and span.content is not None:
        span.content.add(lambda: {semconv.EVALUATION_EXPLANATION: comment}, len(comment))
    span.end()


def _context(trace_id: str, span_id: str) -> SpanContext:
    """The place of the span that the feedback is about, wherever that was made."""
    context = SpanContext(int(trace_id, HEX), int(span_id, HEX), True, TraceFlags(TraceFlags.SAMPLED))
    if not context.is_valid:
        raise ValueError("A trace id has 32 hex digits and a span id 16, and neither is 0.")
    return context

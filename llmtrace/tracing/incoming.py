"""The trace context that a request brings: linked, and believed only with ``TRUST_INCOMING``. Its baggage never is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.wsgi import WSGIGetter
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanKind

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.setup import get_tracer

SCOPE: Final = "llmtrace.middleware"
LONGEST: Final = 512  # characters of a header that names a trace; a tracestate has a rule of its own


class Arrival(NonRecordingSpan):
    """Is current while a request's span is made, so that the instrumentation leaves what came in to `RequestTracer`.

    OpenTelemetry's takes trace context and baggage from the request only where no span object is current.
    """

    def __init__(self, meta: dict[str, Any]) -> None:
        """`meta` is the request's `META`, which has its headers under WSGI and ASGI alike."""
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.trusted = get_config().trust_incoming
        headers = _trusted if self.trusted else _untrusted
        context = trace.get_current_span(propagate.extract(meta, Context(), headers)).get_span_context()
        self.incoming = context if context.is_valid else None


class RequestTracer:
    """Starts a request's span: below the span of a server's instrumentation, or where the request's trace begins."""

    def start_span(
        self, name: str, context: Context | None, kind: SpanKind, attributes: Mapping[str, Any], **more: Any
    ) -> Span:
        """As `Tracer.start_span`."""
        links: list[Link] = []
        attributes = {**attributes, **trace_attributes.current().on_span}
        above = trace.get_current_span(context)
        if isinstance(above, Arrival):
            kind, parent = SpanKind.SERVER, trace.INVALID_SPAN_CONTEXT
            if above.incoming is not None and above.trusted:
                parent = above.incoming
                attributes[semconv.PARENT_OUTSIDE] = True
            elif above.incoming is not None:
                links.append(Link(above.incoming))
            context = trace.set_span_in_context(NonRecordingSpan(parent), context)
        return get_tracer(SCOPE).start_span(name, context, kind, attributes, links, **more)


class _Headers(WSGIGetter):
    """Reads headers for propagators, without some, and without what they would complain about in the log."""

    def __init__(self, *hidden: str) -> None:
        self._hidden = hidden

    def get(self, carrier: dict[str, Any], key: str) -> list[str] | None:
        values = None if key.lower() in self._hidden else super().get(carrier, key)
        too_long = values is not None and len(values[0]) > LONGEST and key.lower() != "tracestate"
        return None if too_long else values


_trusted: Final = _Headers("baggage")
_untrusted: Final = _Headers("baggage", "tracestate")

"""An exception as a span shows it: its class, and beside the span its texts, which may quote what people wrote."""

from __future__ import annotations

from types import TracebackType

from opentelemetry.trace import Span, StatusCode

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing.content import CallContent, cut, qualified_name
from llmtrace.tracing.untold import is_untold


class _Expected(CallContent):
    """An exception's texts, without a description: OpenTelemetry has one only where the status is an error."""

    __slots__ = ()

    def description(self) -> None:
        return None


def record(span: Span, error: BaseException, *, failed: bool = True, raised_at: TracebackType | None = None) -> None:
    """Show `error` on a span that is about to end, and mark the span as failed unless the error was expected.

    An exception that was never raised has no stack: then `raised_at` is shown.
    """
    if not span.is_recording():
        return
    if failed:
        span.set_attribute(semconv.ERROR_TYPE, qualified_name(type(error)))
        span.set_status(StatusCode.ERROR)
    config = get_config()
    if not config.capture_content or is_untold(error):
        span.add_event(semconv.EXCEPTION_EVENT, {semconv.EXCEPTION_TYPE: qualified_name(type(error))})
        return
    texts = CallContent() if failed else _Expected()
    texts.fail(error, raised_at)
    if config.expose_content:
        for event in texts.events():
            span.add_event(event.name, cut(dict(event.attributes or {}), config.max_content), event.timestamp)
    else:
        fanout.attach(span.get_span_context().span_id, texts)

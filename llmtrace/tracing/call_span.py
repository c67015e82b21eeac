"""The life of one call's span: started before the request, ended once, current only while llmtrace's own code runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.pipeline.ended import as_json, is_structure
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.content import CallContent, qualified_name
from llmtrace.tracing.setup import get_tracer

CANCELLED: Final = "cancelled"


class CallSpan:
    """A span that is used as a context manager around the work that belongs to it, as often as needed, and ended once."""

    __slots__ = ("_content", "_ended", "_expose", "_token", "content", "recording", "span", "span_id", "trace_id")

    def __init__(self, name: str, attributes: dict[str, Any], kind: SpanKind, capture: bool | None) -> None:
        config = get_config()
        known = trace_attributes.current()
        if known:
            attributes.update(known.on_span)
        self.span: Span = get_tracer().start_span(name, kind=kind, attributes=attributes)
        self.recording = self.span.is_recording()
        context = self.span.get_span_context()
        self.trace_id = trace.format_trace_id(context.trace_id) if context.is_valid else None
        self.span_id = trace.format_span_id(context.span_id) if context.is_valid else None
        self._expose = config.expose_content
        captured = config.capture_content if capture is None else capture and config.capture_content
        self.content = CallContent(config.max_content) if captured and self.recording else None
        self._ended = False
        self._token: Any = None

    def __enter__(self) -> CallSpan:
        self._token = otel_context.attach(trace.set_span_in_context(self.span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        otel_context.detach(self._token)

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes, until the span has ended."""
        if self.recording and not self._ended:
            self.span.set_attributes(attributes)

    def end(self, attributes: Mapping[str, Any] | None = None, status: StatusCode = StatusCode.UNSET) -> None:
        """End the span; the first call decides."""
        if self._ended:
            return
        self._ended = True
        if not self.recording:
            self.content = None
            return
        if attributes:
            self.span.set_attributes(attributes)
        if status is not StatusCode.UNSET:
            self.span.set_status(status)
        if self.content is not None:
            self._attach(self.content)
        self.span.end()

    def _attach(self, content: CallContent) -> None:
        context = self.span.get_span_context()
        fanout.attach(context.span_id, content)
        if self._expose:
            rendered = content.attributes()
            self.span.set_attributes({k: as_json(v) if is_structure(v) else v for k, v in rendered.items()})

    def fail(self, error: BaseException, attributes: Mapping[str, Any] | None = None) -> None:
        """End the span with the exception that the caller will see; a cancelled call has not failed."""
        cancelled = isinstance(error, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit))
        if cancelled:
            return self.end({**(attributes or {}), semconv.STREAM_OUTCOME: CANCELLED})
        if self.content is not None and not self._ended:
            self.content.fail(error)
        self.end({**(attributes or {}), semconv.ERROR_TYPE: qualified_name(type(error))}, StatusCode.ERROR)

    @property
    def ended(self) -> bool:
        return self._ended


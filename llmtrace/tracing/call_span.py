"""The life of one call's span: started before the request, ended once, current only while llmtrace's own code runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jsontext import as_json, is_structure
from llmtrace.mistakes import guarded
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.content import CallContent, cut, qualified_name
from llmtrace.tracing.metrics import Meters, meters
from llmtrace.tracing.setup import get_tracer
from llmtrace.tracing.untold import is_untold, keep_untold

GONE: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
"""What ends a call from outside: it was cancelled, and has not failed."""
GREENLET_GONE: Final = "GreenletExit"  # the same of a greenlet, by its name: gevent need not be there

GOES_ON: Final = "the call itself goes on"


class CallSpan:
    """A span that is used as a context manager around the work that belongs to it, as often as needed, and ended once.

    None of it raises: when something of tracing fails, the call goes on without its span.
    """

    __slots__ = (
        "_ended",
        "_expose",
        "_known",
        "_meters",
        "_private",
        "_token",
        "began",
        "content",
        "recording",
        "span",
        "span_id",
        "trace_id",
    )

    def __init__(
        self,
        name: str,
        attributes: dict[str, Any],
        kind: SpanKind,
        capture: bool | None,
        above: otel_context.Context | None = None,
    ) -> None:
        """`capture` is the call's own word on content, None for the setting's; `above` holds another parent."""
        self.span: Span = trace.INVALID_SPAN
        self.content: CallContent | None = None
        self.trace_id: str | None = None
        self.span_id: str | None = None
        self._ended = False
        self._expose: int | None = None  # characters of a text that go onto the live span as well
        self._private = capture is False
        self._meters: Meters | None = None  # of a host that wants metrics
        self._known: dict[str, Any] = attributes
        self._token: Any = None
        self.began = time.perf_counter()
        self._start(name, attributes, kind, capture, above)
        self.recording = self.span.is_recording()

    @guarded("A call's span could not be started.", GOES_ON)
    def _start(
        self,
        name: str,
        attributes: dict[str, Any],
        kind: SpanKind,
        capture: bool | None,
        above: otel_context.Context | None,
    ) -> None:
        config = get_config()
        known = trace_attributes.current()
        if known:
            attributes.update(known.on_span)
        self.span = get_tracer().start_span(name, above, kind, attributes)
        if kind is SpanKind.CLIENT and config.enabled:
            self._meters = meters()
        self.began = time.perf_counter()
        context = self.span.get_span_context()
        if context.is_valid and context.trace_flags.sampled:
            self.trace_id = trace.format_trace_id(context.trace_id)
            self.span_id = trace.format_span_id(context.span_id)
        if (
            config.capture_content if capture is None else capture and config.capture_content
        ) and self.span.is_recording():
            self._expose = config.max_content if config.expose_content else None
            self.content = CallContent()

    def __enter__(self) -> CallSpan:
        self._token = otel_context.attach(trace.set_span_in_context(self.span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if kind is GeneratorExit and trace.get_current_span() is not self.span:
            return  # a coroutine that is thrown away in another context: nothing is to be taken back there
        otel_context.detach(self._token)

    @property
    def ended(self) -> bool:
        """Whether the span has ended."""
        return self._ended

    def end(
        self,
        attributes: Mapping[str, Any] | None = None,
        status: StatusCode = StatusCode.UNSET,
        end_time: int | None = None,
    ) -> None:
        """End the span; the first call decides. `end_time` is in nanoseconds since the epoch, now if left out."""
        if self._ended:
            return
        self._ended = True
        took = time.perf_counter() - self.began
        if self.recording:
            self._complete(attributes, status)
            self._stop(end_time)
        if self._meters is not None:
            self._measure(self._meters, attributes, took)

    @guarded("Not all of a call could be recorded.", GOES_ON)
    def _complete(self, attributes: Mapping[str, Any] | None, status: StatusCode) -> None:
        if attributes:
            self.span.set_attributes(attributes)
        if status is not StatusCode.UNSET:
            self.span.set_status(status)
        if self.content is not None:
            self._attach(self.content)

    @guarded("A call's span could not be ended.", GOES_ON)
    def _stop(self, end_time: int | None) -> None:
        self.span.end(end_time)

    @guarded("The metrics of a call could not be recorded.", GOES_ON)
    def _measure(self, meters: Meters, attributes: Mapping[str, Any] | None, took: float) -> None:
        """Record the call's metrics; `took`, in seconds, counts where a sampler has left its span out."""
        start, end = getattr(self.span, "start_time", None), getattr(self.span, "end_time", None)
        if start is not None and end is not None:
            took = (end - start) / 1e9
        meters.record({**self._known, **(attributes or {})}, took, trace.set_span_in_context(self.span))

    def _attach(self, content: CallContent) -> None:
        fanout.attach(self.span.get_span_context().span_id, content)
        if self._expose is not None:
            rendered = cut(content.attributes(), self._expose)
            self.span.set_attributes({k: as_json(v) if is_structure(v) else v for k, v in rendered.items()})

    def fail(
        self, error: BaseException, attributes: Mapping[str, Any] | None = None, end_time: int | None = None
    ) -> None:
        """End the span with the exception that the caller will see; a call that was cancelled has not failed."""
        if isinstance(error, GONE) or type(error).__name__ == GREENLET_GONE:
            return self.end({**(attributes or {}), semconv.STREAM_OUTCOME: "cancelled"}, end_time=end_time)
        if self._private:
            keep_untold(error)
        elif self.content is not None and not self._ended and not is_untold(error):
            self.content.fail(error)
        name = qualified_name(type(error))
        return self.end({**(attributes or {}), semconv.ERROR_TYPE: name}, StatusCode.ERROR, end_time)

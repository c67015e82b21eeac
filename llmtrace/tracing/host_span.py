"""The span of a request whose host has activated OpenTelemetry's instrumentation by itself, which makes and ends it."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from opentelemetry.trace import Span

from llmtrace.tracing import failure


class HostSpan:
    """Kept from ending while the body of the request goes on; else none of our business."""

    __slots__ = ("_hold", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self._hold: Hold | None = None

    def answered(self, response: HttpResponseBase, error: BaseException | None) -> None:
        """The host's instrumentation sees to it."""

    def stay_open(self) -> None:
        """The request goes on after the host's instrumentation has seen the response."""
        self._hold = Hold(self.span)

    def end(self, error: BaseException | None) -> None:
        """The body has ended, with `error` if it raised."""
        if self._hold is None:
            return
        if error is not None:
            failure.record(self.span, error)
        if self._hold.let_go():
            self.span.end()


class Hold:
    """Keeps a span from being ended by who believes that the request is over, until it is let go."""

    __slots__ = ("_span", "_wanted")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._wanted = False
        span.__dict__["end"] = self

    def __call__(self, end_time: int | None = None) -> None:
        """Stand for `Span.end`."""
        self._wanted = True

    def let_go(self) -> bool:
        """Give the span its `end` back; whether it was called meanwhile."""
        self._span.__dict__.pop("end", None)
        return self._wanted

"""What is current while code of one request runs: its span, its scope, and who is behind it."""

from __future__ import annotations

from contextvars import Token
from types import TracebackType
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span

from llmtrace.tracing.attributes import Source, TraceAttributes, current_given, current_source
from llmtrace.tracing.scope import Scope, current_scope


class Surroundings:
    """What is current in a view, or in the steps of a body: what a step leaves current is so in the next, nowhere else.

    A generator that yields inside `with tracer.start_as_current_span(…)` leaves its span current for whoever asked for
    the next piece, who may go on to serve another request.
    """

    __slots__ = ("_context", "_given", "scope", "source", "span")

    def __init__(self, span: Span | None, scope: Scope, source: Source) -> None:
        self.span = span
        self.scope = scope
        self.source = source
        self._context: Context | None = None
        self._given: TraceAttributes | None = None

    def current(self) -> Stretch:
        """A context manager for one stretch of the request's code, which may contain `await`."""
        return Stretch(self)


class Stretch:
    """One time that a request's surroundings are current."""

    __slots__ = ("_of", "_tokens")

    def __init__(self, of: Surroundings) -> None:
        self._of = of
        self._tokens: tuple[Token[Any], Token[Any], Token[Any], Token[Context] | None] | None = None

    def __enter__(self) -> None:
        of, span = self._of, None
        if of.span is not None:
            span = otel_context.attach(of._context or trace.set_span_in_context(of.span))
        given = current_given.get() if of._given is None else of._given
        self._tokens = (current_scope.set(of.scope), current_source.set(of.source), current_given.set(given), span)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        """Put back what was current before."""
        if self._tokens is None:
            return
        of, (scope, source, given, span) = self._of, self._tokens
        try:
            current_scope.reset(scope)
        except ValueError:  # a coroutine that is closed by the garbage collector, where its own context is gone
            return
        of._given = current_given.get()
        current_source.reset(source)
        current_given.reset(given)
        if span is not None:
            of._context = otel_context.get_current()
            otel_context.detach(span)

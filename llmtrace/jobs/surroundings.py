"""What is current while one attempt of a job runs, and how it is left: nothing of it may reach the next job."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from llmtrace.jobs.message import Sent
from llmtrace.tracing.attributes import TraceAttributes, current_given, current_outside, current_source
from llmtrace.tracing.scope import Scope, current_scope


class Surroundings:
    """Sets what is current, and puts back what was.

    Without tokens, which hold in one context only: where a worker is async, the signals before and after a task come in
    copies of one.
    """

    __slots__ = ("_before", "_context", "_scope")

    def __init__(self) -> None:
        self._scope = Scope()
        self._before: list[tuple[ContextVar[Any], Any]] = []
        self._context: Context | None = None
        self.set(current_scope, self._scope)

    def set(self, variable: ContextVar[Any], value: Any) -> None:
        """Have `variable`, which has a default, at `value` until the end."""
        self._before.append((variable, variable.get()))
        variable.set(value)

    def know(self, attributes: TraceAttributes) -> None:
        """Have the sender's trace attributes in force and no others: in a worker there is no request."""
        self.set(current_given, attributes)
        self.set(current_source, None)

    def below(self, sent: Sent) -> None:
        """Have what sent a job as the span right above."""
        self.set(current_outside, sent.parent if sent.outside else None)
        self.attach(sent.context)

    def attach(self, context: Context) -> None:
        """Have an OpenTelemetry context as the current one."""
        self._context = otel_context.get_current()
        otel_context.attach(context)

    def leave(self) -> None:
        """Put everything back, and end what the job has left open."""
        try:
            if self._context is not None:
                otel_context.attach(self._context)
            for variable, value in reversed(self._before):
                variable.set(value)
        finally:
            self._scope.end()

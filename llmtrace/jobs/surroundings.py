"""What is current while one attempt of a job runs, and how it is left: nothing of it may reach the next job."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from llmtrace.tracing.attributes import TraceAttributes, current_given, current_source
from llmtrace.tracing.scope import Scope, current_scope


class Surroundings:
    """Sets what is current, and puts back what was."""

    __slots__ = ("_attached", "_scope", "_tokens")

    def __init__(self) -> None:
        self._scope = Scope()
        self._tokens: list[tuple[ContextVar[Any], Token[Any]]] = []
        self._attached: Token[Context] | None = None
        self.set(current_scope, self._scope)

    def set(self, variable: ContextVar[Any], value: Any) -> None:
        """Have `variable` at `value` until the end."""
        self._tokens.append((variable, variable.set(value)))

    def know(self, attributes: TraceAttributes) -> None:
        """Have the sender's trace attributes in force and no others: in a worker there is no request."""
        self.set(current_given, attributes)
        self.set(current_source, None)

    def attach(self, context: Context) -> None:
        """Have an OpenTelemetry context as the current one."""
        self._attached = otel_context.attach(context)

    def leave(self) -> None:
        """Put everything back, and end what the job has left open."""
        try:
            if self._attached is not None:
                otel_context.detach(self._attached)
            for variable, token in reversed(self._tokens):
                variable.reset(token)
        finally:
            self._scope.end()

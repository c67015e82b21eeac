"""Jobs that are sent when a transaction commits: related to the span that asked for it, which may have ended since."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from opentelemetry import trace
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import SpanContext
from wrapt import FunctionWrapper, wrap_function_wrapper

from llmtrace.conf import get_config

registered_by: Final[ContextVar[SpanContext | None]] = ContextVar("llmtrace_registered_by", default=None)
"""The span under which the function was registered that runs now."""


def connect() -> None:
    """Remember under which span a function is registered. Safe to call again."""
    if not hasattr(BaseDatabaseWrapper.on_commit, "__wrapped__"):
        wrap_function_wrapper(BaseDatabaseWrapper, "on_commit", _on_commit)


def disconnect() -> None:
    """Leave Django as it was."""
    unwrap(BaseDatabaseWrapper, "on_commit")


def _on_commit(on_commit: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args and callable(args[0]) and get_config().enabled:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            args = (FunctionWrapper(args[0], _Within(span)), *args[1:])
    return on_commit(*args, **kwargs)


class _Within:
    """Calls a function, the span known that it was registered under; to the host it looks like the function itself."""

    __slots__ = ("_span",)

    def __init__(self, span: SpanContext) -> None:
        self._span = span

    def __call__(self, function: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
        token = registered_by.set(self._span)
        try:
            return function(*args, **kwargs)
        finally:
            registered_by.reset(token)

"""The whole of an attempt: also what Celery does once its task is done and its last signal was sent.

Receivers of the project's may be called after ours. And where Celery fails itself, as without its result backend or in
the project's `on_failure`, it then calls callbacks of errors and handlers of failures a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, Protocol

from opentelemetry.instrumentation.utils import unwrap
from wrapt import wrap_function_wrapper

from llmtrace.jobs.tasks import loaded
from llmtrace.mistakes import guarded

MODULES: Final = ("celery.app.trace", "celery.worker.consumer.consumer")
"""Where Celery looks for what makes the function that runs a task."""


class Ends(Protocol):
    """What is to end with an attempt."""

    def end(self) -> None: ...


class Whole:
    """One call of the function that runs a task."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun: Ends | None = None


_whole: ContextVar[Whole | None] = ContextVar("llmtrace_whole_attempt", default=None)


def ends_with_it(begun: Ends) -> bool:
    """Have `begun` end with the attempt that begins here; False where it has to end by itself.

    That is where another function than Celery's runs tasks, as in pools for async code.
    """
    whole = _whole.get()
    if whole is None or whole.begun is not None:
        return False
    whole.begun = begun
    return True


def connect() -> None:
    """Know where attempts end. Safe to call again."""
    for module in loaded(*MODULES):
        if not hasattr(module.build_tracer, "__wrapped__"):
            wrap_function_wrapper(module, "build_tracer", _build_tracer)


def disconnect() -> None:
    """Leave Celery as it was, but for the functions that it has made."""
    for module in loaded(*MODULES):
        unwrap(module, "build_tracer")


def _build_tracer(build: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    trace_task = build(*args, **kwargs)

    def traced(*args: Any, **kwargs: Any) -> Any:
        whole = Whole()
        token = _whole.set(whole)
        try:
            return trace_task(*args, **kwargs)
        finally:
            _whole.reset(token)
            if whole.begun is not None:
                _end(whole.begun)

    return traced


@guarded("A job's run could not be traced.")
def _end(begun: Ends) -> None:
    begun.end()

"""Enqueuing a task of Django's framework: a PRODUCER span. With the immediate backend the task runs within it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import Span, SpanKind
from wrapt import wrap_function_wrapper

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jobs.relation import PUBLISH, SCOPE, sent_under
from llmtrace.jobs.tasks import FRAMEWORKS, excluded, loaded, task_attributes
from llmtrace.jobs.tasks_run import open_run, unwind
from llmtrace.mistakes import guarded
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import get_tracer

_untraced = guarded("The enqueuing of a task could not be traced.")


def connect() -> None:
    """Trace what this process enqueues. Safe to call again."""
    for module in loaded(*(f"{name}.base" for name in FRAMEWORKS)):
        if not hasattr(module.Task.enqueue, "__wrapped__"):
            wrap_function_wrapper(module.Task, "enqueue", _enqueue)
            wrap_function_wrapper(module.Task, "aenqueue", _aenqueue)


def disconnect() -> None:
    """Leave Django as it was."""
    for module in loaded(*(f"{name}.base" for name in FRAMEWORKS)):
        unwrap(module.Task, "enqueue")
        unwrap(module.Task, "aenqueue")


class Enqueue:
    """One task on its way into a queue."""

    __slots__ = ("_around", "_span", "_token")

    def __init__(self, task: Any) -> None:
        self._around = open_run()
        self._span: Span | None = None
        self._token: Any = None
        if not excluded(task.module_path):
            self._start(task)

    def _start(self, task: Any) -> None:
        attributes = {**task_attributes(task), **PUBLISH, **trace_attributes.current().on_span}
        wait = 0.0 if task.run_after is None else task.run_after.timestamp() - time.time()
        if wait > 0:
            attributes[semconv.JOB_DELAY] = wait
        parent, links = sent_under()
        name = f"publish {task.module_path}"
        self._span = get_tracer(SCOPE).start_span(name, parent, SpanKind.PRODUCER, attributes, links)
        self._token = otel_context.attach(trace.set_span_in_context(self._span))

    @_untraced
    def end(self, result: Any = None, error: BaseException | None = None) -> None:
        """End the span, and before it a run that an interrupted immediate backend has left open."""
        unwind(self._around, error)
        if self._span is None:
            return
        otel_context.detach(self._token)
        if error is not None:
            record(self._span, error)
        if result is not None:
            self._span.set_attribute(semconv.MESSAGING_MESSAGE_ID, str(result.id))
        self._span.end()


@_untraced
def _begin(task: Any) -> Enqueue | None:
    return Enqueue(task) if get_config().enabled else None


def _enqueue(enqueue: Callable[..., Any], task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    begun = _begin(task)
    try:
        result = enqueue(*args, **kwargs)
    except BaseException as error:
        if begun is not None:
            begun.end(error=error)
        raise
    if begun is not None:
        begun.end(result)
    return result


async def _aenqueue(enqueue: Callable[..., Any], task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    begun = _begin(task)
    try:
        result = await enqueue(*args, **kwargs)
    except BaseException as error:
        if begun is not None:
            begun.end(error=error)
        raise
    if begun is not None:
        begun.end(result)
    return result

"""Running a task of Django's framework: a CONSUMER span, below what enqueued it, with its trace attributes in force."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from wrapt import wrap_function_wrapper

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jobs import message
from llmtrace.jobs.relation import RUN, SCOPE, related, waits
from llmtrace.jobs.surroundings import Surroundings
from llmtrace.jobs.tasks import FRAMEWORKS, excluded, loaded, task_attributes
from llmtrace.jobs.tasks_row import carried
from llmtrace.mistakes import guarded
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import get_tracer

FAILED: Final = "FAILED"

_untraced = guarded("A task's run could not be traced.")


class TaskRun:
    """One run of a task, from before the receivers that hear of its start until after those that hear of its end."""

    __slots__ = ("_handled", "_result", "_span", "_surroundings", "around", "id")

    def __init__(self, result: Any) -> None:
        self.id = result.id
        self.around = open_run()
        self._handled = sys.exc_info()[1]  # what the caller of an immediate task is handling
        self._result = result
        self._span: Span | None = None
        self._surroundings = Surroundings()
        self._surroundings.set(_open, self)

    def begin(self) -> None:
        """Make what the task carries the current context, and start the span unless the task is to have none.

        A task that carries nothing belongs to what is current: to its own enqueuing with the immediate backend, to the
        worker's job with a backend that hands tasks to another framework.
        """
        task, headers = self._result.task, carried(self._result)
        sent = message.read(headers)
        parent = sent.context if headers else otel_context.get_current()
        known = sent.attributes if headers else trace_attributes.current()
        if headers:
            self._surroundings.know(known)
        if excluded(task.module_path):
            self._surroundings.attach(parent)
            return
        attributes = {**self._described(sent.at, parent), **known.on_span}
        links: list[Link] = []
        if headers:
            parent, links = related(sent, attributes, task.func)
        self._span = get_tracer(SCOPE).start_span(task.module_path, parent, SpanKind.CONSUMER, attributes, links)
        self._surroundings.attach(trace.set_span_in_context(self._span, parent))

    def _described(self, sent_at: float | None, parent: Context) -> dict[str, Any]:
        task, result = self._result.task, self._result
        attributes = {**task_attributes(task), **RUN, semconv.MESSAGING_MESSAGE_ID: str(result.id)}
        if result.worker_ids:
            attributes[semconv.JOB_ATTEMPT] = len(result.worker_ids)
        if sent_at is None and result.enqueued_at and not trace.get_current_span(parent).is_recording():
            sent_at = result.enqueued_at.timestamp()
        if sent_at is not None:
            due = None if task.run_after is None else task.run_after.timestamp()
            attributes.update(waits(sent_at, due, time.time()))
        return attributes

    def end(self, result: Any = None, error: BaseException | None = None) -> None:
        """End the span with how the run went, and leave everything current as it was before.

        Args:
            result: the task's result, None where the run was cut off.
            error: what cut it off.
        """
        raised = sys.exc_info()[1] if error is None else error
        try:
            self._surroundings.leave()  # first: what the task has left open ends within its span
        finally:
            if self._span is not None:
                _show(self._span, result, None if raised is self._handled else raised)
                self._span.end()


def _show(span: Span, result: Any, raised: BaseException | None) -> None:
    state = FAILED if result is None else str(result.status)
    span.set_attribute(semconv.JOB_STATE, state)
    if state != FAILED:
        return
    if raised is not None:
        record(span, raised)
        return
    errors = getattr(result, "errors", None)
    span.set_attribute(semconv.ERROR_TYPE, errors[-1].exception_class_path if errors else semconv.ERROR_TYPE_OTHER)
    span.set_status(StatusCode.ERROR)


_open: ContextVar[TaskRun | None] = ContextVar("llmtrace_task_run", default=None)


def open_run() -> TaskRun | None:
    """The run that this code is part of, if any."""
    return _open.get()


def unwind(until: TaskRun | None, error: BaseException | None = None) -> None:
    """End the runs inside of `until`, which were cut off: no signal tells of a KeyboardInterrupt."""
    while (run := open_run()) is not until and run is not None:
        run.end(error=error)


@_untraced
def before_run(result: Any) -> None:
    """Begin the run of a task that is about to be called."""
    if get_config().enabled:
        TaskRun(result).begin()


@_untraced
def after_run(result: Any) -> None:
    """End the run of a task that has been called."""
    run = open_run()
    while run is not None and run.id != result.id:
        run = run.around
    if run is not None:
        unwind(run)
        run.end(result)


def connect() -> None:
    """Trace what this process runs. Safe to call again."""
    for module in loaded(*(f"{name}.signals" for name in FRAMEWORKS)):
        if not hasattr(module.task_started.send, "__wrapped__"):
            wrap_function_wrapper(module.task_started, "send", _started)
            wrap_function_wrapper(module.task_finished, "send", _finished)


def disconnect() -> None:
    """Leave Django as it was."""
    for module in loaded(*(f"{name}.signals" for name in FRAMEWORKS)):
        unwrap(module.task_started, "send")
        unwrap(module.task_finished, "send")


def _started(send: Callable[..., Any], signal: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around the signal, since its receivers are called in an order that the project decides."""
    before_run(kwargs.get("task_result"))
    return send(*args, **kwargs)


def _finished(send: Callable[..., Any], signal: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = kwargs.get("task_result")
    try:
        responses = send(*args, **kwargs)
    except BaseException:
        if str(getattr(result, "status", None)) == FAILED:  # else a worker makes it that and tells again
            after_run(result)
        raise
    after_run(result)
    return responses

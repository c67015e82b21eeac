"""Running a job: a CONSUMER span for each attempt, below what sent it, with the sender's trace attributes in force."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from celery import signals
from celery.app.task import Context as Request
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jobs import message, others
from llmtrace.jobs.describe import body_id, excluded, job_attributes, queue_of, real_name, seconds
from llmtrace.jobs.message import Sent
from llmtrace.jobs.outcome import TERMINATED, Outcome, outcome_of
from llmtrace.jobs.receivers import connect_first
from llmtrace.jobs.relation import RUN, SCOPE, related, waits
from llmtrace.jobs.surroundings import Surroundings
from llmtrace.jobs.whole import ends_with_it
from llmtrace.mistakes import guarded
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import get_tracer, save

UID: Final = "llmtrace.jobs.run"


class Run:
    """One attempt of a job, from before the project's receivers hear of it until all is done that they may do."""

    __slots__ = (
        "_around",
        "_has_end",
        "_outcome",
        "_request",
        "_surroundings",
        "_theirs",
        "id",
        "name",
        "sent",
        "span",
        "task",
    )

    def __init__(self, task: Any, request: Request) -> None:
        self.task = task
        self.id = request.id
        self.sent = message.read(_headers(request))
        self.name = real_name(task.name, request.kwargs)
        self.span: Span | None = None
        self._request = request
        self._theirs: dict[str, Any] | None = None  # attributes for the span of another instrumentation
        self._around = sys.exc_info()[1]  # what the caller of an eager job is handling
        self._outcome: Outcome | None = None
        self._has_end = False
        self._surroundings = Surroundings()

    @property
    def key(self) -> int:
        """Tells it from other attempts with the same task id."""
        return id(self._request)

    def begin(self) -> None:
        """Make the sender's context the current one, and start the span unless the task is to have none."""
        eager = bool(self._request.is_eager)
        parent = otel_context.get_current() if eager else self.sent.context
        known = trace_attributes.current() if eager else self.sent.attributes
        _runs[self.key] = self
        self._has_end = ends_with_it(self)
        self._surroundings.set(_running, self)
        if not eager:
            self._surroundings.know(known)
        attributes = self._described(eager)
        attributes.update(known.on_span)
        if others.expect(signals.task_postrun, after_run):
            self._theirs = attributes
        elif not excluded(self.name):
            self._start(parent, attributes)
        elif eager:
            self._surroundings.attach(parent)
        else:
            self._surroundings.below(self.sent)

    def _start(self, parent: Context, attributes: dict[str, Any]) -> None:
        links: list[Link] = []
        if not self._request.is_eager:
            parent, links = related(self.sent, attributes, self.task)
        self.span = get_tracer(SCOPE).start_span(self.name, parent, SpanKind.CONSUMER, attributes, links)
        self._surroundings.attach(trace.set_span_in_context(self.span, parent))

    def _described(self, eager: bool) -> dict[str, Any]:
        request, now = self._request, time.time()
        attributes = job_attributes(self.name, vars(request))
        attributes.update(RUN)
        if request.chord and (chord := body_id(request.chord)):
            attributes[semconv.JOB_CHORD_ID] = chord
        if not eager:
            attributes.update(delivered(request.delivery_info))
            if self.sent.outside:
                attributes[semconv.PARENT_OUTSIDE] = True
        if not eager and self.sent.at is not None:
            due = seconds(request.eta, self.task.app.timezone) if request.eta else None
            attributes.update(waits(self.sent.at, due, now))
        return attributes

    def done(self, state: str | None, value: Any) -> None:
        """Take note of how the task went, and end at once if nothing may follow or nobody tells when that is over."""
        raised = sys.exc_info()[1]
        if raised is self._around and state is not None:
            raised = None
        throws = self.task.throws or ()
        expected = (throws,) if isinstance(throws, type) else tuple(throws)  # Celery takes one class alone as well
        self._outcome = outcome_of(state, value, raised, expected)
        if self._theirs is not None:
            others.enrich({**self._theirs, semconv.CELERY_STATE: self._outcome.state})
        if self._theirs is not None or self._outcome.state == TERMINATED or not self._has_end:
            self.end()

    def end(self) -> None:
        """End the span with how the attempt went, and leave everything current as it was before. Safe to call again."""
        if _runs.pop(self.key, None) is None:
            return
        try:
            self._surroundings.leave()  # first: what the job has left open ends within its span
        finally:
            if self.span is not None:
                if self._outcome is not None:
                    _show(self.span, self._outcome)
                self.span.end()
                if self._outcome is not None and self._outcome.state == TERMINATED:
                    save()  # a hard time limit kills the process 0.1 s after it has told it to end

    def for_retry(self) -> Sent | None:
        """What the messages of further attempts carry: the same as this one's, or this as the parent if it had none."""
        if self.sent.parent is not None:
            return self.sent
        if self.span is None:
            return None
        return Sent(trace.set_span_in_context(self.span, Context()), None, None, self.sent.attributes)


def delivered(delivery: Mapping[str, Any] | None) -> dict[str, Any]:
    """The queue that a message came from, and whether it has been delivered before."""
    delivery = delivery or {}
    attributes: dict[str, Any] = {}
    if isinstance(queue := delivery.get("routing_key"), str):
        attributes[semconv.MESSAGING_DESTINATION] = queue_of(queue)
    if delivery.get("redelivered"):
        attributes[semconv.JOB_REDELIVERED] = True
    return attributes


def _show(span: Span, outcome: Outcome) -> None:
    span.set_attribute(semconv.CELERY_STATE, outcome.state)
    if outcome.exception is not None:
        record(span, outcome.exception, failed=outcome.error, raised_at=outcome.raised_at)
    elif outcome.error:
        span.set_attribute(semconv.ERROR_TYPE, semconv.ERROR_TYPE_OTHER)
        span.set_status(StatusCode.ERROR)


_runs: dict[int, Run] = {}
"""By the request object, which the run holds on to: a second attempt has the same task id, and may begin before the
first has ended."""

_running: ContextVar[Run | None] = ContextVar("llmtrace_run", default=None)


def running() -> Run | None:
    """The attempt that this code is part of, if any."""
    return _running.get()


def _headers(request: Request) -> Mapping[str, Any]:
    """The headers of the message: attributes of the request, or with protocol 1 its `headers`."""
    known = vars(request)
    if message.HEADER in known or "traceparent" in known or not isinstance(request.headers, dict):
        return known
    return request.headers


@guarded("A job's run could not be traced.")
def before_run(*, task: Any, **_: Any) -> None:
    """Begin the attempt that Celery is about to start."""
    if not get_config().enabled:
        return
    Run(task, task.request).begin()


@guarded("A job's run could not be traced.")
def after_run(*, task: Any, task_id: str, state: str | None, retval: Any, **_: Any) -> None:
    """Tell the attempt how its task went."""
    run = _runs.get(id(task.request)) or _under_another(task_id)
    if run is not None:
        run.done(state, retval)


def _under_another(task_id: str) -> Run | None:
    """The attempt whose task has left another request in front of its own, as a `__call__` of its class may."""
    run = running()
    return run if run is not None and run.id == task_id else None


def connect() -> None:
    """Trace what this process runs."""
    connect_first(signals.task_prerun, before_run, UID)
    connect_first(signals.task_postrun, after_run, UID)


def disconnect() -> None:
    """Leave Celery as it was."""
    signals.task_prerun.disconnect(before_run, dispatch_uid=UID)
    signals.task_postrun.disconnect(after_run, dispatch_uid=UID)

"""Sending a job: a PRODUCER span for each message, through the one funnel that Celery has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

from celery import signals
from celery.app.base import Celery
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import Link, Span, SpanKind
from wrapt import wrap_function_wrapper

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jobs import message, others
from llmtrace.jobs.describe import body_id, excluded, job_attributes, queue_of, real_name, seconds
from llmtrace.jobs.message import Sent
from llmtrace.jobs.receivers import connect_first
from llmtrace.jobs.relation import PUBLISH, SCOPE, sent_under
from llmtrace.jobs.run import running
from llmtrace.mistakes import guarded
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.attributes import NONE
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import get_tracer

UID: Final = "llmtrace.jobs.publish"


class Publish:
    """One message on its way to the broker."""

    __slots__ = ("_began", "_span", "_token", "app", "name")

    def __init__(self, app: Celery, name: str, kwargs: Any) -> None:
        self.app = app
        self.name = real_name(name, kwargs)
        self._began = time.time_ns()
        self._span: Span | None = None
        self._token: Any = None

    def begin(self, attributes: dict[str, Any], parent: Context | None = None) -> None:
        """Start the span, once all is known that a sampler may ask for, and make it current.

        Below `parent` if it is given, else where `sent_under` says.
        """
        links: list[Link] = []
        if parent is None:
            parent, links = sent_under()
        self._span = get_tracer(SCOPE).start_span(
            f"publish {self.name}", parent, SpanKind.PRODUCER, attributes, links, self._began
        )
        self._token = otel_context.attach(trace.set_span_in_context(self._span))

    @property
    def begun(self) -> bool:
        return self._span is not None

    @guarded("A job's message could not be traced.")
    def end(self, error: BaseException | None = None) -> None:
        """End the span. A message may fail before anything was known of it: then its span is begun here."""
        if self._span is None:
            if error is None:
                return
            self.begin({**job_attributes(self.name, {}), **PUBLISH, **trace_attributes.current().on_span})
        if self._token is not None:
            otel_context.detach(self._token)
        if self._span is not None:
            if error is not None:
                record(self._span, error)
            self._span.end()


scheduled_by: Final[ContextVar[str | None]] = ContextVar("llmtrace_schedule", default=None)
"""The name of the schedule by which beat is sending a job."""

_sending: ContextVar[Publish | None] = ContextVar("llmtrace_publish", default=None)


def connect() -> None:
    """Trace what this process sends."""
    wrap_function_wrapper(Celery, "send_task", _send_task)
    connect_first(signals.before_task_publish, before_publish, UID)
    connect_first(signals.after_task_publish, after_publish, UID)


def disconnect() -> None:
    """Leave Celery as it was."""
    unwrap(Celery, "send_task")
    signals.before_task_publish.disconnect(before_publish, dispatch_uid=UID)
    signals.after_task_publish.disconnect(after_publish, dispatch_uid=UID)


def _send_task(send: Callable[..., Any], app: Celery, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    publish = _wanted(app, args, kwargs)
    token = _sending.set(publish)
    try:
        result = send(*args, **kwargs)
    except BaseException as error:
        if publish is not None:
            publish.end(error)
        raise
    finally:
        _sending.reset(token)
    if publish is not None:
        publish.end()
    return result


@guarded("A job's message could not be traced.")
def _wanted(app: Celery, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Publish | None:
    config = get_config()
    name = args[0] if args else kwargs.get("name")
    if not config.enabled or not isinstance(name, str) or others.active():
        return None
    publish = Publish(app, name, args[2] if len(args) > 2 else kwargs.get("kwargs"))
    return None if excluded(publish.name) else publish


@guarded("A job's message could not be traced.")
def before_publish(
    *,
    headers: MutableMapping[str, Any],
    body: Any,
    exchange: Any,
    routing_key: Any,
    declare: Any = None,
    **_: Any,
) -> None:
    """Begin the span and write the headers: here all of the message is known, and it can still change."""
    if not get_config().enabled:
        return
    publish = _sending.get()
    facts = body if isinstance(body, dict) else headers  # protocol 1 has them in the body
    first = _first_attempt(facts, headers)
    attributes = trace_attributes.current() if first is None else first.attributes
    context = None if first is None else first.context
    outside = first is not None and first.outside
    now = time.time()
    if publish is None:
        others.expect(signals.after_task_publish, after_publish)
    elif not publish.begun:
        described = job_attributes(publish.name, facts)
        described.update(PUBLISH)
        if attributes is not NONE:
            described.update(attributes.on_span)
        if eta := facts.get("eta"):
            described.update(_wait(eta, publish.app.timezone, now))
        if chord := body_id((body if isinstance(body, dict) else body[2]).get("chord")):
            described[semconv.JOB_CHORD_ID] = chord
        if schedule := scheduled_by.get():
            described[semconv.JOB_SCHEDULE] = schedule
        if queue := declare[0].name if declare else routing_key or getattr(exchange, "name", exchange):
            described[semconv.MESSAGING_DESTINATION] = queue_of(str(queue))
        if outside:
            described[semconv.PARENT_OUTSIDE] = True
        publish.begin(described, context)
    message.write(headers, now, attributes, context, outside)


@guarded("A job's message could not be traced.")
def after_publish(*, sender: str, headers: Mapping[str, Any], body: Any, **_: Any) -> None:
    """Enrich the span of another instrumentation, which began after `before_publish`."""
    if get_config().enabled and _sending.get() is None and others.active():
        others.enrich(job_attributes(sender, body if isinstance(body, dict) else headers))


def _first_attempt(facts: Mapping[str, Any], headers: Mapping[str, Any]) -> Sent | None:
    """Of a retry, what the message of its first attempt carried, so that attempts are siblings and not a tower.

    A retry's headers begin as a copy of those before it, unless the task has given others.
    """
    if not facts.get("retries"):
        return None
    sent = message.read(headers)
    if sent.parent is not None:
        return sent
    run = running()
    return run.for_retry() if run is not None and run.id == facts.get("id") else None


def _wait(eta: Any, timezone: Any, now: float) -> dict[str, Any]:
    due = seconds(eta, timezone)
    return {semconv.JOB_DELAY: due - now} if due is not None and due > now else {}

"""How a job is related to what sent it, and how long it waited: of every framework for jobs the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jobs.message import Sent
from llmtrace.jobs.on_commit import registered_by

SCOPE: Final = "llmtrace.jobs"
PUBLISH: Final = {semconv.MESSAGING_OPERATION: "publish", semconv.MESSAGING_OPERATION_TYPE: "send"}
RUN: Final = {semconv.MESSAGING_OPERATION: "run", semconv.MESSAGING_OPERATION_TYPE: "process"}
RELATION: Final = "llmtrace_relation"  # an option of a task


def sent_under() -> tuple[Context | None, list[Link]]:
    """Where a message's span goes: below the current span (None), with a link to the span that registered the sending
    on commit, or below that if there is no other."""
    registered = registered_by.get()
    if registered is None:
        return None, []
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return trace.set_span_in_context(NonRecordingSpan(registered)), []
    return None, [Link(registered)] if current != registered else []


def related(sent: Sent, attributes: Mapping[str, Any], task: Any = None) -> tuple[Context, list[Link]]:
    """Where an attempt's span goes: below what sent it, or at the head of a trace of its own with a link to that.

    Args:
        sent: what the message says of its sender.
        attributes: the attempt's own, with what it waited.
        task: what may have a relation of its own, ``llmtrace_relation``, which comes before the settings.
    """
    jobs = get_config().jobs
    relation = getattr(task, RELATION, None)
    linked = (relation or jobs.relation) == "link"
    if relation is None and jobs.link_after is not None:
        waited = attributes.get(semconv.JOB_DELAY, 0.0) + attributes.get(semconv.JOB_QUEUE_TIME, 0.0)
        linked = linked or waited > jobs.link_after
    if sent.parent is None or not linked:
        return sent.context, []
    return trace.set_span_in_context(trace.INVALID_SPAN, sent.context), [Link(sent.parent)]


def waits(sent_at: float, due: float | None, now: float) -> dict[str, Any]:
    """How long the message waited in the queue, and how long it was asked to; times in seconds since the epoch.

    Clocks of two machines may differ: how long a job waited that began before it was sent is unknown. One that began
    before it was due waited for nothing: timers of a worker run some milliseconds early now and then.
    """
    delay = 0.0 if due is None else max(0.0, due - sent_at)
    attributes = {semconv.JOB_QUEUE_TIME: max(0.0, now - sent_at - delay)} if now >= sent_at else {}
    if delay:
        attributes[semconv.JOB_DELAY] = delay
    return attributes

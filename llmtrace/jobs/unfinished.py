"""Jobs that never run, or do not end by themselves: what only the main process of a worker sees.

Each is a CONSUMER span beside the attempts of its job, with the reason. Where the process that ran the job was killed,
its run and the calls that were cut off are ended here as well. Callbacks of errors, which Celery then calls and sends
from here, find what the job's message carries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from billiard.pool import Pool, TimeoutHandler
from celery import signals, states
from celery.app.task import Context
from celery.exceptions import NotRegistered
from celery.worker.request import Request
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import SpanKind
from wrapt import wrap_function_wrapper

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jobs import message
from llmtrace.jobs.describe import body_id, excluded, job_attributes, real_name
from llmtrace.jobs.outcome import TERMINATED as TERMINATED_RUN
from llmtrace.jobs.relation import RUN, SCOPE, related
from llmtrace.jobs.run import delivered
from llmtrace.jobs.surroundings import Surroundings
from llmtrace.mistakes import guarded
from llmtrace.tracing.cut_off import CutOff
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import get_tracer

UID: Final = "llmtrace.jobs.unfinished"
EXPIRED, REVOKED, TERMINATED = "expired", "revoked", "terminated"
UNKNOWN, REFUSED, TIME_LIMIT, LOST = "unknown task", "message refused", "time limit", "worker lost"

_untold: Final = guarded("The end of a job that its worker saw could not be told.")


def connect() -> None:
    """Tell of jobs that this worker does not run to their end."""
    signals.task_revoked.connect(on_revoked, weak=False, dispatch_uid=UID)
    signals.task_unknown.connect(on_unknown, weak=False, dispatch_uid=UID)
    signals.task_rejected.connect(on_refused, weak=False, dispatch_uid=UID)
    wrap_function_wrapper(Request, "on_timeout", _on_timeout)
    wrap_function_wrapper(Request, "on_failure", _on_failure)
    wrap_function_wrapper(Request, "_announce_revoked", _announce)
    wrap_function_wrapper(Request, "_announce_cancelled", _announce)
    wrap_function_wrapper(TimeoutHandler, "on_hard_timeout", _on_hard_timeout)
    wrap_function_wrapper(Pool, "_join_exited_workers", _join_exited_workers)


def disconnect() -> None:
    """Leave Celery as it was."""
    signals.task_revoked.disconnect(on_revoked, dispatch_uid=UID)
    signals.task_unknown.disconnect(on_unknown, dispatch_uid=UID)
    signals.task_rejected.disconnect(on_refused, dispatch_uid=UID)
    unwrap(Request, "on_timeout")
    unwrap(Request, "on_failure")
    unwrap(Request, "_announce_revoked")
    unwrap(Request, "_announce_cancelled")
    unwrap(TimeoutHandler, "on_hard_timeout")
    unwrap(Pool, "_join_exited_workers")


@contextmanager
def _carried(request: Request) -> Iterator[None]:
    """Have in force what a job's message carries; nothing of it stays."""
    surroundings = Surroundings()
    try:
        _bring(request, surroundings)
        yield
    finally:
        surroundings.leave()


@_untold
def _bring(request: Request, surroundings: Surroundings) -> None:
    if not get_config().enabled:
        return
    sent = message.read(request.request_dict)
    surroundings.know(sent.attributes)
    surroundings.below(sent)


def _announce(announce: Callable[..., Any], request: Request, args: tuple[Any, ...], kwargs: Any) -> Any:
    """Fails the chord of a revoked job; calls `on_retry` of one that is cancelled, as the broker is gone."""
    with _carried(request):
        return announce(*args, **kwargs)


@_untold
def on_revoked(*, sender: Any, request: Context, terminated: bool, expired: bool, **_: Any) -> None:
    """A job was revoked before its start or in the middle, or its time had passed."""
    reason = TERMINATED if terminated else EXPIRED if expired else REVOKED
    _tell(sender.name, vars(request), states.REVOKED, reason, task=sender)


@_untold
def on_unknown(*, message: Any, name: str, id: str, exc: Exception, **_: Any) -> None:
    """A message names a task that this worker does not have. With protocol 1 its headers have no id."""
    _tell(name, {**message.headers, "id": id}, states.FAILURE, UNKNOWN, NotRegistered(name))


@_untold
def on_refused(*, message: Any, exc: Exception | None, **_: Any) -> None:
    """A message is not to be read, as in a serializer that this worker does not accept, or is none of Celery's."""
    name = (message.headers or {}).get("task")  # one of protocol 1 has it where nobody has read
    if isinstance(name, str):
        _tell(name, message.headers, states.REJECTED, REFUSED, exc)


def _on_timeout(on_timeout: Callable[..., Any], request: Request, args: tuple[Any, ...], kwargs: Any) -> Any:
    _timed_out(request, *args, **kwargs)
    with _carried(request):
        return on_timeout(*args, **kwargs)


@_untold
def _timed_out(request: Request, soft: bool, timeout: float) -> None:
    if soft:  # an exception inside the task, which its run shows
        return
    error = TimeLimitExceeded(timeout)
    _tell(request.task.name, _facts(request), states.FAILURE, TIME_LIMIT, error, task=request.task)
    cut_off = CutOff(request.worker_pid)
    if cut_off.is_in_child:
        _killed_now.append((request, cut_off, error))


_killed_now: Final[list[tuple[Request, CutOff, Exception]]] = []
"""Jobs at their hard time limit, with what they had open before their process was told to end."""


def _on_hard_timeout(kill: Callable[..., Any], handler: TimeoutHandler, args: tuple[Any, ...], kwargs: Any) -> Any:
    """Kills a job's process, 0.1 s after it has been told to end; before, the job's `on_timeout` is called."""
    result = kill(*args, **kwargs)
    while _killed_now:
        _killed(*_killed_now.pop())
    return result


@_untold
def _killed(request: Request, cut_off: CutOff, error: Exception) -> None:
    """What the process has not told of itself in that time."""
    cut_off.end(error, {**_described(request), semconv.CELERY_STATE: TERMINATED_RUN})
    if not cut_off.is_saved and cut_off.leaves_out(request.id):
        facts, began = _facts(request), request.time_start
        _tell(request.task.name, facts, TERMINATED_RUN, None, error, began, request.task)


def _on_failure(on_failure: Callable[..., Any], request: Request, args: tuple[Any, ...], kwargs: Any) -> Any:
    _lost(request, args[0] if args else kwargs.get("exc_info"))
    with _carried(request):
        return on_failure(*args, **kwargs)


@_untold
def _lost(request: Request, info: Any) -> None:
    """The process that ran the job is gone, and what it would have said of it too."""
    exception = getattr(info.exception, "exc", info.exception)  # billiard wraps it to carry a traceback
    if isinstance(exception, Terminated):
        _killed(request, CutOff(request.worker_pid), exception)
    elif isinstance(exception, WorkerLostError):
        cut_off = CutOff(request.worker_pid)
        on_run = {**_described(request), semconv.CELERY_STATE: states.FAILURE, semconv.JOB_REASON: LOST}
        cut_off.end(exception, on_run)
        if not cut_off.has_run_of(request.id):
            facts, began = _facts(request), request.time_start
            _tell(request.task.name, facts, states.FAILURE, LOST, exception, began, request.task)


def _join_exited_workers(join: Callable[..., Any], pool: Pool, args: tuple[Any, ...], kwargs: Any) -> Any:
    """Gives the exit codes of children that have gone, once it has told of the jobs that these ran."""
    exited = join(*args, **kwargs)
    if exited:
        _tell_of_idle()
    return exited


@_untold
def _tell_of_idle() -> None:
    """What was left by children that were killed between two jobs."""
    for cut_off in CutOff.idle():
        cut_off.end()


def _facts(request: Request) -> Mapping[str, Any]:
    """Its message's headers, and from its body what the job is a part of."""
    return vars(request._context)  # type: ignore[attr-defined]  # the stubs leave it out


def _described(request: Request) -> dict[str, Any]:
    """What the run of another instrumentation would have been enriched with."""
    facts = _facts(request)
    return job_attributes(real_name(request.task.name, facts.get("kwargs")), facts)


def _tell(
    name: str,
    facts: Mapping[str, Any],
    state: str,
    reason: str | None,
    error: Exception | None = None,
    started: float | None = None,
    task: Any = None,
) -> None:
    name = real_name(name, facts.get("kwargs"))
    if not get_config().enabled or excluded(name):
        return
    sent = message.read(facts)
    attributes = {
        **job_attributes(name, facts),
        **RUN,
        **delivered(facts.get("delivery_info")),
        **sent.attributes.on_span,
        semconv.CELERY_STATE: state,
    }
    if chord := body_id(facts.get("chord")):
        attributes[semconv.JOB_CHORD_ID] = chord
    if reason is not None:
        attributes[semconv.JOB_REASON] = reason
    if sent.outside:
        attributes[semconv.PARENT_OUTSIDE] = True
    context, links = related(sent, attributes, task)
    now = time.time_ns()
    began = now if started is None else int(started * 1e9)
    span = get_tracer(SCOPE).start_span(name, context, SpanKind.CONSUMER, attributes, links, start_time=began)
    if error is not None:
        record(span, error)
    span.end(now)

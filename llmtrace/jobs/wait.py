"""Waiting for a job's result: a span, since the request that waits takes as long as the job does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from celery.result import AsyncResult, ResultSet
from opentelemetry import trace
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import Span
from wrapt import wrap_function_wrapper

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.jobs.describe import SYSTEM
from llmtrace.mistakes import guarded
from llmtrace.tracing import attributes as trace_attributes
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import get_tracer

NAME: Final = "wait for job"
OPERATION: Final = {semconv.MESSAGING_OPERATION: "wait", semconv.MESSAGING_OPERATION_TYPE: "receive"}

_untraced = guarded("The wait for a job's result could not be traced.")


def connect() -> None:
    """Trace how long this process waits for jobs."""
    wrap_function_wrapper(AsyncResult, "get", _get)
    wrap_function_wrapper(ResultSet, "join_native", _get)  # `join` gets one result after the other


def disconnect() -> None:
    """Leave Celery as it was."""
    unwrap(AsyncResult, "get")
    unwrap(ResultSet, "join_native")


def _get(get: Callable[..., Any], result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    span = _begin(result)
    try:
        value = get(*args, **kwargs)
    except BaseException as error:
        _end(span, error)
        raise
    _end(span)
    return value


@_untraced
def _begin(result: Any) -> Span | None:
    """Start the span, where there is something that waits: a wait alone is no trace."""
    ignored = getattr(result, "ignored", False)  # of one job
    if not get_config().enabled or ignored or not trace.get_current_span().is_recording():
        return None
    attributes = {
        semconv.MESSAGING_SYSTEM: SYSTEM,
        **_waited_for(result),
        **OPERATION,
        **trace_attributes.current().on_span,
    }
    return get_tracer().start_span(NAME, attributes=attributes)


def _waited_for(result: Any) -> dict[str, Any]:
    """The id of a job, or of a group; a set of results has none."""
    known = getattr(result, "id", None)
    name = semconv.JOB_GROUP_ID if isinstance(result, ResultSet) else semconv.MESSAGING_MESSAGE_ID
    return {} if known is None else {name: str(known)}


@_untraced
def _end(span: Span | None, error: BaseException | None = None) -> None:
    if span is None:
        return
    if error is not None:
        record(span, error)
    span.end()

"""Jobs that Celery's beat sends: the message's span says by which schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.beat import Scheduler, Service
from opentelemetry.instrumentation.utils import unwrap
from wrapt import wrap_function_wrapper

from llmtrace.jobs.publish import scheduled_by
from llmtrace.tracing.exits import send_all


def connect() -> None:
    """Name the schedule on what beat sends, and send what is left when it ends."""
    wrap_function_wrapper(Scheduler, "apply_async", _apply_async)
    wrap_function_wrapper(Service, "sync", _sync)


def disconnect() -> None:
    """Leave Celery as it was."""
    unwrap(Scheduler, "apply_async")
    unwrap(Service, "sync")


def _apply_async(apply_async: Callable[..., Any], scheduler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    entry = args[0] if args else kwargs.get("entry")
    token = scheduled_by.set(getattr(entry, "name", None))
    try:
        return apply_async(*args, **kwargs)
    finally:
        scheduled_by.reset(token)


def _sync(sync: Callable[..., Any], service: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The last thing that beat does; within a worker (``-B``) its process then leaves past all exit handlers."""
    try:
        return sync(*args, **kwargs)
    finally:
        send_all()

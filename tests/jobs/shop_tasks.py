"""Tasks of Django's framework: workers find them by their module's path."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from opentelemetry import baggage, trace

from llmtrace.tracing.attributes import TraceAttributes, current

FRAMEWORKS: Final = tuple(name for name in ("django.tasks", "django_tasks") if find_spec(name))
"""Django's own where it has one, and the backport."""

framework: Final[Any] = import_module(FRAMEWORKS[0])
task: Final[Callable[[Callable[..., object]], Any]] = framework.task

seen: Final[list[tuple[TraceAttributes, dict[str, object]]]] = []


def work() -> None:
    """Leave a span below whatever is current, and what is in force."""
    trace.get_tracer("host").start_span("work").end()
    seen.append((current(), dict(baggage.get_all())))


@task
def add(x: int, y: int) -> int:
    work()
    return x + y


@task
async def add_later(x: int, y: int) -> int:
    work()
    return x + y


@task
def fail() -> None:
    raise LookupError("the order is gone")


@task
def leave_open() -> None:
    trace.use_span(trace.get_tracer("host").start_span("left open")).__enter__()


@task
def unwritable() -> object:
    return object()


@task
def outer() -> None:
    add.enqueue(1, 1)


@task
def interrupted() -> None:
    raise KeyboardInterrupt


@task
def linked() -> None:
    work()


linked.func.llmtrace_relation = "link"

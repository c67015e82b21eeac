"""Pages and jobs in which calls of a model lie among much else: steps of the host's, and jobs that make no call."""

from __future__ import annotations

from typing import Any, Final

from celery import Task, chord, group, shared_task
from opentelemetry import trace

from llmtrace import LLM

QUIET: Final = "tests.jobs.site.mixed.quiet"
"""The job that has no spans by the settings."""

step = trace.get_tracer("host").start_as_current_span


def ask() -> None:
    """Call a model, two steps down."""
    with step("preparing"), step("asking"):
        LLM().chat("Recommend a book")


@shared_task
def asks(*_: Any) -> None:
    ask()


@shared_task
def idles(*_: Any) -> None:
    with step("idling"):
        pass


@shared_task
def asks_through() -> None:
    """Call a model, and have a job in between that calls none."""
    ask()
    with step("sending"):
        passes_on.delay()


@shared_task
def passes_on() -> None:
    with step("passing on"), step("still passing on"):
        asks.delay()


@shared_task(bind=True, default_retry_delay=0)
def asks_again(self: Task[Any, Any]) -> None:
    with step("trying"):
        ask()
        if not self.request.retries:
            raise self.retry()


@shared_task
def quiet() -> None:
    ask()
    with step("quietly sending"):
        asks.delay()


@shared_task(llmtrace_relation="link")  # type: ignore[call-overload, untyped-decorator]  # an option of llmtrace's
def asks_apart() -> None:
    ask()


def nothing_asked() -> None:
    with step("reading"):
        pass


def asked() -> None:
    with step("reading"):
        ask()


def sent_on() -> None:
    with step("checking out"):
        asks_through.delay()


def idle() -> None:
    with step("checking out"):
        idles.delay()


def a_mixed_chord() -> None:
    with step("checking out"):
        chord(group(asks.s(), idles.s(), asks.s()), asks.s()).delay()


def tried_again() -> None:
    with step("checking out"):
        asks_again.delay()


def sent_quietly() -> None:
    """The parent of what the worker does is a step of the host's, in another process."""
    with step("checking out"), step("parent of quiet"):
        quiet.delay()


def set_apart() -> None:
    with step("checking out"):
        asks_apart.delay()


def in_place() -> None:
    with step("checking out"):
        asks.apply()


PAGES: Final = (nothing_asked, asked, sent_on, idle, a_mixed_chord, tried_again, sent_quietly, set_apart, in_place)
"""Each is a request."""
RUNS: Final = 13
"""Runs that the requests of all pages lead to."""

"""Jobs whose process is killed when spans have ended in it that are not exported, while others below these are."""

from __future__ import annotations

import os
import signal
import uuid
from collections import deque
from typing import Any, Final

from celery import current_app, shared_task
from opentelemetry import trace

from llmtrace.tracing.setup import flush
from tests.jobs.site.crowd import TURNS, WINDOW
from tests.jobs.site.settings import FOLDER
from tests.waiting import until

LIMIT_S: Final = 5  # by then the span that is to be left must have ended, on a busy machine too


def began(name: str, above: trace.Span | None = None) -> trace.Span:
    return trace.get_tracer("host").start_span(name, None if above is None else trace.set_span_in_context(above))


@shared_task
def die_busy(turns: int) -> None:
    """End spans without a pause, each long after one below it, and be killed in the middle."""
    opened: deque[trace.Span] = deque()
    for _ in range(turns):
        opened.append(began("outer"))
        began("inner", opened[-1]).end()
        if len(opened) > WINDOW:
            opened.popleft().end()
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def leave() -> int:
    """End a span below which one is exported."""
    outer = began("outer")
    began("inner", outer).end()
    assert flush(60)
    outer.end()
    return os.getpid()


@shared_task
def leave_deaf(file: str) -> None:
    """The same, and wait in code that does not hear when the process is told to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    leave()
    (FOLDER / file).touch()
    while True:
        signal.pause()


def die_at_many_moments() -> None:
    for turns in TURNS:
        die_busy.delay(turns)


def left_and_killed() -> None:
    file = str(uuid.uuid4())
    sent: Any = leave_deaf.delay(file)
    until((FOLDER / file).exists, "the job waits", 60)
    sent.revoke(terminate=True, signal="SIGKILL")


def left_at_hard_limit() -> None:
    leave_deaf.apply_async((str(uuid.uuid4()),), time_limit=LIMIT_S)


def left_and_killed_between_jobs() -> None:
    sent: Any = leave.delay()
    pid = sent.get(timeout=60)
    until(lambda: is_over(sent.id), "the worker knows that the job has ended", 60)
    os.kill(pid, signal.SIGKILL)


def is_over(task_id: str) -> bool:
    """Whether the worker says that this job is not among those that it is in the middle of."""
    said = current_app.control.inspect(limit=1).active()
    return said is not None and all(job["id"] != task_id for jobs in said.values() for job in jobs)


PAGES: Final = (die_at_many_moments, left_and_killed, left_at_hard_limit, left_and_killed_between_jobs)

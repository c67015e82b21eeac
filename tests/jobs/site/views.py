"""The host's pages: each sends jobs in one of the ways that a view can."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from celery import chain, chord, current_app, group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from opentelemetry import trace

from llmtrace import trace_attributes
from tests.jobs.site import tasks
from tests.jobs.site.settings import FOLDER
from tests.waiting import until


def delay() -> None:
    with trace_attributes(user_id=7, session_id="s-1", conversation_id="c-1", tags=["vip"], metadata={"shop": "north"}):
        tasks.add.delay(1, 2)


def on_commit() -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: tasks.add.delay(3, 4))
        assert transaction.get_connection().run_on_commit


def a_chain() -> None:
    chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.add.s(4)).delay()


def a_group() -> None:
    group(tasks.add.s(n, n) for n in range(3)).delay()


def a_chord() -> None:
    chord([tasks.add.s(n, n) for n in range(3)], tasks.total.s()).delay()


def retry() -> None:
    tasks.steady_at_third.delay()


def failure() -> None:
    tasks.fail.delay()


def call() -> None:
    with trace_attributes(user_id=7, conversation_id="c-1"):
        tasks.call.delay()


def nested() -> None:
    tasks.outer.delay()


def endings() -> None:
    for task in (tasks.fail_as_expected, tasks.ignore, tasks.reject):
        task.delay()


def revoked() -> None:
    tasks.add.apply_async((1, 1), countdown=2).revoke()


def expired() -> None:
    tasks.add.apply_async((1, 1), expires=timezone.now() - timedelta(seconds=1))


def unknown() -> None:
    current_app.send_task("shop.nobody_knows")


def terminated() -> None:
    sent = tasks.hang.delay()
    until((FOLDER / "hanging").exists, "the job waits for its model", 30)
    sent.revoke(terminate=True)
    (FOLDER / "hanging").unlink()


def hard_limit() -> None:
    tasks.hang.apply_async(time_limit=2)


def soft_limit() -> None:
    tasks.hang.apply_async(soft_time_limit=2)


def lost() -> None:
    tasks.die_once.delay()


def burst(count: int) -> Callable[[], None]:
    def send() -> None:
        for _ in range(count):
            tasks.tick.delay(f"burst-{count}")

    return send


PAGES: dict[str, Callable[[], None]] = {
    "delay": delay,
    "on_commit": on_commit,
    "chain": a_chain,
    "group": a_group,
    "chord": a_chord,
    "retry": retry,
    "failure": failure,
    "call": call,
    "nested": nested,
    "endings": endings,
    "revoked": revoked,
    "expired": expired,
    "unknown": unknown,
    "terminated": terminated,
    "hard_limit": hard_limit,
    "soft_limit": soft_limit,
    "lost": lost,
    "burst-200": burst(200),
    "burst-12": burst(12),
    "burst-60": burst(60),
}


def page(request: HttpRequest, name: str) -> HttpResponse:
    """Do what the page is for; the answer is the id of the request's trace."""
    PAGES[name]()
    return HttpResponse(trace.format_trace_id(trace.get_current_span().get_span_context().trace_id))


urlpatterns = [path("<str:name>", page)]

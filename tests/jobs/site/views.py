"""The host's pages: each brings about one situation that a job can be in, or sends many jobs."""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast
from unittest import mock

from asgiref.sync import sync_to_async
from celery import chain, chord, current_app, group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from kombu import Connection
from kombu.exceptions import OperationalError
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context

from llmtrace import trace_attributes
from tests.jobs import shop_tasks
from tests.jobs.site import dying, mixed, said, tasks
from tests.jobs.site.settings import FOLDER
from tests.waiting import until

LIMIT_S = 5  # the first call of a new process must have begun by then, on a busy machine too

tracer = trace.get_tracer("host")


def delay() -> None:
    tasks.add.delay(1, 2)


async def delay_in_async_view() -> None:
    tasks.add.delay(1, 2)


async def in_sync_to_async() -> None:
    await sync_to_async(tasks.add.delay)(1, 2)


async def gathered() -> None:
    await asyncio.gather(*(asyncio.to_thread(tasks.add.delay, number, number) for number in range(3)))


def on_commit() -> None:
    with transaction.atomic(), tracer.start_as_current_span("checkout"):
        transaction.on_commit(lambda: tasks.add.delay(3, 4))


def delay_on_commit() -> None:
    with transaction.atomic(), tracer.start_as_current_span("checkout"):
        cast("Any", tasks.add).delay_on_commit(3, 4)


def nested() -> None:
    tasks.outer.delay()


def send_task() -> None:
    current_app.send_task("tests.jobs.site.tasks.add", (1, 2))


def worker_only() -> None:
    assert "site.worker_only" not in current_app.tasks
    current_app.send_task("site.worker_only")


def applied() -> None:
    tasks.add.apply((1, 2))


def always_eager() -> None:
    current_app.conf.task_always_eager = True
    tasks.add.delay(1, 2)
    current_app.conf.task_always_eager = False


def headers() -> None:
    tasks.tell.apply_async(headers={"tenant": "north"}, priority=3)


def attributes() -> None:
    token = otel_context.attach(baggage.set_baggage("tenant", "north"))
    with trace_attributes(user_id=7, session_id="s-1", conversation_id="c-1", tags=["vip"], metadata={"shop": "north"}):
        tasks.call.delay()
    otel_context.detach(token)


def a_chain() -> None:
    chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.add.s(4)).delay()


def a_group() -> None:
    group(tasks.add.s(number, number) for number in range(3)).delay()


def a_chord() -> None:
    chord([tasks.add.s(number, number) for number in range(3)], tasks.total.s()).delay()


def a_starmap() -> None:
    tasks.add.starmap([(1, 1), (2, 2)]).delay()


def a_chunks() -> None:
    tasks.add.chunks(zip(range(4), range(4), strict=True), 2).apply_async()


def nested_canvas() -> None:
    chain(tasks.add.s(1, 2), group(tasks.add.s(1), tasks.add.s(2)), tasks.total.s()).delay()


def retry() -> None:
    tasks.again.delay()


def autoretry() -> None:
    tasks.steady_at_third.delay()


def eager_retry() -> None:
    tasks.again.apply()


def overlapping() -> None:
    tasks.overlap.delay()


def failure() -> None:
    tasks.fail.delay()


def throws() -> None:
    tasks.fail_as_expected.delay()


def ignored() -> None:
    tasks.ignore.delay()


def rejected() -> None:
    tasks.reject.delay()


def revoked() -> None:
    """The worker knows that the job is revoked before there is one."""
    task_id = str(uuid.uuid4())
    until(lambda: current_app.control.revoke(task_id, reply=True, timeout=1), "the worker has heard it", 60)
    tasks.add.apply_async((1, 1), task_id=task_id)


def expired() -> None:
    tasks.add.apply_async((1, 1), expires=timezone.now() - timedelta(seconds=1))


def unknown() -> None:
    current_app.send_task("shop.nobody_knows")


def terminated() -> None:
    sent = tasks.hang.delay()
    until((FOLDER / "hanging").exists, "the job waits for its model", 60)
    sent.revoke(terminate=True)


def hard_limit() -> None:
    tasks.hang.apply_async(time_limit=LIMIT_S)


def killed() -> None:
    _kill(tasks.hang)


def _kill(task: Any) -> None:
    (FOLDER / "hanging").unlink(missing_ok=True)
    sent = task.delay()
    until((FOLDER / "hanging").exists, "the job waits for its model", 60)
    sent.revoke(terminate=True, signal="SIGKILL")


def hard_limit_deaf() -> None:
    with trace_attributes(user_id=7):
        tasks.hang_deaf.apply_async(time_limit=2 * LIMIT_S)


def crowd_killed() -> None:
    _kill(tasks.crowd_deaf)


def crowd_at_hard_limit() -> None:
    tasks.crowd_deaf.apply_async(time_limit=2 * LIMIT_S)


def hard_limit_idle() -> None:
    tasks.idle_deaf.apply_async(time_limit=LIMIT_S)


def soft_limit() -> None:
    tasks.hang.apply_async(soft_time_limit=LIMIT_S)


def later() -> None:
    tasks.add.apply_async((1, 1), countdown=0.5)
    tasks.add.apply_async((1, 1), eta=timezone.now() + timedelta(seconds=0.5))


def unsendable() -> None:
    with Connection("amqp://127.0.0.1:1", connect_timeout=1) as nobody, suppress(OperationalError):
        cast("Any", tasks.add).apply_async((1, 1), connection=nobody, retry=False)
    tracer.start_span("after").end()


def waited_for() -> None:
    assert tasks.add.delay(1, 2).get(timeout=30) == 3


def linked() -> None:
    with trace_attributes(user_id=7):
        tasks.apart.delay()


def linked_after() -> None:
    """Sent by a clock that is an hour back: as long has the message waited."""
    then = time.time() - 3600
    with mock.patch("time.time", return_value=then), trace_attributes(user_id=7):
        tasks.add.delay(1, 2)


def excluded() -> None:
    tasks.quiet.delay()


def lost() -> None:
    tasks.die_once.delay()


def django_task() -> None:
    with trace_attributes(user_id=7, tags=["vip"]):
        shop_tasks.add.enqueue(1, 2)


def burst(count: int) -> Callable[[], None]:
    def send() -> None:
        for _ in range(count):
            tasks.tick.delay(f"burst-{count}")

    return send


Page = Callable[[], Awaitable[None] | None]

SITUATIONS: tuple[Page, ...] = (
    *(
        delay,
        delay_in_async_view,
        in_sync_to_async,
        gathered,
        on_commit,
        delay_on_commit,
        nested,
        send_task,
        worker_only,
    ),
    *(applied, always_eager, headers, attributes, a_chain, a_group, a_chord, a_starmap, a_chunks, nested_canvas, retry),
    *(autoretry, eager_retry, overlapping, failure, throws, ignored, rejected, revoked, expired, unknown, terminated),
    *(hard_limit, soft_limit, later, unsendable, waited_for, linked, linked_after, excluded, lost),
)
BURSTS = (200, 12)

PAGES: dict[str, Page] = {page.__name__: page for page in SITUATIONS} | {
    **{page.__name__: page for page in (*mixed.PAGES, django_task, killed, hard_limit_deaf, hard_limit_idle)},
    **{page.__name__: page for page in (crowd_killed, crowd_at_hard_limit, *dying.PAGES)},
    **{page.__name__: page for page in (said.say, said.say_for_long)},
    **{f"burst-{n}": burst(n) for n in BURSTS},
}


def answer() -> HttpResponse:
    """The id of the request's trace."""
    return HttpResponse(trace.format_trace_id(trace.get_current_span().get_span_context().trace_id))


def view_of(page: Page) -> Callable[..., Any]:
    """A view that does what the page is for."""

    def sync(request: HttpRequest) -> HttpResponse:
        page()
        return answer()

    async def run(request: HttpRequest) -> HttpResponse:
        done = page()
        assert done is not None
        await done
        return answer()

    return run if inspect.iscoroutinefunction(page) else sync


urlpatterns = [path(name, view_of(page)) for name, page in PAGES.items()]

"""Tasks of Django's own framework and of its backport: enqueued, and run at once or by a worker on the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.test import override_settings
from django.utils import timezone
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from llmtrace import jobs as instrumentation
from llmtrace import semconv, trace_attributes
from llmtrace.tracing.attributes import NONE, TraceAttributes, current
from tests.jobs import shop_tasks
from tests.jobs.apps import attributes
from tests.jobs.shop_tasks import FRAMEWORKS
from tests.recorded import Recorded, is_below, settings

PATH = "tests.jobs.shop_tasks."
ADD = f"{PATH}add"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def backends() -> Iterator[None]:
    """Of the framework that is there, and by default the one that runs tasks at once."""
    immediate = f"{FRAMEWORKS[0]}.backends.immediate.ImmediateBackend"
    found = {
        "default": {"BACKEND": immediate},
        "database": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []},
        "backport": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"},
        "dummy": {"BACKEND": f"{FRAMEWORKS[0]}.backends.dummy.DummyBackend"},
    }
    shop_tasks.seen.clear()
    with override_settings(TASKS=found):
        yield


def run_all() -> None:
    """Run what is due, as ``manage.py db_worker --batch`` does."""
    worker = import_module("django_tasks_db.management.commands.db_worker").Worker
    worker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="database",
        startup_delay=False,
        max_tasks=None,
        worker_id="w",
        excluded_queue_names=[],
    ).run()


def at_once(task: Any, *args: Any) -> Any:
    return task.enqueue(*args)


def in_a_worker(task: Any, *args: Any) -> Any:
    enqueued = task.using(backend="database").enqueue(*args)
    context = otel_context.attach(otel_context.Context())  # a worker has none
    try:
        run_all()
    finally:
        otel_context.detach(context)
    return enqueued


either = pytest.mark.parametrize("run", [at_once, in_a_worker])

Run = Callable[..., Any]


def job(recorded: Recorded, name: str = ADD) -> tuple[ReadableSpan, ReadableSpan]:
    """Its message and its run."""
    return recorded.one(f"publish {name}"), recorded.one(name)


def nothing_is_current() -> bool:
    return not trace.get_current_span().get_span_context().is_valid and current() is NONE and not baggage.get_all()


@either
def test_a_task_is_below_what_enqueued_it(recorded: Recorded, host: Tracer, run: Run) -> None:
    with host.start_as_current_span("view"):
        enqueued = run(shop_tasks.add, 1, 2)
    publish, ran = job(recorded)
    assert (publish.kind, ran.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert is_below(publish, recorded.one("view"))
    assert is_below(ran, publish)
    assert is_below(recorded.one("work"), ran)
    for span in (publish, ran):
        found = attributes(span)
        assert found[semconv.MESSAGING_MESSAGE_ID] == str(enqueued.id)
        assert found[semconv.MESSAGING_SYSTEM] == "django"
        assert found[semconv.MESSAGING_DESTINATION] == "default"
        assert found[semconv.CODE_FUNCTION] == ADD
    assert attributes(ran)[semconv.JOB_STATE] == "SUCCESSFUL"
    assert attributes(ran)[semconv.JOB_ATTEMPT] == 1
    assert (semconv.JOB_QUEUE_TIME in attributes(ran)) == (run is in_a_worker)


@either
def test_user_session_and_tags_and_the_hosts_baggage_are_in_force_in_the_task(recorded: Recorded, run: Run) -> None:
    token = otel_context.attach(baggage.set_baggage("tenant", "north"))
    try:
        with trace_attributes(user_id=7, session_id="s-1", tags=["vip"]):
            run(shop_tasks.add, 1, 2)
    finally:
        otel_context.detach(token)
    assert shop_tasks.seen == [(TraceAttributes("7", "s-1", tags=("vip",)), {"tenant": "north"})]
    for span in (*job(recorded), recorded.one("work")):
        assert attributes(span)[semconv.USER_ID] == "7"
        assert list(attributes(span)[semconv.TAGS]) == ["vip"]


def test_a_worker_takes_over_nothing_of_its_own_surroundings(recorded: Recorded) -> None:
    with trace_attributes(user_id=7):
        shop_tasks.add.using(backend="database").enqueue(1, 2)
    with trace_attributes(user_id=8, session_id="somebody else's"):
        run_all()
    assert shop_tasks.seen == [(TraceAttributes("7"), {})]


@pytest.mark.parametrize("backend", ["default", "database"])
async def test_an_async_task_that_is_enqueued_by_async_code_is_joined_too(
    recorded: Recorded, host: Tracer, backend: str
) -> None:
    with host.start_as_current_span("view"), trace_attributes(user_id=7):
        enqueue = shop_tasks.add_later.using(backend=backend).aenqueue
        await asyncio.gather(enqueue(1, 2), enqueue(3, 4))
    if backend == "database":
        await sync_to_async(run_all)()
    await sync_to_async(connections.close_all)()  # those of the thread in which all of this ran
    sent = [span for span in recorded.all() if span.kind is SpanKind.PRODUCER]
    runs = [span for span in recorded.all() if span.kind is SpanKind.CONSUMER]
    assert all(is_below(span, recorded.one("view")) for span in sent)
    assert {(run.parent and run.parent.span_id) for run in runs} == {span.context.span_id for span in sent}
    assert [found.user_id for found, _ in shop_tasks.seen] == ["7", "7"]


@either
def test_a_task_that_fails_is_an_error_with_its_exception(recorded: Recorded, run: Run) -> None:
    run(shop_tasks.fail)
    publish, ran = job(recorded, f"{PATH}fail")
    assert (publish.status.status_code, ran.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert attributes(ran)[semconv.ERROR_TYPE] == "LookupError"
    assert attributes(ran)[semconv.JOB_STATE] == "FAILED"
    (event,) = ran.events
    assert "in fail" in str((event.attributes or {})["exception.stacktrace"])
    assert nothing_is_current()


@either
def test_a_result_that_cannot_be_kept_is_a_failure(recorded: Recorded, run: Run) -> None:
    run(shop_tasks.unwritable)
    ran = recorded.one(f"{PATH}unwritable")
    assert (attributes(ran)[semconv.JOB_STATE], attributes(ran)[semconv.ERROR_TYPE]) == ("FAILED", "TypeError")


@either
def test_an_exception_that_the_caller_is_handling_is_not_the_tasks(recorded: Recorded, run: Run) -> None:
    try:
        raise LookupError("the caller's")
    except LookupError:
        run(shop_tasks.add, 1, 2)
    assert (job(recorded)[1].status.status_code, job(recorded)[1].events) == (StatusCode.UNSET, ())


@either
def test_a_task_that_enqueues_a_task_has_it_below_its_run(recorded: Recorded, run: Run) -> None:
    run(shop_tasks.outer)
    publish, ran = job(recorded)
    assert is_below(publish, recorded.one(f"{PATH}outer"))
    assert is_below(ran, publish)


@either
def test_nothing_stays_current_whatever_a_task_does(recorded: Recorded, run: Run) -> None:
    run(shop_tasks.leave_open)
    assert nothing_is_current()


def test_a_task_that_is_interrupted_ends_its_spans_and_leaves_nothing_current(recorded: Recorded) -> None:
    with pytest.raises(KeyboardInterrupt):
        shop_tasks.interrupted.enqueue()
    for span in job(recorded, f"{PATH}interrupted"):
        assert attributes(span)[semconv.ERROR_TYPE] == "KeyboardInterrupt"
    assert nothing_is_current()


def test_a_wait_that_was_asked_for_is_told_apart_from_the_wait_in_the_queue(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = timezone.now() + timedelta(seconds=60)
    shop_tasks.add.using(backend="database", run_after=due).enqueue(1, 2)
    monkeypatch.setattr("django.utils.timezone.now", lambda: due + timedelta(seconds=5))
    monkeypatch.setattr("llmtrace.jobs.tasks_run.time.time", lambda: due.timestamp() + 5)
    run_all()
    publish, ran = job(recorded)
    assert 59 < attributes(publish)[semconv.JOB_DELAY] <= 60
    assert 59 < attributes(ran)[semconv.JOB_DELAY] <= 60
    assert attributes(ran)[semconv.JOB_QUEUE_TIME] == pytest.approx(5, abs=0.01)


def test_an_enqueuing_that_fails_ends_its_span_with_the_error(recorded: Recorded, host: Tracer) -> None:
    with host.start_as_current_span("view"):
        with pytest.raises(TypeError):
            shop_tasks.add.using(backend="database").enqueue(object())
        host.start_span("next").end()
    publish = recorded.one(f"publish {ADD}")
    assert attributes(publish)[semconv.ERROR_TYPE] == "TypeError"
    assert is_below(recorded.one("next"), recorded.one("view"))


def test_a_task_enqueued_on_commit_is_below_the_request_with_a_link_to_what_asked_for_it(
    recorded: Recorded, host: Tracer
) -> None:
    with host.start_as_current_span("request"), transaction.atomic(), host.start_as_current_span("checkout"):
        transaction.on_commit(partial(shop_tasks.add.enqueue, 1, 2))
    publish = recorded.one(f"publish {ADD}")
    assert is_below(publish, recorded.one("request"))
    assert [link.context for link in publish.links] == [recorded.one("checkout").context]


@pytest.mark.parametrize(("given", "task"), [({"RELATION": "link"}, "add"), ({}, "linked"), ({"LINK_AFTER": 0}, "add")])
def test_a_run_can_begin_a_trace_of_its_own_with_a_link(recorded: Recorded, given: dict[str, Any], task: str) -> None:
    with override_settings(LLMTRACE=settings(JOBS=given)), trace_attributes(user_id=7):
        in_a_worker(getattr(shop_tasks, task), *((1, 2) if task == "add" else ()))
        publish = next(span for span in recorded.all() if span.kind is SpanKind.PRODUCER)
        ran = next(span for span in recorded.all() if span.kind is SpanKind.CONSUMER)
    assert ran.parent is None
    assert [link.context.span_id for link in ran.links] == [publish.context.span_id]
    assert attributes(ran)[semconv.USER_ID] == "7"


@either
def test_an_excluded_task_has_no_span_and_its_work_is_below_the_sender(
    recorded: Recorded, host: Tracer, run: Run
) -> None:
    with override_settings(LLMTRACE=settings(JOBS={"EXCLUDE": [ADD]})), host.start_as_current_span("view"):
        run(shop_tasks.add, 1, 2)
        assert recorded.names() == ["work"]
    assert is_below(recorded.one("work"), recorded.one("view"))


def test_a_row_that_nobody_traced_begins_a_trace_and_knows_how_long_it_waited(recorded: Recorded) -> None:
    with override_settings(LLMTRACE=settings(ENABLED=False)):
        enqueued = shop_tasks.add.using(backend="database").enqueue(1, 2)
        assert set(enqueued.db_result.args_kwargs) == {"args", "kwargs"}
    run_all()
    ran = recorded.one(ADD)
    assert ran.parent is None
    assert 0 <= attributes(ran)[semconv.JOB_QUEUE_TIME] < 60


@pytest.mark.parametrize("carried", ["", 5, ["00"], {"traceparent": "00-zz", "llmtrace": "x" * 9000}, None])
def test_a_hostile_row_is_not_believed_and_the_task_runs(recorded: Recorded, carried: Any) -> None:
    row = shop_tasks.add.using(backend="database").enqueue(1, 2).db_result
    row.args_kwargs = {**row.args_kwargs, "llmtrace": carried}
    row.save()
    run_all()
    row.refresh_from_db()
    assert row.status == "SUCCESSFUL"
    assert recorded.one(ADD).parent is None


def test_a_worker_without_llmtrace_runs_the_task_all_the_same(recorded: Recorded) -> None:
    row = shop_tasks.add.using(backend="database").enqueue(1, 2).db_result
    instrumentation.uninstall()
    try:
        run_all()
    finally:
        instrumentation.install()
    row.refresh_from_db()
    assert (row.return_value, row.task_result.kwargs, row.task_result.args) == (3, {}, [1, 2])
    assert recorded.names() == [f"publish {ADD}", "work"]


def test_the_backport_is_traced_beside_djangos_own(recorded: Recorded) -> None:
    backport = import_module("django_tasks")
    backport.task(backend="backport")(shop_tasks.add.func).enqueue(1, 2)
    publish, ran = job(recorded)
    assert is_below(ran, publish)


@either
@pytest.mark.parametrize("signal", ["task_started", "task_finished"])
@pytest.mark.parametrize("connected", ["before ours", "after ours"])
def test_a_receiver_of_the_projects_is_within_the_run_whenever_it_was_connected(
    recorded: Recorded, host: Tracer, run: Run, signal: str, connected: str
) -> None:
    def received(**_: Any) -> None:
        host.start_span("receiver").end()

    chosen = getattr(import_module(f"{FRAMEWORKS[0]}.signals"), signal)
    if connected == "before ours":
        instrumentation.uninstall()
    chosen.connect(received)
    instrumentation.install()
    with trace_attributes(user_id=7):
        run(shop_tasks.add, 1, 2)
    chosen.disconnect(received)
    assert is_below(recorded.one("receiver"), job(recorded)[1])
    assert attributes(recorded.one("receiver"))[semconv.USER_ID] == "7"
    assert nothing_is_current()


@either
@pytest.mark.parametrize("signal", ["task_started", "task_finished"])
def test_a_receiver_that_raises_leaves_nothing_current_and_the_run_with_the_tasks_state(
    recorded: Recorded, run: Run, signal: str
) -> None:
    def fail(**_: Any) -> None:
        raise LookupError

    chosen = getattr(import_module(f"{FRAMEWORKS[0]}.signals"), signal)
    chosen.connect(fail)
    with suppress(LookupError):
        run(shop_tasks.add, 1, 2)
    chosen.disconnect(fail)
    span = job(recorded)[1]
    assert (span.status.status_code, attributes(span)[semconv.JOB_STATE]) == (StatusCode.ERROR, "FAILED")
    assert len(span.events) == 1
    assert nothing_is_current()


def test_a_backend_that_runs_nothing_leaves_the_message_alone(recorded: Recorded) -> None:
    shop_tasks.add.using(backend="dummy").enqueue(1, 2)
    assert recorded.names() == [f"publish {ADD}"]


@either
def test_a_mistake_of_ours_never_reaches_the_host(
    recorded: Recorded, run: Run, monkeypatch: pytest.MonkeyPatch, mistakes: list[str]
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    for where in ("tasks_enqueue", "tasks_run"):
        monkeypatch.setattr(f"llmtrace.jobs.{where}.task_attributes", broken)
    run(shop_tasks.add, 1, 2)
    assert recorded.names() == ["work"]
    assert nothing_is_current()
    assert all("ZeroDivisionError" in mistake for mistake in mistakes)
    mistakes.clear()


def test_uninstalling_leaves_the_frameworks_as_they_were(recorded: Recorded) -> None:
    instrumentation.uninstall()
    try:
        in_a_worker(shop_tasks.add, 1, 2)
        at_once(shop_tasks.add, 1, 2)
        assert not hasattr(vars(type(shop_tasks.add))["enqueue"], "__wrapped__")
    finally:
        instrumentation.install()
    assert recorded.names() == ["work", "work"]

"""What the project does around a task, in receivers and handlers of its own, is part of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Task, signals
from celery.signals import task_postrun, task_prerun
from celery.utils.dispatch import Signal
from opentelemetry import baggage, trace
from opentelemetry.trace import StatusCode, Tracer

from llmtrace import jobs as instrumentation
from llmtrace import semconv, trace_attributes
from llmtrace.tracing.attributes import NONE, current
from tests.jobs.apps import Jobs, attributes
from tests.recorded import Recorded, is_below

Receiver = Callable[..., None]


def nothing_is_current() -> bool:
    return not trace.get_current_span().get_span_context().is_valid and current() is NONE and not baggage.get_all()


@pytest.fixture
def receiver(host: Tracer) -> Iterator[Receiver]:
    """A receiver of the project's, which is connected to nothing in the end."""

    def received(**_: Any) -> None:
        host.start_span("receiver").end()

    yield received
    for signal in (task_prerun, task_postrun):
        signal.disconnect(received)


def assert_within_the_run(recorded: Recorded, *names: str) -> None:
    """Spans of these names are there, each below the run, for the sender's user; and nothing is left current."""
    (run,) = (span for span in recorded.all() if span.name == "add")
    inside = [span for span in recorded.all() if span.name not in ("add", "publish add")]
    assert sorted(span.name for span in inside) == sorted(names)
    assert all(is_below(span, run) for span in inside)
    assert {attributes(span)[semconv.USER_ID] for span in inside} == {"7"}
    assert run.end_time is not None
    assert all(span.end_time is not None and span.end_time <= run.end_time for span in inside)
    assert nothing_is_current()


@pytest.mark.parametrize("signal", [task_prerun, task_postrun], ids=["before", "after"])
@pytest.mark.parametrize("connected", ["before ours", "after ours"])
def test_a_receiver_of_the_projects_is_within_the_run_whenever_it_was_connected(
    jobs: Jobs, recorded: Recorded, receiver: Receiver, signal: Signal, connected: str
) -> None:
    if connected == "before ours":
        instrumentation.uninstall()
    signal.connect(receiver)
    instrumentation.install()
    with trace_attributes(user_id=7):
        jobs.simple("add").delay()
    jobs.run_all()
    assert_within_the_run(recorded, "receiver")


def test_a_receiver_that_a_task_connects_is_within_its_run(jobs: Jobs, recorded: Recorded, receiver: Receiver) -> None:
    with trace_attributes(user_id=7):
        jobs.simple("add", lambda: signals.task_postrun.connect(receiver)).delay()
    jobs.run_all()
    assert_within_the_run(recorded, "receiver")


def test_a_receiver_that_ends_its_process_leaves_nothing_current(jobs: Jobs, recorded: Recorded) -> None:
    def leave(**_: Any) -> None:
        raise SystemExit

    jobs.simple("add").delay()
    task_postrun.connect(leave)
    with pytest.raises(SystemExit):
        jobs.run_all()
    task_postrun.disconnect(leave)
    assert attributes(recorded.one("add"))[semconv.CELERY_STATE] == "SUCCESS"
    assert nothing_is_current()


def test_what_celery_does_again_where_a_handler_of_failures_fails_is_within_the_run(
    jobs: Jobs, recorded: Recorded, host: Tracer
) -> None:
    class Apologetic(Task[..., None]):
        def on_failure(self, *_: Any) -> None:
            host.start_span("apology").end()
            raise ValueError("nobody to tell")

    @jobs.task("call back")
    def call_back(*_: Any) -> None:
        host.start_span("callback").end()

    @jobs.task("add", base=Apologetic)
    def add() -> None:
        raise LookupError

    with trace_attributes(user_id=7):
        add.apply_async(link_error=call_back.s())
    with pytest.warns(RuntimeWarning, match="nobody to tell"):
        jobs.run_all()
    assert_within_the_run(recorded, *["callback", "apology"] * 2)


def test_callbacks_of_errors_are_within_the_run_where_its_result_cannot_be_kept(
    jobs: Jobs, recorded: Recorded, host: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any) -> None:
        raise OSError("no answer from the results")

    @jobs.task("call back")
    def call_back(*_: Any) -> None:
        host.start_span("callback").end()

    with trace_attributes(user_id=7):
        jobs.simple("add").apply_async(link_error=call_back.s())
    monkeypatch.setattr(jobs.app.backend, "mark_as_done", unreachable)
    with pytest.warns(RuntimeWarning, match="no answer"):
        jobs.run_all()
    assert_within_the_run(recorded, "callback")
    assert recorded.one("add").status.status_code is StatusCode.ERROR
    assert attributes(recorded.one("add"))[semconv.ERROR_TYPE] == "OSError"


def test_a_pool_that_runs_tasks_by_a_function_of_its_own_ends_them_by_the_signal(
    jobs: Jobs, recorded: Recorded
) -> None:
    task = jobs.simple("add")
    task.push_request(id="1", is_eager=False)
    task_prerun.send(sender=task, task_id="1", task=task)
    task_postrun.send(sender=task, task_id="1", task=task, state="SUCCESS", retval=None)
    task.pop_request()
    assert attributes(recorded.one("add"))[semconv.CELERY_STATE] == "SUCCESS"
    assert nothing_is_current()

"""What a worker's main process does for a job that it saw fail: callbacks of errors, and the failure of a chord."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery import signals
from celery.worker.request import Request
from kombu.exceptions import ContentDisallowed
from opentelemetry import trace
from opentelemetry.trace import StatusCode, Tracer

from llmtrace import semconv, trace_attributes
from llmtrace.jobs.message import HEADER
from llmtrace.tracing.attributes import NONE, current
from tests.jobs.apps import Jobs, attributes
from tests.recorded import Recorded, is_below


def received(jobs: Jobs, task: Any) -> Any:
    """The one message that was sent, as a worker has it that hands it to its pool."""
    return Request(jobs.message(), app=jobs.app, task=task, on_ack=lambda *_: None)


def time_out(request: Any) -> None:
    request.on_timeout(False, 1)


def lose(request: Any) -> None:
    try:
        raise WorkerLostError("signal 9")
    except WorkerLostError:
        request.on_failure(ExceptionInfo())


def expire(request: Any) -> None:
    request._announce_revoked("expired", False, None, True)


def nothing_is_current() -> bool:
    return not trace.get_current_span().get_span_context().is_valid and current() is NONE


@pytest.fixture
def on_error(jobs: Jobs, host: Tracer) -> Any:
    """A callback of errors that is called where the error is seen, and sends a job."""
    tidy = jobs.simple("tidy")

    @jobs.task("on error")
    def on_error(request: Any, error: Any, traceback: Any) -> None:
        host.start_span("cleaning up").end()
        tidy.delay()

    return on_error


@pytest.mark.parametrize("fails", [time_out, lose])
def test_a_callback_of_errors_is_below_the_message_of_the_job(
    jobs: Jobs, recorded: Recorded, on_error: Any, fails: Any
) -> None:
    work = jobs.simple("work")
    with trace_attributes(user_id=7):
        work.apply_async(link_error=on_error.s())
    fails(received(jobs, work))
    for name in ("cleaning up", "publish tidy"):
        assert is_below(recorded.one(name), recorded.one("publish work"))
        assert attributes(recorded.one(name))[semconv.USER_ID] == "7"
    assert nothing_is_current()


@pytest.mark.parametrize("fails", [time_out, lose, expire])
def test_a_job_of_a_chords_header_names_its_body_and_fails_it_in_its_trace(
    jobs: Jobs, recorded: Recorded, on_error: Any, fails: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, total = jobs.simple("work"), jobs.simple("total")
    monkeypatch.setattr(jobs.app.backend, "on_chord_part_return", lambda *_: on_error(None, None, None))
    work.apply_async(chord=total.s().set(task_id="body"))
    fails(received(jobs, work))
    assert attributes(recorded.one("work"))[semconv.JOB_CHORD_ID] == "body"
    assert is_below(recorded.one("publish tidy"), recorded.one("publish work"))
    assert nothing_is_current()


def test_what_a_task_does_when_it_is_cancelled_for_want_of_a_connection_is_below_its_message(
    jobs: Jobs, recorded: Recorded, host: Tracer
) -> None:
    tidy = jobs.simple("tidy")

    class Careful(jobs.app.Task):  # type: ignore[misc,name-defined]  # a class that the application makes
        def on_retry(self, *_: Any) -> None:
            host.start_span("cleaning up").end()
            tidy.delay()

    @jobs.task("work", base=Careful)
    def work() -> None: ...

    with trace_attributes(user_id=7):
        work.delay()
    received(jobs, work)._announce_cancelled()
    for name in ("cleaning up", "publish tidy"):
        assert is_below(recorded.one(name), recorded.one("publish work"))
        assert attributes(recorded.one(name))[semconv.USER_ID] == "7"
    assert nothing_is_current()


def test_what_is_below_a_span_of_somebody_without_llmtrace_says_so(
    jobs: Jobs, recorded: Recorded, on_error: Any
) -> None:
    work = jobs.simple("work")
    work.apply_async(link_error=on_error.s())
    request = received(jobs, work)
    del request.request_dict[HEADER]
    time_out(request)
    for name in ("work", "cleaning up", "publish tidy"):
        assert attributes(recorded.one(name))[semconv.PARENT_OUTSIDE] is True


@pytest.mark.parametrize("protocol", [1, 2])
def test_a_task_that_nobody_knows_is_told_of_with_its_id(jobs: Jobs, recorded: Recorded, protocol: int) -> None:
    jobs.app.conf.task_protocol = protocol
    sent = jobs.simple("gone").delay()
    message = jobs.message()
    signals.task_unknown.send(sender=None, message=message, exc=KeyError("gone"), name="gone", id=sent.id)
    told = attributes(recorded.one("gone"))
    assert (told[semconv.MESSAGING_MESSAGE_ID], told[semconv.JOB_REASON]) == (sent.id, "unknown task")


def test_a_message_that_a_worker_refuses_is_told_of_below_its_span(jobs: Jobs, recorded: Recorded) -> None:
    with trace_attributes(user_id=7):
        jobs.simple("add").apply_async(serializer="pickle")
    refused = ContentDisallowed("Refusing to deserialize untrusted content of type pickle")
    signals.task_rejected.send(sender=None, message=jobs.message(), exc=refused)
    told = recorded.one("add")
    assert is_below(told, recorded.one("publish add"))
    assert told.status.status_code is StatusCode.ERROR
    for name, value in {
        semconv.CELERY_STATE: "REJECTED",
        semconv.JOB_REASON: "message refused",
        semconv.ERROR_TYPE: "kombu.exceptions.ContentDisallowed",
        semconv.USER_ID: "7",
    }.items():
        assert attributes(told)[name] == value


@pytest.mark.parametrize("headers", [{}, {"task": 7}, None])
def test_a_message_that_is_no_job_is_not_told_of(recorded: Recorded, mistakes: list[str], headers: Any) -> None:
    signals.task_rejected.send(sender=None, message=Mock(headers=headers), exc=None)
    assert (recorded.all(), mistakes) == ([], [])

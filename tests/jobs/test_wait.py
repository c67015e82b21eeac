"""Waiting for a job's result is a span of who waits."""

from __future__ import annotations

import threading

import pytest
from celery import group
from celery.exceptions import TimeoutError as NotInTime
from opentelemetry.trace import StatusCode, Tracer

from llmtrace import semconv, trace_attributes
from tests.jobs.apps import Jobs, attributes
from tests.recorded import Recorded, is_below


def test_the_wait_for_a_result_is_a_span_of_who_waits(jobs: Jobs, recorded: Recorded, host: Tracer) -> None:
    jobs.simple("add", lambda: 3)
    with host.start_as_current_span("view"), trace_attributes(user_id=7):
        sent = jobs.app.tasks["add"].delay()
        worker = threading.Thread(target=jobs.run_all)
        worker.start()
        assert sent.get(timeout=10) == 3
        worker.join()
    wait = recorded.one("wait for job")
    assert is_below(wait, recorded.one("view"))
    assert attributes(wait)[semconv.MESSAGING_MESSAGE_ID] == sent.id
    assert attributes(wait)[semconv.USER_ID] == "7"
    assert wait.status.status_code is StatusCode.UNSET


def test_the_wait_for_a_group_is_one_span_where_the_backend_gives_all_results_at_once(
    jobs: Jobs, recorded: Recorded, host: Tracer
) -> None:
    jobs.simple("add", lambda: 3)
    add = jobs.app.tasks["add"]
    with host.start_as_current_span("view"), trace_attributes(user_id=7):
        sent = group([add.s(), add.s()], app=jobs.app).delay()
        worker = threading.Thread(target=jobs.run_all)
        worker.start()
        assert sent.get(timeout=10) == [3, 3]
        worker.join()
    wait = recorded.one("wait for job")
    assert is_below(wait, recorded.one("view"))
    assert attributes(wait)[semconv.JOB_GROUP_ID] == sent.id
    assert attributes(wait)[semconv.USER_ID] == "7"


def test_a_wait_that_ends_with_an_exception_shows_it_and_passes_it_on(
    jobs: Jobs, recorded: Recorded, host: Tracer
) -> None:
    with host.start_as_current_span("view"), pytest.raises(NotInTime):
        jobs.app.send_task("shop.never").get(timeout=0.01)
    assert attributes(recorded.one("wait for job"))[semconv.ERROR_TYPE] == "celery.exceptions.TimeoutError"


def test_a_wait_outside_of_every_trace_begins_none(jobs: Jobs, recorded: Recorded) -> None:
    jobs.simple("add", lambda: 3)
    sent = jobs.app.tasks["add"].delay()
    jobs.run_all()
    assert sent.get(timeout=10) == 3
    assert "wait for job" not in recorded.names()

"""Attempts of one job: siblings, each with its own state, whenever they begin and end."""

from __future__ import annotations

import threading
from typing import Any

from django.test import override_settings

from llmtrace import semconv, trace_attributes
from tests.jobs.apps import Jobs, attributes, runs
from tests.recorded import Recorded, is_below, settings


def test_an_attempt_may_begin_before_the_one_before_it_has_ended(jobs: Jobs, recorded: Recorded) -> None:
    second_ended = threading.Event()

    @jobs.task("again", bind=True, default_retry_delay=0)
    def again(self: Any) -> str:
        if self.request.retries:
            return "done"
        try:
            raise self.retry(exc=LookupError("first"))
        finally:
            second.start()
            assert second_ended.wait(10)

    def run_second() -> None:
        jobs.run_all()
        second_ended.set()

    again.delay()
    first_message, second = jobs.message(), threading.Thread(target=run_second)
    jobs.run(first_message)
    second.join()
    first_run, second_run = runs(recorded)
    assert [attributes(run)[semconv.CELERY_STATE] for run in (first_run, second_run)] == ["RETRY", "SUCCESS"]
    assert first_run.end_time is not None
    assert second_run.end_time is not None
    assert second_run.end_time < first_run.end_time
    assert second_run.parent == first_run.parent


def test_attempts_stay_together_when_the_task_gives_other_headers(jobs: Jobs, recorded: Recorded) -> None:
    @jobs.task("again", bind=True, default_retry_delay=0)
    def again(self: Any) -> None:
        if not self.request.retries:
            raise self.retry(headers={"tenant": "north"})

    again.delay()
    jobs.run_all()
    first, second = runs(recorded)
    assert first.parent == second.parent


def test_attempts_of_a_job_that_nobody_traced_are_below_the_first(jobs: Jobs, recorded: Recorded) -> None:
    @jobs.task("again", bind=True, default_retry_delay=0)
    def again(self: Any) -> None:
        if self.request.retries < 2:
            raise self.retry()

    with override_settings(LLMTRACE=settings(ENABLED=False)):
        again.delay()
    jobs.run_all()
    first, second, third = runs(recorded)
    assert first.parent is None
    assert is_below(second, first)
    assert is_below(third, first)


def test_all_attempts_of_a_job_that_somebody_else_sent_say_that_their_parent_is_outside(
    jobs: Jobs, recorded: Recorded
) -> None:
    @jobs.task("again", bind=True, default_retry_delay=0)
    def again(self: Any) -> None:
        if self.request.retries < 2:
            raise self.retry()

    with override_settings(LLMTRACE=settings(ENABLED=False)):
        again.delay()
    jobs.run(jobs.message(), traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    jobs.run_all()
    spans = recorded.all()
    assert len(spans) == 5
    assert {attributes(span)[semconv.PARENT_OUTSIDE] for span in spans} == {True}
    assert len({span.parent and span.parent.span_id for span in spans}) == 1


def test_a_retry_keeps_the_attributes_of_the_first_message(jobs: Jobs, recorded: Recorded) -> None:
    @jobs.task("again", bind=True, default_retry_delay=0)
    def again(self: Any) -> None:
        with trace_attributes(user_id="of the attempt alone"):
            if not self.request.retries:
                raise self.retry()

    with trace_attributes(user_id=7):
        again.delay()
    jobs.run_all()
    assert [attributes(run)[semconv.USER_ID] for run in runs(recorded)] == ["7", "7"]


def test_a_cause_that_was_never_raised_has_the_stack_of_the_retry(jobs: Jobs, recorded: Recorded) -> None:
    @jobs.task("again", bind=True, default_retry_delay=0)
    def again(self: Any) -> None:
        if not self.request.retries:
            self.retry(exc=LookupError("not yet"))

    again.delay()
    jobs.run_all()
    (cause,) = runs(recorded)[0].events
    assert (cause.attributes or {})["exception.type"] == "LookupError"
    assert "in again" in str((cause.attributes or {})["exception.stacktrace"])

"""Jobs that run where they are called: a run span within the caller's, and the caller sees what it would have seen."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from celery.exceptions import Retry
from opentelemetry.trace import StatusCode, Tracer

from llmtrace import semconv, trace_attributes
from tests.jobs.apps import Jobs, attributes, runs
from tests.recorded import Recorded, is_below


def test_an_eager_job_is_a_run_within_its_caller(jobs: Jobs, recorded: Recorded, host: Tracer) -> None:
    jobs.app.conf.task_always_eager = True
    task = jobs.simple("add", lambda: host.start_span("work").end())
    with host.start_as_current_span("view"), trace_attributes(user_id=7):
        task.delay()
        host.start_span("after").end()
    assert sorted(recorded.names()) == ["add", "after", "view", "work"]
    assert is_below(recorded.one("add"), recorded.one("view"))
    assert is_below(recorded.one("work"), recorded.one("add"))
    assert is_below(recorded.one("after"), recorded.one("view"))
    assert attributes(recorded.one("add"))[semconv.USER_ID] == "7"
    assert attributes(recorded.one("work"))[semconv.USER_ID] == "7"


def test_an_eager_jobs_exception_passes_through_and_is_shown(jobs: Jobs, recorded: Recorded) -> None:
    error = LookupError("gone")

    @jobs.task("fail")
    def fail() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        fail.apply(throw=True)
    assert caught.value is error
    span = recorded.one("fail")
    assert (span.status.status_code, attributes(span)[semconv.CELERY_STATE]) == (StatusCode.ERROR, "FAILURE")


def test_an_exception_that_the_caller_is_handling_is_not_the_jobs(jobs: Jobs, recorded: Recorded) -> None:
    task = jobs.simple("add")
    try:
        raise LookupError("the caller's")
    except LookupError:
        task.apply(throw=True)
    span = recorded.one("add")
    assert (span.status.status_code, span.events) == (StatusCode.UNSET, ())


@pytest.mark.parametrize("throw", [False, True])
def test_an_exception_of_the_callers_that_the_job_raises_again_is_the_jobs_too(
    jobs: Jobs, recorded: Recorded, throw: bool
) -> None:
    @jobs.task("pass on")
    def pass_on(error: Exception) -> None:
        raise error

    try:
        raise LookupError("the caller's")
    except LookupError as error:
        with suppress(LookupError):
            pass_on.apply((error,), throw=throw)
    span = recorded.one("pass on")
    assert (span.status.status_code, attributes(span)[semconv.ERROR_TYPE]) == (StatusCode.ERROR, "LookupError")
    assert len(span.events) == 1


@pytest.mark.parametrize("throw", [False, True])
def test_eager_attempts_are_siblings(jobs: Jobs, recorded: Recorded, host: Tracer, throw: bool) -> None:
    @jobs.task("again", bind=True)
    def again(self: Any) -> str:
        if self.request.retries < 2:
            raise self.retry(exc=LookupError("not yet"))
        return "done"

    with host.start_as_current_span("view"):
        if throw:
            with pytest.raises(Retry):
                again.apply(throw=True)
        else:
            assert again.apply().get() == "done"
    states = [attributes(run)[semconv.CELERY_STATE] for run in runs(recorded)]
    assert states == (["RETRY"] if throw else ["RETRY", "RETRY", "SUCCESS"])
    assert all(is_below(run, recorded.one("view")) for run in runs(recorded))
    assert {run.status.status_code for run in runs(recorded)} == {StatusCode.UNSET}

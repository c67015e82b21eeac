"""Running jobs: the span of each attempt, what is in force in a job, and what is left when it has ended."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Task
from django.test import override_settings
from kombu.transport.native_delayed_delivery import calculate_routing_key
from opentelemetry import baggage, trace
from opentelemetry.trace import StatusCode, Tracer

from llmtrace import semconv, trace_attributes
from llmtrace.jobs.message import HEADER
from llmtrace.jobs.relation import waits
from llmtrace.tracing.attributes import NONE, TraceAttributes, current, using_source
from llmtrace.tracing.scope import on_end
from tests.jobs.apps import Jobs, attributes
from tests.recorded import Recorded, is_below, settings


def nothing() -> None:
    """A job."""


class SomebodyElse:
    """The request of another user, in which a job happens to run."""

    def trace_attributes(self) -> TraceAttributes:
        return TraceAttributes("8", "somebody else's", "c-8")


def nothing_is_current() -> bool:
    return not trace.get_current_span().get_span_context().is_valid and current() is NONE and not baggage.get_all()


class TestWhatIsInForce:
    def test_a_run_is_below_its_message_and_its_work_below_the_run(
        self, jobs: Jobs, recorded: Recorded, host: Tracer
    ) -> None:
        @jobs.task("add")
        def add() -> None:
            host.start_span("work").end()

        add.delay()
        jobs.run_all()
        assert is_below(recorded.one("add"), recorded.one("publish add"))
        assert is_below(recorded.one("work"), recorded.one("add"))
        assert nothing_is_current()

    def test_the_senders_attributes_and_baggage_are_in_force_and_no_others(
        self, jobs: Jobs, recorded: Recorded
    ) -> None:
        seen = []

        @jobs.task("look")
        def look() -> None:
            seen.append((current(), dict(baggage.get_all())))

        with trace_attributes(user_id=7, tags=["vip"]):
            look.delay()
        with trace_attributes(user_id=8, session_id="somebody else's"), using_source(SomebodyElse()):
            jobs.run_all()
        ((found, carried),) = seen
        assert (found, carried) == (TraceAttributes("7", tags=("vip",)), {})
        assert attributes(recorded.one("look"))[semconv.USER_ID] == "7"

    def test_nothing_stays_current_whatever_a_job_does(self, jobs: Jobs, recorded: Recorded, host: Tracer) -> None:
        @jobs.task("leave")
        def leave() -> None:
            trace.use_span(host.start_span("left open")).__enter__()
            raise LookupError

        leave.delay()
        jobs.run_all()
        assert nothing_is_current()

    @pytest.mark.parametrize(("raised", "status"), [(KeyError, StatusCode.UNSET), (LookupError, StatusCode.ERROR)])
    def test_one_class_alone_as_what_a_task_throws_is_believed_and_nothing_stays_current(
        self, jobs: Jobs, recorded: Recorded, raised: type[Exception], status: StatusCode
    ) -> None:
        @jobs.task("look up", throws=KeyError)
        def look_up() -> None:
            raise raised

        look_up.delay()
        jobs.run_all()
        assert recorded.one("look up").status.status_code is status
        assert nothing_is_current()

    def test_a_request_that_a_task_leaves_in_front_of_its_own_hides_no_run(
        self, jobs: Jobs, recorded: Recorded
    ) -> None:
        class Pushes(Task[..., None]):
            def __call__(self, *args: Any, **kwargs: Any) -> None:
                self.push_request(args=args, kwargs=kwargs)

        @jobs.task("work", base=Pushes)
        def work() -> None:
            """Do nothing."""

        work.delay()
        jobs.run_all()
        assert attributes(recorded.one("work"))[semconv.CELERY_STATE] == "SUCCESS"
        assert nothing_is_current()

    def test_what_is_open_in_a_job_ends_within_its_span(self, jobs: Jobs, recorded: Recorded, host: Tracer) -> None:
        @jobs.task("stream")
        def stream() -> None:
            span = host.start_span("stream of a model")
            on_end(lambda: span.end())

        stream.delay()
        jobs.run_all()
        assert recorded.names() == ["publish stream", "stream of a model", "stream"]


@pytest.mark.parametrize(
    ("due", "now", "told"),
    [
        pytest.param(None, 102.5, {semconv.JOB_QUEUE_TIME: 2.5}, id="at once"),
        pytest.param(105.0, 107.0, {semconv.JOB_QUEUE_TIME: 2.0, semconv.JOB_DELAY: 5.0}, id="later"),
        pytest.param(105.0, 104.99, {semconv.JOB_QUEUE_TIME: 0.0, semconv.JOB_DELAY: 5.0}, id="a timer runs early"),
        pytest.param(99.0, 102.0, {semconv.JOB_QUEUE_TIME: 2.0}, id="due before it was sent"),
        pytest.param(None, 99.5, {}, id="clocks differ"),
        pytest.param(105.0, 99.5, {semconv.JOB_DELAY: 5.0}, id="clocks differ, later"),
    ],
)
def test_the_wait_in_the_queue_is_told_apart_from_the_delay(due: float | None, now: float, told: object) -> None:
    assert waits(100.0, due, now) == told


class TestMessagesOfOthers:
    def test_a_message_without_our_headers_begins_a_trace(self, jobs: Jobs, recorded: Recorded) -> None:
        task = jobs.simple("add")
        with override_settings(LLMTRACE=settings(ENABLED=False)):
            task.delay()
        jobs.run_all()
        run = recorded.one("add")
        assert run.parent is None
        assert semconv.JOB_QUEUE_TIME not in attributes(run)

    @pytest.mark.parametrize("value", ["", "00-zz-zz-01", "x" * 100_000, 5, ["00"], {"a": 1}, b"\xff", None, "\ud800"])
    def test_hostile_headers_are_not_believed_and_the_job_runs(
        self, jobs: Jobs, recorded: Recorded, value: Any
    ) -> None:
        jobs.simple("add", lambda: "done").delay()
        hostile = dict.fromkeys(("traceparent", "tracestate", "baggage", HEADER), value)
        jobs.run(jobs.message(), **hostile, retries="many", root_id=7, eta="soon", chord=[1])
        run = recorded.one("add")
        assert run.parent is None
        assert attributes(run)[semconv.CELERY_STATE] == "SUCCESS"

    def test_a_message_of_another_opentelemetry_tool_is_continued(self, jobs: Jobs, recorded: Recorded) -> None:
        jobs.simple("add").delay()
        trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        jobs.run(jobs.message(), traceparent=f"00-{trace_id}-{span_id}-01", **{HEADER: None})
        run = recorded.one("add")
        assert run.parent is not None
        assert (run.parent.trace_id, run.parent.span_id) == (int(trace_id, 16), int(span_id, 16))

    def test_a_redelivered_message_is_marked(self, jobs: Jobs, recorded: Recorded) -> None:
        jobs.simple("add").delay()
        jobs.run(jobs.message(), delivery_info={"exchange": "", "routing_key": "q", "redelivered": True})
        assert attributes(recorded.one("add"))[semconv.JOB_REDELIVERED] is True


class TestSettings:
    def test_a_job_leaves_nothing_when_tracing_is_off(self, jobs: Jobs, recorded: Recorded) -> None:
        jobs.simple("add").delay()
        with override_settings(LLMTRACE=settings(ENABLED=False)):
            jobs.run_all()
        assert recorded.names() == ["publish add"]

    def test_an_excluded_job_has_no_span_and_its_work_is_below_the_sender(
        self, jobs: Jobs, recorded: Recorded, host: Tracer
    ) -> None:
        jobs.simple("tidy", lambda: host.start_span("work").end()).delay()
        with override_settings(LLMTRACE=settings(JOBS={"EXCLUDE": ["tidy"]})):
            jobs.run_all()
        assert recorded.names() == ["publish tidy", "work"]
        assert is_below(recorded.one("work"), recorded.one("publish tidy"))

    def test_right_below_a_span_of_somebody_without_llmtrace_work_of_an_excluded_job_says_so(
        self, jobs: Jobs, recorded: Recorded, host: Tracer
    ) -> None:
        inner = jobs.simple("inner")

        @jobs.task("tidy")
        def tidy() -> None:
            with host.start_as_current_span("work"):
                host.start_span("step").end()
            inner.delay()

        tidy.delay()
        with override_settings(LLMTRACE=settings(JOBS={"EXCLUDE": ["tidy"]})):
            jobs.run(jobs.message(), **{HEADER: None})
            jobs.run_all()
        outside = {name for name in recorded.names() if semconv.PARENT_OUTSIDE in attributes(recorded.one(name))}
        assert outside == {"work", "publish inner"}

    @pytest.mark.parametrize(
        ("given", "countdown", "linked"),
        [
            ({"RELATION": "link"}, 0, True),
            ({"LINK_AFTER": 60}, 0, False),
            ({"LINK_AFTER": 60}, 50, False),
            ({"LINK_AFTER": 60}, 70, True),
        ],
    )
    def test_a_run_can_begin_a_trace_of_its_own_with_a_link(
        self, jobs: Jobs, recorded: Recorded, given: dict[str, Any], countdown: int, linked: bool
    ) -> None:
        with override_settings(LLMTRACE=settings(JOBS=given)), trace_attributes(user_id=7):
            jobs.simple("add").apply_async(countdown=countdown)
            jobs.run_all()
            publish, run = recorded.one("publish add"), recorded.one("add")
        assert publish.context is not None
        assert run.context is not None
        assert (run.parent is None) == linked
        assert [link.context.span_id for link in run.links] == ([publish.context.span_id] if linked else [])
        assert (run.context.trace_id != publish.context.trace_id) == linked
        assert attributes(run)[semconv.USER_ID] == "7"

    def test_a_long_wait_in_the_queue_makes_a_link_too(
        self, jobs: Jobs, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with override_settings(LLMTRACE=settings(JOBS={"LINK_AFTER": 60})):
            jobs.simple("add").delay()
            now = time.time()
            monkeypatch.setattr("llmtrace.jobs.run.time.time", lambda: now + 70)
            jobs.run_all()
            assert recorded.one("add").parent is None

    @pytest.mark.parametrize("own", ["link", "parent"])
    def test_a_task_can_have_a_relation_of_its_own(self, jobs: Jobs, recorded: Recorded, own: str) -> None:
        jobs.task("add", llmtrace_relation=own)(nothing)
        with override_settings(LLMTRACE=settings(JOBS={"RELATION": "parent" if own == "link" else "link"})):
            jobs.app.tasks["add"].delay()
            jobs.run_all()
            assert (recorded.one("add").parent is None) == (own == "link")

    def test_texts_of_exceptions_are_content(self, jobs: Jobs, recorded: Recorded) -> None:
        @jobs.task("fail")
        def fail() -> None:
            raise LookupError("what a person wrote")

        with override_settings(LLMTRACE=settings(CAPTURE_CONTENT=False)):
            fail.delay()
            jobs.run_all()
            run = recorded.one("fail")
        assert (run.status.status_code, run.status.description) == (StatusCode.ERROR, None)
        assert [dict(event.attributes or {}) for event in run.events] == [{"exception.type": "LookupError"}]


def test_a_mistake_of_ours_never_reaches_the_job(
    jobs: Jobs, recorded: Recorded, monkeypatch: pytest.MonkeyPatch, mistakes: list[str]
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("llmtrace.jobs.run.job_attributes", broken)
    task = jobs.simple("add", lambda: "done")
    task.delay()
    assert jobs.run(jobs.message()).retval == "done"
    assert nothing_is_current()
    assert recorded.names() == ["publish add"]
    assert "ZeroDivisionError" in mistakes.pop()


def test_the_queue_is_that_of_the_job_where_the_broker_keeps_its_delay(jobs: Jobs, recorded: Recorded) -> None:
    """With quorum queues Celery writes the delay into the routing key."""
    add = jobs.simple("add")
    add.delay()
    delayed = {"exchange": "celery_delayed_27", "routing_key": calculate_routing_key(90, jobs.queue)}
    jobs.run(jobs.message(), delivery_info=delayed)
    add.apply_async(**delayed)
    run, publish = recorded.one("add"), recorded.all()[-1]
    assert publish.name == "publish add"
    for span in (run, publish):
        assert attributes(span)[semconv.MESSAGING_DESTINATION] == jobs.queue

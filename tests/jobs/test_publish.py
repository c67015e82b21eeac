"""Sending jobs: the span of each message, its headers, and what stays as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from celery import Celery, signals
from celery.utils.dispatch import Signal
from django.test import override_settings
from kombu.exceptions import EncodeError, OperationalError
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from llmtrace import jobs as instrumentation
from llmtrace import semconv, trace_attributes
from llmtrace.jobs import message
from tests.jobs.apps import Jobs
from tests.pipeline.making import entry, exporting
from tests.recorded import Recorded, is_below, settings


def test_a_message_has_a_span_below_the_senders(jobs: Jobs, recorded: Recorded, host: trace.Tracer) -> None:
    with host.start_as_current_span("view"):
        jobs.app.send_task("shop.summary", (1,), task_id="t-1", countdown=60, priority=3)
    span = recorded.one("publish shop.summary")
    assert is_below(span, recorded.one("view"))
    assert span.kind is SpanKind.PRODUCER
    attributes = dict(span.attributes or {})
    assert 59 < attributes.pop(semconv.JOB_DELAY) <= 60  # type: ignore[operator]
    assert attributes == {
        semconv.MESSAGING_SYSTEM: "celery",
        semconv.MESSAGING_OPERATION: "publish",
        semconv.MESSAGING_OPERATION_TYPE: "send",
        semconv.MESSAGING_DESTINATION: jobs.queue,
        semconv.MESSAGING_MESSAGE_ID: "t-1",
        semconv.CELERY_TASK: "shop.summary",
        semconv.JOB_ROOT_ID: "t-1",
        semconv.JOB_ATTEMPT: 1,
    }


def test_headers_and_priority_of_the_user_are_kept(jobs: Jobs, recorded: Recorded) -> None:
    jobs.app.send_task("shop.summary", headers={"tenant": "north"}, priority=3)
    sent = jobs.message()
    assert sent.headers["tenant"] == "north"
    assert sent.properties == sent.properties | {"priority": 3}
    assert {"traceparent", message.HEADER} <= sent.headers.keys()


def test_a_message_names_its_own_span_as_the_parent_of_the_run(jobs: Jobs, recorded: Recorded) -> None:
    jobs.app.send_task("shop.summary")
    parent = message.read(jobs.message().headers).parent
    assert parent is not None
    assert parent.span_id == recorded.one("publish shop.summary").context.span_id


@pytest.mark.parametrize("protocol", [1, 2])
def test_either_protocol_of_messages_carries_it(jobs: Jobs, recorded: Recorded, protocol: int) -> None:
    jobs.app.conf.task_protocol = protocol
    jobs.app.send_task("shop.summary", task_id="t-1")
    assert message.read(jobs.message().headers).parent is not None
    span = recorded.one("publish shop.summary")
    assert (span.attributes or {})[semconv.MESSAGING_MESSAGE_ID] == "t-1"


def test_at_most_150_bytes_are_added(jobs: Jobs, recorded: Recorded) -> None:
    with trace_attributes(user_id=12345, session_id="9f86d081884c7d65", conversation_id="c-81", tags=["vip"]):
        jobs.app.send_task("shop.summary", task_id="t-1")
    traced = jobs.message()
    with override_settings(LLMTRACE=settings(ENABLED=False)):
        jobs.app.send_task("shop.summary", task_id="t-1")
    plain = jobs.message()
    assert len(json.dumps(traced.headers)) - len(json.dumps(plain.headers)) <= 150
    assert traced.body == plain.body


def test_baggage_of_the_host_goes_along_and_ours_never(jobs: Jobs, recorded: Recorded) -> None:
    token = otel_context.attach(baggage.set_baggage("tenant", "north"))
    try:
        with trace_attributes(user_id=7):
            jobs.app.send_task("shop.summary")
    finally:
        otel_context.detach(token)
    assert jobs.message().headers["baggage"] == "tenant=north"


def test_a_publish_that_fails_ends_its_span_with_the_error(recorded: Recorded, host: trace.Tracer) -> None:
    app = Celery("away", broker="amqp://127.0.0.1:1", set_as_current=False)
    app.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
    with host.start_as_current_span("view"):
        with pytest.raises(OperationalError):
            app.send_task("shop.summary", retry=False)
        host.start_span("next").end()
    span = recorded.one("publish shop.summary")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})[semconv.ERROR_TYPE] == "kombu.exceptions.OperationalError"
    assert is_below(recorded.one("next"), recorded.one("view"))


def test_a_message_that_cannot_be_written_ends_its_span_with_the_error(jobs: Jobs, recorded: Recorded) -> None:
    with pytest.raises(EncodeError):
        jobs.app.send_task("shop.summary", (object(),))
    assert recorded.one("publish shop.summary").status.status_code is StatusCode.ERROR
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_publish_that_fails_before_there_is_a_message_has_a_span_too(jobs: Jobs, recorded: Recorded) -> None:
    with pytest.raises(TypeError, match="task args must be a list or tuple"):
        jobs.app.send_task("shop.summary", "text")
    span = recorded.one("publish shop.summary")
    assert (span.attributes or {})[semconv.ERROR_TYPE] == "TypeError"


def test_nothing_is_written_when_tracing_is_off(jobs: Jobs, recorded: Recorded) -> None:
    with override_settings(LLMTRACE=settings(ENABLED=False)):
        jobs.app.send_task("shop.summary")
        assert not {"traceparent", "baggage", message.HEADER} & jobs.message().headers.keys()
    assert recorded.names() == []


def test_an_excluded_task_has_no_span_and_passes_the_trace_on(
    jobs: Jobs, recorded: Recorded, host: trace.Tracer
) -> None:
    with (
        override_settings(LLMTRACE=settings(JOBS={"EXCLUDE": ["shop.tidy"]})),
        host.start_as_current_span("view") as view,
        trace_attributes(user_id=7),
    ):
        jobs.app.send_task("shop.tidy")
        sent = message.read(jobs.message().headers)
        assert recorded.names() == []
    assert sent.parent is not None
    assert sent.parent.span_id == view.get_span_context().span_id
    assert sent.attributes.user_id == "7"


def test_what_sends_a_job_without_spans_is_kept_as_the_parent_of_what_the_job_does(
    jobs: Jobs, host: trace.Tracer
) -> None:
    kept: list[ReadableSpan] = []
    with (
        exporting(entry("Kept", into=kept, SPANS="llm"), JOBS={"EXCLUDE": ["shop.tidy"]}),
        host.start_as_current_span("GET /", kind=SpanKind.SERVER),
        host.start_as_current_span("view"),
    ):
        host.start_span("query").end()
        jobs.app.send_task("shop.tidy")
        sent = message.read(jobs.message().headers)
    view, request = kept
    assert (view.name, request.name) == ("view", "GET /")
    assert view.context is not None
    assert sent.parent is not None
    assert sent.parent.span_id == view.context.span_id
    assert view.parent == request.context


@pytest.mark.parametrize("name", ["celery.map", "celery.starmap", "celery.chunks"])
def test_a_mapped_tasks_own_name_is_told(jobs: Jobs, recorded: Recorded, name: str) -> None:
    jobs.app.send_task(name, kwargs={"task": {"task": "shop.summary"}, "it": []})
    assert recorded.names() == ["publish shop.summary"]


@pytest.mark.parametrize("signal", [signals.before_task_publish, signals.after_task_publish], ids=["before", "after"])
@pytest.mark.parametrize("connected", ["before ours", "after ours"])
def test_a_receiver_of_the_host_sees_the_publish_span_as_current(
    jobs: Jobs, recorded: Recorded, signal: Signal, connected: str
) -> None:
    seen: list[int] = []

    def receive(**_: Any) -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)

    if connected == "before ours":
        instrumentation.uninstall()
    signal.connect(receive)
    instrumentation.install()
    jobs.app.send_task("shop.summary")
    assert seen == [recorded.one("publish shop.summary").context.span_id]


def test_a_mistake_of_ours_never_reaches_the_sender(
    jobs: Jobs, recorded: Recorded, monkeypatch: pytest.MonkeyPatch, mistakes: list[str]
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(message, "packed", broken)
    jobs.app.send_task("shop.summary")
    assert jobs.message().headers["task"] == "shop.summary"
    assert recorded.names() == ["publish shop.summary"]
    assert "ZeroDivisionError" in mistakes.pop()


def test_installing_twice_makes_one_span_and_uninstalling_leaves_celery_as_it_was(
    jobs: Jobs, recorded: Recorded
) -> None:
    instrumentation.uninstall()
    try:
        before = Celery.__dict__["send_task"]
        receivers = len(signals.before_task_publish.receivers)
        instrumentation.install()
        instrumentation.install()
        jobs.app.send_task("shop.summary")
        instrumentation.uninstall()
        assert Celery.__dict__["send_task"] is before
        assert len(signals.before_task_publish.receivers) == receivers
        jobs.app.send_task("shop.summary")
    finally:
        instrumentation.install()
    assert recorded.names() == ["publish shop.summary"]


@pytest.mark.parametrize("order", ["install(); import celery.app.base", "import celery.app.base; install()"])
def test_celery_is_traced_whenever_the_host_imports_it_and_not_imported_before(order: str) -> None:
    lines = [
        "import sys",
        "from django.conf import settings",
        "settings.configure()",
        "from llmtrace.jobs import install",
        "assert not any(name.startswith('celery') for name in sys.modules)",
        order,
        "assert hasattr(celery.app.base.Celery.send_task, '__wrapped__')",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=60)

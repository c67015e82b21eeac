"""Beside OpenTelemetry's own Celery instrumentation: its spans, enriched, none doubled; and each on one side only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from celery import signals
from celery._state import get_current_app
from opentelemetry.trace import SpanKind

from llmtrace import jobs as instrumentation
from llmtrace import semconv, trace_attributes
from llmtrace.jobs import message
from llmtrace.tracing.setup import connect
from tests.jobs.apps import Jobs, attributes
from tests.recorded import Recorded, is_below

opentelemetry_celery: Any = pytest.importorskip(
    "opentelemetry.instrumentation.celery", reason="opentelemetry-instrumentation-celery is not installed"
)


@contextmanager
def theirs() -> Iterator[None]:
    """Their instrumentation, active."""
    instrumentor = opentelemetry_celery.CeleryInstrumentor()
    instrumentor.instrument(tracer_provider=connect())
    try:
        yield
    finally:
        instrumentor.uninstrument()


@contextmanager
def not_ours() -> Iterator[None]:
    """Without llmtrace."""
    instrumentation.uninstall()
    try:
        yield
    finally:
        instrumentation.install()


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """The application as the current one, in which their instrumentation looks for tasks."""
    jobs, before = Jobs(), get_current_app()
    jobs.app.set_current()
    yield jobs
    before.set_current()


@pytest.fixture(params=["ours first", "theirs first"])
def both(request: pytest.FixtureRequest, recorded: Recorded) -> Iterator[None]:
    """Both active, connected in either order."""
    if request.param == "ours first":
        with theirs():
            yield
        return
    with not_ours():
        instrumentor = theirs()
        instrumentor.__enter__()
    yield
    instrumentor.__exit__(None, None, None)


def test_no_span_is_doubled_and_theirs_say_what_ours_would(both: None, jobs: Jobs, recorded: Recorded) -> None:
    jobs.simple("add")
    with trace_attributes(user_id=7):
        jobs.app.tasks["add"].delay()
    jobs.run_all()
    spans = [span for span in recorded.all() if span.kind in (SpanKind.PRODUCER, SpanKind.CONSUMER)]
    assert [span.name for span in spans] == ["apply_async/add", "run/add"]
    publish, run = spans
    assert is_below(run, publish)
    for span in spans:
        assert attributes(span)[semconv.USER_ID] == "7"
        assert attributes(span)[semconv.JOB_ATTEMPT] == 1
    assert 0 <= attributes(run)[semconv.JOB_QUEUE_TIME] < 60


def test_a_message_for_a_task_that_only_the_worker_knows_names_their_span(
    both: None, jobs: Jobs, recorded: Recorded
) -> None:
    with connect().get_tracer("host").start_as_current_span("view"):
        jobs.app.send_task("nobody knows")
    sent = message.read(jobs.message().headers)
    assert sent.parent is not None
    assert sent.parent.span_id == recorded.one("apply_async/nobody knows").context.span_id


def test_the_senders_attributes_are_in_force_in_the_job(both: None, jobs: Jobs, recorded: Recorded) -> None:
    jobs.simple("look", lambda: connect().get_tracer("host").start_span("work").end())
    with trace_attributes(user_id=7):
        jobs.app.tasks["look"].delay()
    jobs.run_all()
    assert is_below(recorded.one("work"), recorded.one("run/look"))
    assert attributes(recorded.one("work"))[semconv.USER_ID] == "7"


AROUND: Final[dict[Any, str]] = {
    signals.before_task_publish: "apply_async/add",
    signals.after_task_publish: "apply_async/add",
    signals.task_prerun: "run/add",
    signals.task_postrun: "run/add",
}
"""Signals at the ends of their spans, and whose ends these are."""

Connects = Callable[[str], None]


@pytest.fixture
def project() -> Iterator[Connects]:
    """Connects receivers of the project's, which leave a span named by the signal and by when they were connected."""
    connected: list[tuple[Any, Any]] = []

    def connect_all(when: str) -> None:
        for signal in AROUND:

            def receive(name: str = f"{signal.name} {when}", **_: Any) -> None:
                connect().get_tracer("host").start_span(name).end()

            connected.append((signal, signal.connect(receive, weak=False)))

    yield connect_all
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def early(project: Connects) -> None:
    """Receivers from before either instrumentation was active."""
    project("early")


def test_what_the_projects_receivers_do_is_within_their_spans(
    early: None, both: None, project: Connects, jobs: Jobs, recorded: Recorded
) -> None:
    jobs.simple("add")
    project("late")
    with trace_attributes(user_id=7):
        jobs.app.tasks["add"].delay()
    jobs.run_all()
    for signal, span in AROUND.items():
        for when in ("early", "late"):
            done = recorded.one(f"{signal.name} {when}")
            assert is_below(done, recorded.one(span)), done.name
            assert attributes(done)[semconv.USER_ID] == "7"
    assert attributes(recorded.one("run/add"))[semconv.CELERY_STATE] == "SUCCESS"


def test_a_message_of_theirs_is_continued_by_ours(jobs: Jobs, recorded: Recorded) -> None:
    jobs.simple("add")
    with not_ours(), theirs():
        jobs.app.tasks["add"].delay()
    jobs.run_all()
    assert is_below(recorded.one("add"), recorded.one("apply_async/add"))


def test_a_message_of_ours_is_continued_by_theirs(jobs: Jobs, recorded: Recorded) -> None:
    jobs.simple("add")
    jobs.app.tasks["add"].delay()
    with not_ours(), theirs():
        jobs.run_all()
    assert is_below(recorded.one("run/add"), recorded.one("publish add"))

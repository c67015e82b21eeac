"""After many jobs and requests in one process nothing of them is left: each begins a trace of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from opentelemetry import baggage, trace
from opentelemetry.trace import Tracer, get_tracer

from llmtrace.tracing.attributes import NONE, current
from llmtrace.tracing.scope import current_scope
from tests.jobs.apps import Jobs
from tests.recorded import Recorded

MANY = 1000


def nothing_is_current() -> bool:
    """No span, no trace attributes, no baggage, no scope."""
    span = trace.get_current_span().get_span_context()
    return not span.is_valid and current() is NONE and not baggage.get_all() and current_scope.get() is None


def leave_open(tracer: Tracer | None = None) -> None:
    """What careless code of a host does."""
    trace.use_span((tracer or get_tracer("host")).start_span("left open")).__enter__()


class Site:
    """Views that send a job each, and leave in different ways."""

    jobs: Jobs

    def fine(self, request: object) -> HttpResponse:
        self.jobs.app.tasks["again"].delay()
        return HttpResponse("fine")

    def careless(self, request: object) -> HttpResponse:
        self.jobs.app.tasks["careless"].delay()
        leave_open()
        return HttpResponse("careless")

    def broken(self, request: object) -> HttpResponse:
        self.jobs.app.tasks["fail"].delay()
        raise LookupError

    def streamed(self, request: object) -> StreamingHttpResponse:
        def body() -> Iterator[str]:
            leave_open()
            yield "one"
            self.jobs.app.tasks["careless"].delay()
            yield "two"

        return StreamingHttpResponse(body())

    async def awaited(self, request: object) -> HttpResponse:
        self.jobs.app.tasks["fail"].apply()
        leave_open()
        return HttpResponse("awaited")


site = Site()
urlpatterns = [path(name, getattr(site, name)) for name in ("fine", "careless", "broken", "streamed", "awaited")]


@pytest.fixture
def visits(jobs: Jobs) -> Iterator[list[Callable[[], object]]]:
    """Ways to visit each page to its end, or to the middle of the stream."""

    @jobs.task("again", bind=True, default_retry_delay=0)
    def again(self: Any) -> None:
        leave_open()
        if not self.request.retries:
            raise self.retry()

    @jobs.task("fail")
    def fail() -> None:
        leave_open()
        raise LookupError

    jobs.simple("careless", leave_open)
    site.jobs = jobs
    client = Client(raise_request_exception=False)
    middleware = ["llmtrace.middleware.LLMTraceMiddleware"]
    connections.close_all()  # the end of a request looks at those that tests before have left
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        yield [
            lambda: client.get("/fine"),
            lambda: client.get("/careless"),
            lambda: client.get("/broken"),
            lambda: b"".join(client.get("/streamed").streaming_content),  # type: ignore[attr-defined]
            lambda: client.get("/streamed").close(),
            lambda: client.get("/awaited"),
        ]


def traces_of(recorded: Recorded, name: str) -> list[int]:
    """The traces that begin with spans whose name begins so."""
    return [span.context.trace_id for span in recorded.all() if span.parent is None and span.name.startswith(name)]


def test_a_thousand_requests_and_their_jobs_leave_nothing_to_the_next(
    jobs: Jobs, recorded: Recorded, visits: list[Callable[[], object]]
) -> None:
    for number in range(MANY):
        visits[number % len(visits)]()
        assert nothing_is_current()
        jobs.run_all()
        assert nothing_is_current()
    begun = traces_of(recorded, "GET ")
    assert len(begun) == len(set(begun)) == MANY
    roots = {span.name for span in recorded.all() if span.parent is None}
    assert {name for name in roots if not name.startswith("GET ")} <= {"left open"}


def test_a_thousand_jobs_that_no_request_sent_leave_nothing_to_the_next(
    jobs: Jobs, recorded: Recorded, visits: object
) -> None:
    tasks = [jobs.app.tasks[name] for name in ("again", "careless", "fail")]
    for number in range(MANY):
        tasks[number % 3].delay()
        jobs.run_all()
        assert nothing_is_current()
    begun = traces_of(recorded, "publish ")
    assert len(begun) == len(set(begun)) == MANY


async def test_async_requests_leave_nothing_to_the_next(jobs: Jobs, recorded: Recorded, visits: object) -> None:
    client = AsyncClient(raise_request_exception=False)
    for number in range(MANY // 4):
        await client.get(("/awaited", "/fine", "/broken")[number % 3])
        assert nothing_is_current()
    begun = traces_of(recorded, "GET ")
    assert len(begun) == len(set(begun)) == MANY // 4

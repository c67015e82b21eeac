"""Where the host has activated OpenTelemetry's Django instrumentation, its span is used and no second one is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.django.middleware.otel_middleware import _DjangoMiddleware
from opentelemetry.trace import Span, StatusCode

from llmtrace.middleware import LLMTraceMiddleware
from llmtrace.tracing.setup import connect
from tests import recorded as recording
from tests.interpreter import lines, run
from tests.recorded import Recorded, attribute, is_below
from tests.requests.conftest import OURS
from tests.requests.views import Trouble, pieces


def request_hook(span: Span, request: HttpRequest) -> None:
    span.set_attribute("hooked", request.path)


@pytest.fixture
def instrumented(site: Recorded) -> Iterator[Recorded]:
    with override_settings(MIDDLEWARE=[OURS]):
        DjangoInstrumentor().instrument(tracer_provider=connect(), request_hook=request_hook)
        try:
            assert settings.MIDDLEWARE[1] == OURS
            yield site
        finally:
            DjangoInstrumentor().uninstrument()
            _DjangoMiddleware._otel_request_hook = None  # type: ignore[assignment]


def scope_of(span: Any) -> str:
    return str(span.instrumentation_scope.name)


def test_the_hosts_span_is_the_parent_and_there_is_one(instrumented: Recorded) -> None:
    Client().get("/plain/")
    assert sorted(instrumented.names()) == ["GET plain/", "work"]
    request = instrumented.one("GET plain/")
    assert scope_of(request) == "opentelemetry.instrumentation.django"
    assert attribute(request, "hooked") == "/plain/"
    assert is_below(instrumented.one("work"), request)


async def test_the_same_under_asgi(instrumented: Recorded) -> None:
    await AsyncClient().get("/aplain/")
    assert sorted(instrumented.names()) == ["GET aplain/", "work"]


def test_the_hosts_span_goes_on_until_the_body_has_ended(instrumented: Recorded) -> None:
    response: Any = Client().get("/streamed/")
    assert instrumented.names() == []
    response.getvalue()
    request = instrumented.one("GET streamed/")
    assert is_below(instrumented.one("piece 2"), request)
    assert instrumented.names()[-1] == "GET streamed/"


def test_the_hosts_span_has_what_the_body_raised(instrumented: Recorded) -> None:
    with pytest.raises(Trouble):
        Client().get("/breaking/").getvalue()
    request = instrumented.one("GET breaking/")
    assert request.status.status_code is StatusCode.ERROR
    assert attribute(request, "error.type") == "tests.requests.views.Trouble"


def test_the_hosts_span_ends_with_a_body_that_nobody_reads(instrumented: Recorded) -> None:
    def view(_: HttpRequest) -> HttpResponse:
        return StreamingHttpResponse(pieces())  # type: ignore[return-value]

    response: Any = _DjangoMiddleware(LLMTraceMiddleware(view))(RequestFactory().get("/"))  # type: ignore[no-untyped-call]
    assert instrumented.names() == []
    del response
    gc.collect()
    assert len(instrumented.names()) == 1


class Gathers:
    """A middleware of the host's that waits for the whole body."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(self.get_response(request).getvalue())


def test_the_hosts_span_is_ended_by_the_host_where_the_body_ends_before(instrumented: Recorded) -> None:
    with override_settings(MIDDLEWARE=[settings.MIDDLEWARE[0], f"{__name__}.Gathers", OURS]):
        assert Client().get("/streamed/").content == b"012"
    request = instrumented.one("GET streamed/")
    assert attribute(request, "http.status_code", "http.response.status_code") == 200
    assert is_below(instrumented.one("piece 2"), request)


def test_the_hosts_span_has_its_exception_once(instrumented: Recorded) -> None:
    Client(raise_request_exception=False).get("/broken/")
    request = instrumented.one("GET broken/")
    assert [event.name for event in request.events] == ["exception"]


def test_what_the_host_excludes_has_no_span(instrumented: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.util.http import parse_excluded_urls

    monkeypatch.setattr(_DjangoMiddleware, "_excluded_urls", parse_excluded_urls("plain"))
    Client().get("/plain/")
    assert instrumented.names() == ["work"]


def test_with_enabled_off_the_hosts_span_is_the_hosts_affair(instrumented: Recorded) -> None:
    with override_settings(LLMTRACE=recording.settings(ENABLED=False)):
        assert Client().get("/streamed/").getvalue() == b"012"


FIRST: Final = """
import asyncio
import django
from django.conf import settings
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = "tests.requests.views"
from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
DjangoInstrumentor().instrument()
def provide():
    trace.set_tracer_provider(TracerProvider())
{before}
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, RequestFactory
django.setup()
application = WSGIHandler()
{loaded}
from llmtrace.tracing.setup import get_tracer
from tests.requests import views
views.work = lambda: get_tracer().start_span("call").end()
environ = RequestFactory()._base_environ(PATH_INFO="/plain/")
"""
SYNC: Final = "list(application(environ, lambda *_: None))\n" * 2
ASYNC: Final = "asyncio.run(AsyncClient().get('/plain/'))\n" * 2


@pytest.mark.parametrize(
    ("before", "loaded", "requests"),
    [("", "", SYNC), ("provide()", "", ASYNC), ("", "provide()", SYNC)],
    ids=["without a provider", "with one, async", "with one that comes after the middleware"],
)
def test_the_first_request_of_a_process_has_its_span(tmp_path: Path, before: str, loaded: str, requests: str) -> None:
    entry = {"BACKEND": "tests.pipeline.exporters.File", "OPTIONS": {"path": str(tmp_path / "spans")}, "SPANS": "llm"}
    run(FIRST.format(before=before, loaded=loaded) + requests, {"EXPORTERS": [entry]})
    assert [line["name"] for line in lines(tmp_path / "spans")] == ["call", "GET plain/"] * 2


def test_who_gets_no_spans_is_not_connected(tmp_path: Path) -> None:
    """A test of the host's may set its provider as late as it likes."""
    code = FIRST.format(before="", loaded="").replace("plain", "nowhere") + SYNC
    run(code + "assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)", {"EXPORTERS": []})

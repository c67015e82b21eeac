"""A request has one span, sync and async, and what its view does is below it."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory, override_settings
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from llmtrace.middleware import LLMTraceMiddleware
from tests import recorded as recording
from tests.recorded import Recorded, attribute, is_below
from tests.requests.conftest import OURS
from tests.requests.views import Trouble

STATUS = ("http.response.status_code", "http.status_code")


def test_what_a_view_does_is_below_its_request(site: Recorded) -> None:
    assert Client().get("/plain/7/").content == b"plain"
    request = site.one("GET plain/<int:number>/")
    assert request.kind is SpanKind.SERVER
    assert request.status.status_code is StatusCode.UNSET
    assert request.parent is None
    assert attribute(request, "http.route") == "plain/<int:number>/"
    assert attribute(request, *STATUS) == 200
    assert is_below(site.one("work"), request)


@pytest.mark.parametrize("url", ["/plain/", "/aplain/"])
async def test_sync_and_async_views_under_asgi_are_below_their_request(site: Recorded, url: str) -> None:
    await AsyncClient().get(url)
    assert is_below(site.one("work"), site.one(f"GET {url[1:]}"))


def test_an_async_view_under_wsgi_is_below_its_request(site: Recorded) -> None:
    Client().get("/aplain/")
    assert is_below(site.one("work"), site.one("GET aplain/"))


async def test_under_asgi_no_thread_is_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_: Any, **__: Any) -> None:
        raise AssertionError("a thread was entered")

    handler: Any = ASGIHandler()
    with override_settings(MIDDLEWARE=[OURS], ROOT_URLCONF="tests.requests.views"):
        handler.load_middleware(is_async=True)
        monkeypatch.setattr("asgiref.sync.SyncToAsync.__call__", no_thread)
        assert (await handler._middleware_chain(AsyncRequestFactory().get("/aplain/"))).status_code == 200


def test_nothing_is_current_after_a_request(site: Recorded) -> None:
    Client().get("/plain/")
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("url", ["/broken/", "/abroken/"])
@pytest.mark.parametrize("debug", [True, False])
def test_an_exception_of_a_view_passes_unchanged_and_is_on_the_span(site: Recorded, url: str, debug: bool) -> None:
    with override_settings(DEBUG=debug), pytest.raises(Trouble, match="the host's own"):
        Client().get(url)
    assert Client(raise_request_exception=False).get(url).status_code == 500
    for request in site.all():
        assert request.status.status_code is StatusCode.ERROR
        assert attribute(request, "error.type") == "tests.requests.views.Trouble"
        assert attribute(request, *STATUS) == 500
        assert [event.name for event in request.events] == ["exception"]
        assert request.events[0].attributes is not None
        assert request.events[0].attributes["exception.message"] == "the host's own"


async def test_an_exception_of_a_view_under_asgi_is_on_the_span(site: Recorded) -> None:
    await AsyncClient(raise_request_exception=False).get("/abroken/")
    await AsyncClient(raise_request_exception=False).get("/broken/")
    assert [attribute(span, "error.type") for span in site.all()] == ["tests.requests.views.Trouble"] * 2


@override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True)
def test_an_exception_that_reaches_the_server_is_on_the_span(site: Recorded) -> None:
    with pytest.raises(Trouble):
        Client().get("/broken/")
    assert site.one("GET broken/").status.status_code is StatusCode.ERROR


@pytest.mark.parametrize(("url", "status"), [("/missing/", 404), ("/nowhere/", 404), ("/forbidden/", 403)])
def test_what_the_client_got_wrong_is_no_error_of_the_server(site: Recorded, url: str, status: int) -> None:
    assert Client().get(url).status_code == status
    (request,) = site.all()
    assert attribute(request, *STATUS) == status
    assert request.status.status_code is StatusCode.UNSET
    assert attribute(request, "error.type") is None
    assert not request.events


def test_a_500_without_an_exception_is_an_error(site: Recorded) -> None:
    Client().get("/unavailable/")
    request = site.one("GET unavailable/")
    assert request.status.status_code is StatusCode.ERROR
    assert attribute(request, "error.type") == "503"


def test_content_of_an_exception_stays_out_where_content_is_not_captured(site: Recorded) -> None:
    with override_settings(LLMTRACE=recording.settings(CAPTURE_CONTENT=False)):
        Client(raise_request_exception=False).get("/broken/")
        request = site.one("GET broken/")
    assert attribute(request, "error.type") == "tests.requests.views.Trouble"
    assert "the host's own" not in request.to_json()


class Raises:
    """A middleware of the host's with a mistake in it."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.get_response(request)
        raise Trouble("in a middleware")


def test_a_middleware_below_that_raises_is_on_the_span(site: Recorded) -> None:
    with override_settings(MIDDLEWARE=[OURS, f"{__name__}.Raises"]):
        assert Client(raise_request_exception=False).get("/plain/").status_code == 500
    request = site.one("GET plain/")
    assert request.status.status_code is StatusCode.ERROR
    assert attribute(request, "error.type") == "tests.requests.views.Trouble"


def test_a_middleware_above_that_raises_finds_the_request_ended(site: Recorded) -> None:
    with override_settings(MIDDLEWARE=[f"{__name__}.Raises", OURS]), pytest.raises(Trouble, match="in a middleware"):
        Client().get("/plain/")
    assert site.one("GET plain/").status.status_code is StatusCode.UNSET


async def test_a_sync_middleware_below_takes_ours_along_to_its_thread(site: Recorded) -> None:
    with override_settings(MIDDLEWARE=[OURS, f"{__name__}.SyncOnly"]):
        await AsyncClient().get("/aplain/")
    assert is_below(site.one("work"), site.one("GET aplain/"))


class SyncOnly:
    """A middleware of the host's that knows nothing of async."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)


async def test_a_view_that_is_cancelled_ends_its_request_without_an_error(site: Recorded) -> None:
    begun = asyncio.Event()

    async def view(request: HttpRequest) -> HttpResponse:
        begun.set()
        await asyncio.Event().wait()
        return HttpResponse()

    task = asyncio.ensure_future(LLMTraceMiddleware(view)(AsyncRequestFactory().get("/")))  # type: ignore[arg-type]
    await begun.wait()
    assert site.all() == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (request,) = site.all()
    assert request.status.status_code is StatusCode.UNSET


async def test_a_request_that_is_garbage_ends_without_noise(site: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        await asyncio.Event().wait()
        return HttpResponse()

    responding: Any = LLMTraceMiddleware(view)(AsyncRequestFactory().get("/"))
    contextvars.Context().run(responding.send, None)
    responding.close()
    (request,) = site.all()
    assert request.status.status_code is StatusCode.UNSET
    assert caplog.records == []


def test_the_request_is_left_as_it_was(site: Recorded) -> None:
    request = RequestFactory().get("/plain/", headers={"host": "not.allowed.example"})
    before = dict(request.META)
    during: dict[str, Any] = {}

    def view(request: HttpRequest) -> HttpResponse:
        during.update(request.META)
        assert "_current_scheme_host" not in request.__dict__
        return HttpResponse()

    LLMTraceMiddleware(view)(request)
    assert during == before
    assert before == request.META
    assert "build_absolute_uri" not in request.__dict__


@override_settings(ALLOWED_HOSTS=["good.example"])
def test_a_host_name_that_is_not_allowed_is_none_of_our_business(site: Recorded) -> None:
    assert Client().get("/plain/", headers={"host": "evil.example"}).status_code == 200


def test_with_enabled_off_nothing_is_made(site: Recorded) -> None:
    with override_settings(LLMTRACE=recording.settings(ENABLED=False)):
        Client().get("/plain/")
    assert site.all() == []


def test_excluded_paths_have_no_span_but_what_they_do_has(site: Recorded) -> None:
    with override_settings(LLMTRACE=recording.settings(EXCLUDE_URLS=["^/pla", "/streamed"])):
        Client().get("/plain/")
        Client().get("/streamed/").getvalue()
        Client().get("/aplain/")
        assert sorted(site.names()) == sorted(
            ["work", "piece 0", "piece 1", "piece 2", "clean-up", "work", "GET aplain/"]
        )


def test_opentelemetrys_own_switch_is_heard(site: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.instrumentation.django.middleware.otel_middleware import _DjangoMiddleware
    from opentelemetry.util.http import parse_excluded_urls

    monkeypatch.setattr(_DjangoMiddleware, "_excluded_urls", parse_excluded_urls("testserver/plain"))
    Client().get("/plain/")
    assert site.names() == ["work"]


def test_a_mistake_of_ours_is_logged_once_and_the_host_does_not_notice(
    site: Recorded, monkeypatch: pytest.MonkeyPatch, mistakes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def mistake(*_: Any) -> None:
        raise RuntimeError("a mistake of llmtrace")

    monkeypatch.setattr("llmtrace.tracing.request_work.Work.answered", mistake)
    monkeypatch.setattr("llmtrace.tracing.request_span.begin", mistake)
    for _ in range(2):
        assert Client().get("/plain/").content == b"plain"
    assert mistakes
    assert all(each.startswith("A request could not be traced.") for each in mistakes)
    assert sum(record.levelname == "ERROR" for record in caplog.records) <= 1  # none where it has been told before
    mistakes.clear()

"""A streamed body belongs to its request, which ends once, when the body does."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory, override_settings
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from llmtrace import trace_attributes
from llmtrace.middleware import LLMTraceMiddleware
from llmtrace.tracing import attributes
from llmtrace.tracing.scope import client_gone, current_scope, on_end
from tests.recorded import Recorded, attribute, is_below
from tests.requests.conftest import OURS
from tests.requests.views import Trouble, pieces, work


def respond(content: Any) -> StreamingHttpResponse:
    """The response that a WSGI server would get for a view which streams `content`."""
    response = LLMTraceMiddleware(lambda _: StreamingHttpResponse(content))(RequestFactory().get("/"))
    assert isinstance(response, StreamingHttpResponse)
    return response


async def arespond(content: Any) -> StreamingHttpResponse:
    """The same of an ASGI server."""

    async def view(request: HttpRequest) -> HttpResponse:
        return StreamingHttpResponse(content)  # type: ignore[return-value]

    response = await LLMTraceMiddleware(view)(AsyncRequestFactory().get("/"))  # type: ignore[misc]
    assert isinstance(response, StreamingHttpResponse)
    return response


def test_calls_of_a_body_are_below_the_request_that_ends_after_them(site: Recorded) -> None:
    response: Any = Client().get("/streamed/")
    assert site.names() == []
    assert response.getvalue() == b"012"
    request = site.one("GET streamed/")
    assert site.names()[-1] == "GET streamed/"
    assert all(is_below(site.one(f"piece {number}"), request) for number in range(3))
    assert request.status.status_code is StatusCode.UNSET


async def test_calls_of_an_async_body_are_below_the_request_that_ends_after_them(site: Recorded) -> None:
    response: Any = await AsyncClient().get("/astreamed/")
    assert site.names() == []
    assert [part async for part in response] == [b"0", b"1", b"2"]
    assert site.names()[-1] == "GET astreamed/"
    assert all(is_below(site.one(f"piece {number}"), site.one("GET astreamed/")) for number in range(3))


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
async def test_a_sync_body_under_asgi_is_below_its_request(site: Recorded) -> None:
    response: Any = await AsyncClient().get("/streamed/")
    assert b"".join([part async for part in response]) == b"012"
    assert is_below(site.one("piece 2"), site.one("GET streamed/"))


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_an_async_body_under_wsgi_is_below_its_request(site: Recorded) -> None:
    response: Any = Client().get("/astreamed/")
    assert b"".join(response) == b"012"
    assert is_below(site.one("piece 2"), site.one("GET astreamed/"))


def test_an_exception_in_a_body_passes_unchanged_and_is_on_the_span(site: Recorded) -> None:
    response: Any = Client().get("/breaking/")
    with pytest.raises(Trouble, match="in the body"):
        response.getvalue()
    request = site.one("GET breaking/")
    assert request.status.status_code is StatusCode.ERROR
    assert attribute(request, "error.type") == "tests.requests.views.Trouble"


async def test_an_exception_in_an_async_body_passes_unchanged_and_is_on_the_span(site: Recorded) -> None:
    response: Any = await AsyncClient().get("/abreaking/")
    with pytest.raises(Trouble, match="in the body"):
        _ = [part async for part in response]
    assert site.one("GET abreaking/").status.status_code is StatusCode.ERROR


def test_a_client_that_goes_ends_the_request_with_the_bodys_clean_up_below_it(site: Recorded) -> None:
    response = respond(pieces())
    content = iter(response)
    assert next(content) == b"0"
    assert site.names() == ["piece 0"]
    response.close()
    assert site.names() == ["piece 0", "clean-up", "GET"]
    assert is_below(site.one("clean-up"), site.one("GET"))
    assert site.one("GET").status.status_code is StatusCode.UNSET
    response.close()
    assert list(content) == []
    assert site.names().count("GET") == 1


async def test_a_task_that_is_cancelled_in_a_body_ends_the_request(site: Recorded) -> None:
    response: Any = await AsyncClient().get("/waiting/")
    content = aiter(response)
    assert await anext(content) == b"0"
    task = asyncio.ensure_future(anext(content))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert site.one("GET waiting/").status.status_code is StatusCode.UNSET


def test_a_body_that_nobody_reads_ends_its_request_when_it_is_closed(site: Recorded) -> None:
    response = respond(pieces())
    response.close()
    assert site.names() == ["GET"]


def test_a_body_that_nobody_reads_or_closes_ends_its_request_as_garbage(site: Recorded) -> None:
    response = respond(pieces())
    del response
    gc.collect()
    assert site.names() == ["GET"]


async def test_an_async_body_that_is_dropped_half_read_ends_its_request_without_noise(
    site: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    async def content() -> AsyncIterator[str]:
        yield "0"
        await asyncio.Event().wait()

    response = await arespond(content())
    step: Any = response._iterator.__anext__()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        contextvars.copy_context().run(step.send, None)
    step = response._iterator.__anext__()  # type: ignore[attr-defined]
    contextvars.copy_context().run(step.send, None)
    step.close()
    assert site.names() == ["GET"]
    assert caplog.records == []


def test_between_the_pieces_nothing_is_current(site: Recorded) -> None:
    response: Any = Client().get("/spanning/")
    for _ in response:
        assert not trace.get_current_span().get_span_context().is_valid
    assert not trace.get_current_span().get_span_context().is_valid


def test_what_a_body_leaves_current_is_so_in_its_next_piece_and_nowhere_else(site: Recorded) -> None:
    response: Any = Client().get("/spanning/")
    content = iter(response)
    next(content)
    work("elsewhere")
    list(content)
    around = site.one("around")
    assert is_below(site.one("piece 0"), around)
    assert is_below(site.one("piece 1"), around)
    assert is_below(around, site.one("GET spanning/"))
    assert site.one("elsewhere").parent is None


def test_attributes_that_a_body_sets_stay_in_the_body(site: Recorded) -> None:
    def content() -> Iterator[str]:
        with trace_attributes(user_id="of the body"):
            yield "0"
            assert attributes.current().user_id == "of the body"
            yield "1"

    response = respond(content())
    for _ in response:
        assert attributes.current().user_id is None
    assert attributes.current().user_id is None


class Open:
    """Something like a stream, opened in a request."""

    def __init__(self) -> None:
        self.ends: list[bool] = []
        self._scope = current_scope.get()
        self.unregister = on_end(self.end)

    def end(self) -> None:
        assert self._scope is not None
        self.ends.append(self._scope.client_gone)


def test_what_is_open_ends_with_a_request_that_is_not_streamed(site: Recorded) -> None:
    opened: list[Open] = []

    def view(request: HttpRequest) -> HttpResponse:
        opened.append(Open())
        return HttpResponse()

    LLMTraceMiddleware(view)(RequestFactory().get("/"))
    assert opened[0].ends == [False]


def test_what_is_open_ends_with_the_body_and_knows_if_the_client_has_gone(site: Recorded) -> None:
    opened: list[Open] = []

    def content() -> Iterator[str]:
        opened.append(Open())
        yield "0"
        yield "1"

    read, gone = respond(content()), respond(content())
    assert list(read) == [b"0", b"1"]
    next(iter(gone))
    assert [each.ends for each in opened] == [[False], []]
    read.close()
    gone.close()
    assert [each.ends for each in opened] == [[False], [True]]


def test_whether_the_client_has_gone_is_told_to_the_bodys_clean_up(site: Recorded) -> None:
    told: list[bool] = []

    def content() -> Iterator[str]:
        try:
            yield "0"
            yield "1"
        finally:
            told.append(client_gone())

    list(respond(content()))
    gone = respond(content())
    next(iter(gone))
    gone.close()
    assert told == [False, True]


def test_a_file_is_sent_as_before_and_ends_its_request(site: Recorded) -> None:
    file = BytesIO(b"a file")
    response = LLMTraceMiddleware(lambda _: FileResponse(file))(RequestFactory().get("/"))
    assert isinstance(response, FileResponse)
    assert response.file_to_stream is file
    assert response.getvalue() == b"a file"
    assert site.names() == []
    response.close()
    assert file.closed
    assert site.names() == ["GET"]


def test_a_middleware_above_may_replace_the_body(site: Recorded) -> None:
    with override_settings(MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", OURS]):
        response: Any = Client().get("/streamed/", headers={"accept-encoding": "gzip"})
        assert response["Content-Encoding"] == "gzip"
        response.getvalue()
    assert is_below(site.one("piece 2"), site.one("GET streamed/"))


async def test_bodies_side_by_side_keep_to_their_own_requests(site: Recorded) -> None:
    async def content(name: str) -> AsyncIterator[str]:
        for _ in range(5):
            work(name)
            await asyncio.sleep(0)
            work(name)
            yield name

    async def read(name: str) -> None:
        response = await arespond(content(name))
        assert [part async for part in response] == [name.encode()] * 5

    await asyncio.gather(read("a"), read("b"))
    parents = {(span.name, span.parent.span_id) for span in site.all() if span.parent is not None}
    assert sorted(name for name, _ in parents) == ["a", "b"]

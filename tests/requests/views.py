"""A site whose views do what hosts do, and leave spans of their own where they do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from opentelemetry import baggage

from llmtrace.tracing.setup import get_tracer


class Trouble(Exception):
    """What the host's own code raises."""


def work(name: str = "work") -> None:
    """Something that leaves a span."""
    with get_tracer("tests").start_as_current_span(name):
        pass


def plain(request: HttpRequest, **_: object) -> HttpResponse:
    work()
    return HttpResponse("plain")


async def aplain(request: HttpRequest) -> HttpResponse:
    work()
    return HttpResponse("plain")


def broken(request: HttpRequest) -> HttpResponse:
    raise Trouble("the host's own")


async def abroken(request: HttpRequest) -> HttpResponse:
    raise Trouble("the host's own")


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("no such thing")


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def unavailable(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=503)


def pieces() -> Iterator[str]:
    try:
        for number in range(3):
            work(f"piece {number}")
            yield str(number)
    finally:
        work("clean-up")


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(pieces())


async def apieces() -> AsyncIterator[str]:
    for number in range(3):
        await asyncio.sleep(0)
        work(f"piece {number}")
        yield str(number)


async def astreamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(apieces())


def breaking(request: HttpRequest) -> StreamingHttpResponse:
    def content() -> Iterator[str]:
        yield "0"
        raise Trouble("in the body")

    return StreamingHttpResponse(content())


async def abreaking(request: HttpRequest) -> StreamingHttpResponse:
    async def content() -> AsyncIterator[str]:
        yield "0"
        raise Trouble("in the body")

    return StreamingHttpResponse(content())


async def waiting(request: HttpRequest) -> StreamingHttpResponse:
    async def content() -> AsyncIterator[str]:
        yield "0"
        await asyncio.Event().wait()

    return StreamingHttpResponse(content())


def spanning(request: HttpRequest) -> StreamingHttpResponse:
    """A generator that yields inside a span of its own."""

    def content() -> Iterator[str]:
        with get_tracer("tests").start_as_current_span("around"):
            for number in range(2):
                work(f"piece {number}")
                yield str(number)

    return StreamingHttpResponse(content())


def carried(request: HttpRequest) -> HttpResponse:
    """The baggage that code of the view would send on."""
    work()
    return HttpResponse(repr(dict(baggage.get_all())))


async def acarried(request: HttpRequest) -> HttpResponse:
    return carried(request)


urlpatterns = [
    path("plain/<int:number>/", plain),
    path("plain/", plain),
    path("aplain/", aplain),
    path("broken/", broken),
    path("abroken/", abroken),
    path("missing/", missing),
    path("forbidden/", forbidden),
    path("unavailable/", unavailable),
    path("streamed/", streamed),
    path("astreamed/", astreamed),
    path("breaking/", breaking),
    path("abreaking/", abreaking),
    path("waiting/", waiting),
    path("spanning/", spanning),
    path("carried/", carried),
    path("carried/async/", acarried),
]

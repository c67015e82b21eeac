"""Pages that call a model: in the view, and while the body is produced. Each in sync code and in async code."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path
from opentelemetry import propagate

from llmtrace import LLM
from tests.requests.site.settings import FOLDER

MODEL = "gpt-4o-mini"
PATIENCE_S = 20.0


def ask(request: HttpRequest) -> HttpResponse:
    """One call in the view."""
    return HttpResponse(LLM(MODEL).chat("Recommend a fantasy book").text)


async def aask(request: HttpRequest) -> HttpResponse:
    return HttpResponse((await LLM(MODEL).achat("Recommend a fantasy book")).text)


def tell(request: HttpRequest) -> StreamingHttpResponse:
    """A call and a streamed call, both made while the body is produced."""

    def content() -> Iterator[str]:
        yield LLM(MODEL).chat("Name a genre").text
        for chunk in LLM(MODEL).stream("Tell me about a book"):
            yield chunk.text

    return StreamingHttpResponse(content())


async def atell(request: HttpRequest) -> StreamingHttpResponse:
    async def content() -> AsyncIterator[str]:
        yield (await LLM(MODEL).achat("Name a genre")).text
        async for chunk in LLM(MODEL).astream("Tell me about a book"):
            yield chunk.text

    return StreamingHttpResponse(content())


def leave(request: HttpRequest) -> StreamingHttpResponse:
    """A streamed call whose second piece waits until the test's client has gone."""

    def content() -> Iterator[str]:
        for chunk in LLM(MODEL).stream("Tell me about a book"):
            yield chunk.text * 1000
            deadline = time.monotonic() + PATIENCE_S
            while chunk.text and not (FOLDER / "gone").exists() and time.monotonic() < deadline:
                time.sleep(0.01)

    return StreamingHttpResponse(content())


async def aleave(request: HttpRequest) -> StreamingHttpResponse:
    async def content() -> AsyncIterator[str]:
        async for chunk in LLM(MODEL).astream("Tell me about a book"):
            yield chunk.text * 1000
            if chunk.text:
                await asyncio.sleep(PATIENCE_S)

    return StreamingHttpResponse(content())


def fail(request: HttpRequest) -> HttpResponse:
    """A call that the model rejects."""
    return HttpResponse(LLM("broken").chat("Recommend a fantasy book", max_retries=0).text)


async def afail(request: HttpRequest) -> HttpResponse:
    return HttpResponse((await LLM("broken").achat("Recommend a fantasy book", max_retries=0)).text)


def carried(request: HttpRequest) -> JsonResponse:
    """A call, and what an instrumented HTTP client would send on from here."""
    LLM(MODEL).chat("Recommend a fantasy book")
    return JsonResponse(headers())


async def acarried(request: HttpRequest) -> JsonResponse:
    await LLM(MODEL).achat("Recommend a fantasy book")
    return JsonResponse(headers())


def headers() -> dict[str, str]:
    found: dict[str, str] = {}
    propagate.inject(found)
    return found


urlpatterns = [
    path("said/", include("tests.requests.site.said")),
    path("sync/ask/", ask),
    path("sync/after/", ask),
    path("sync/tell/", tell),
    path("sync/leave/", leave),
    path("sync/linked/", carried),
    path("sync/nonsense/", carried),
    path("sync/fail/", fail),
    path("async/ask/", aask),
    path("async/after/", aask),
    path("async/tell/", atell),
    path("async/leave/", aleave),
    path("async/linked/", acarried),
    path("async/nonsense/", acarried),
    path("async/fail/", afail),
]

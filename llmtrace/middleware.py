"""The request: its span, who is behind it, and its streamed body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from llmtrace.mistakes import guarded
from llmtrace.tracing.heard import is_heard, may_be_heard

if TYPE_CHECKING:
    from llmtrace.tracing.request_work import Work

GetResponse = Callable[[HttpRequest], Any]


_BROKEN: Final = "A request could not be traced."


class LLMTraceMiddleware:
    """Makes the request the parent of what its view and its body do, in sync code and in async code."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        _load()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._respond(request)
        work = begin(request)
        if work is None:
            return self.get_response(request)  # type: ignore[no-any-return]
        with work:
            response: HttpResponseBase = self.get_response(request)
            work.answered(response)
        return response

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        work = begin(request)
        if work is None:
            return await self.get_response(request)  # type: ignore[no-any-return]
        with work:
            response: HttpResponseBase = await self.get_response(request)
            work.answered(response)
        return response


@guarded(_BROKEN)
def _load() -> None:
    """Import what requests need before the first of them, and before a server forks."""
    if may_be_heard():
        import_module("llmtrace.tracing.request_work").connect_in_time()


@guarded(_BROKEN)
def begin(request: HttpRequest) -> Work | None:
    """What there is to do for a request; None when nothing is recorded, or a middleware above does it."""
    if not is_heard():
        return None
    # Imported here since it rests on what OpenTelemetry may change: that would cost spans, and not the host's requests.
    from llmtrace.tracing.request_work import begin_work

    return begin_work(request)

"""What is done for one request, from its arrival to the end of its body."""

from __future__ import annotations

import re
import sys
from contextvars import ContextVar, Token
from functools import cache
from types import TracebackType
from typing import Any, Final

from django.core.signals import got_request_exception, request_started
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from llmtrace.conf import get_config
from llmtrace.mistakes import guarded
from llmtrace.tracing import request_span
from llmtrace.tracing.heard import is_heard
from llmtrace.tracing.host_span import HostSpan
from llmtrace.tracing.request_span import RequestSpan
from llmtrace.tracing.scope import Scope
from llmtrace.tracing.setup import connect
from llmtrace.tracing.streamed import GONE, keep_open
from llmtrace.tracing.surroundings import Stretch, Surroundings
from llmtrace.tracing.visitor import Visitor

_BROKEN: Final = "A request could not be traced."
_FIRST: Final = "llmtrace.middleware.first"


def connect_in_time() -> None:
    """See to it that llmtrace is connected when the first span of the host's own instrumentation begins.

    OpenTelemetry's middleware begins it before ours is called. When middleware is made it is too early: the host may
    set its provider after that, as in gunicorn's `post_fork` where the site is loaded before.
    """
    if request_span.host_instruments():
        request_started.connect(_connect, dispatch_uid=_FIRST)


@guarded(_BROKEN)
def _connect(**_: Any) -> None:
    if is_heard():
        connect()
        request_started.disconnect(dispatch_uid=_FIRST)


def begin_work(request: HttpRequest) -> Work | None:
    """What there is to do for a request; None when a middleware above does it."""
    around = _working.get()
    if around is not None and around.request is request:
        return None
    host_span = request_span.host_span(request)
    if host_span is not None or request_span.host_instruments():
        return Work(request, host_span)
    if is_excluded(request) or request_span.is_switched_off(request):
        return Work(request, None)
    return Work(request, request_span.begin(request))


class Work:
    """One request, from its arrival to the end of its body."""

    def __init__(self, request: HttpRequest, span: RequestSpan | HostSpan | None) -> None:
        self.request = request
        self.error: BaseException | None = None  # that Django has turned into a response
        self._span = span
        self._scope = Scope()
        self._visitor = Visitor(request, None if span is None else span.span)
        self._stays_open = False
        self._stretch: Stretch | None = None
        self._token: Token[Work | None] | None = None

    def __enter__(self) -> None:
        self._token = _working.set(self)
        self._stretch = self._surroundings().current()
        self._stretch.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._leave()
        if isinstance(error, GONE):
            self._scope.client_gone = True
            self.end()
        elif not self._stays_open:
            self.end(error)

    @guarded(_BROKEN)
    def answered(self, response: HttpResponseBase) -> None:
        """There is a response; if it is streamed, the request goes on."""
        self._visitor.trace_attributes()
        error, self.error = self.error, None
        if self._span is not None:
            self._span.answered(response, error)
        if isinstance(response, StreamingHttpResponse):
            keep_open(response, self._surroundings(), self.end)
            self._stays_open = True
            if self._span is not None:
                self._span.stay_open()

    @guarded(_BROKEN)
    def end(self, error: BaseException | None = None) -> None:
        """The request is over, with `error` if it has not become a response: what it left open ends, then its span."""
        self._scope.end()
        self._visitor.trace_attributes()
        if self._span is not None:
            self._span.end(error)

    def _surroundings(self) -> Surroundings:
        return Surroundings(None if self._span is None else self._span.span, self._scope, self._visitor)

    @guarded(_BROKEN)
    def _leave(self) -> None:
        if self._stretch is not None:
            self._stretch.__exit__(None, None, None)
        if self._token is not None:
            try:
                _working.reset(self._token)
            except ValueError:  # see Stretch
                return


_working: ContextVar[Work | None] = ContextVar("llmtrace_request", default=None)


def _note_exception(*, request: HttpRequest | None = None, **_: Any) -> None:
    """Keep the exception that Django makes a 500 of, whichever middleware or view it came from."""
    work = _working.get()
    if work is not None and work.request is request:
        work.error = sys.exc_info()[1]


got_request_exception.connect(_note_exception, dispatch_uid="llmtrace.middleware")


def is_excluded(request: HttpRequest) -> bool:
    """Whether the request's path is among those of ``EXCLUDE_URLS``."""
    return any(pattern.search(request.path) for pattern in _patterns(get_config().exclude_urls))


@cache
def _patterns(texts: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text) for text in texts)

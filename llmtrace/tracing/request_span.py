"""The span of a request, made by OpenTelemetry's Django instrumentation: its attributes, hooks and switches.

What that does beyond a span is kept from the host. It asks for the request's host name, which raises where the name is
not allowed, and freezes it before a middleware may correct it; it resolves the URL a second time; it leaves objects in
`request.META`; it makes HTTP metrics, which nobody has asked llmtrace for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.instrumentation._semconv import (
    _OpenTelemetrySemanticConventionStability,
    _OpenTelemetryStabilitySignalType,
)
from opentelemetry.instrumentation.django.middleware.otel_middleware import _DjangoMiddleware
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import Span, StatusCode
from opentelemetry.util.http import ExcludeList, sanitize_method

from llmtrace import semconv
from llmtrace.tracing import failure
from llmtrace.tracing.host_span import Hold, HostSpan
from llmtrace.tracing.incoming import Arrival, RequestTracer

_Stock: Any = _DjangoMiddleware
HOST_MIDDLEWARE: Final = f"{_Stock.__module__}.{_Stock.__qualname__}"

_META_KEYS: Final = tuple(value for name, value in vars(_Stock).items() if name.startswith("_environ_"))


def host_span(request: HttpRequest) -> HostSpan | None:
    """The request's span where the host has activated OpenTelemetry's instrumentation by itself."""
    span: Span | None = request.META.get(_Stock._environ_span_key)
    return None if span is None else HostSpan(span)


def host_instruments() -> bool:
    """Whether the host has activated that instrumentation. What then has no span was not meant to have one."""
    return HOST_MIDDLEWARE in settings.MIDDLEWARE


def is_switched_off(request: HttpRequest) -> bool:
    """Whether OpenTelemetry's own variables leave the request out.

    They are ``OTEL_PYTHON_DJANGO_INSTRUMENT``, ``OTEL_PYTHON_DJANGO_EXCLUDED_URLS`` and ``OTEL_PYTHON_EXCLUDED_URLS``.
    """
    if os.environ.get("OTEL_PYTHON_DJANGO_INSTRUMENT") == "False":
        return True
    excluded: Any = _Stock._excluded_urls
    if not excluded._excluded_urls:
        return False
    host: str = request._get_raw_host()  # type: ignore[attr-defined]  # `get_host` raises for a name that is not allowed
    return bool(excluded.url_disabled(f"{request.scheme}://{host}{request.path}"))


class RequestSpan:
    """A request's span of ours. It is not current yet."""

    __slots__ = ("_kept", "_name", "_request", "span")

    def __init__(self, request: HttpRequest, span: Span, kept: dict[str, Any]) -> None:
        self.span = span
        self._request = request
        self._kept = kept
        self._name = getattr(span, "name", None)

    def answered(self, response: HttpResponseBase, error: BaseException | None) -> None:
        """Put on the span what the response tells; `error` is what Django has made it of.

        The span has to be current, for propagators that write into the response.
        """
        request, stock = self._request, _instrumentation()
        self._rename()
        request.META.update(self._kept)  # the instrumentation takes it out again
        with _nameless(request):
            stock.process_view(request, None)
            stock.process_response(request, response)
        if response.status_code < 500:  # an exception that became a 404 is no failure of the server
            return
        if error is not None:
            failure.record(self.span, error)
        elif self.span.is_recording():
            self.span.set_attribute(semconv.ERROR_TYPE, str(response.status_code))
            self.span.set_status(StatusCode.ERROR)

    def stay_open(self) -> None:
        """Nobody else ends it."""

    def end(self, error: BaseException | None) -> None:
        """The request is over, with `error` if that is on its way to the server, or has ended the body."""
        self._rename()
        if error is not None:
            failure.record(self.span, error)
        self.span.end()

    def _rename(self) -> None:
        """Name the span after the URL that was resolved, unless somebody has named it."""
        if getattr(self.span, "name", None) == self._name:
            self.span.update_name(_instrumentation().named(self._request))


def begin(request: HttpRequest) -> RequestSpan:
    """Start the span of a request. Nothing is current afterwards, and `request.META` is as it was."""
    stock, token = _instrumentation(), None
    if not trace.get_current_span().get_span_context().is_valid:
        token = otel_context.attach(trace.set_span_in_context(Arrival(request.META)))
    try:
        with _nameless(request):
            stock.process_request(request)
    finally:
        kept = _take(request)
        span: Any = kept.get(stock._environ_span_key)
        activation = kept.get(stock._environ_activation_key)
        if activation is not None:
            hold = Hold(span)
            activation.__exit__(None, None, None)
            hold.let_go()
        if token is not None:
            otel_context.detach(token)
    kept[stock._environ_activation_key] = nullcontext()  # whose end is not the span's
    return RequestSpan(request, span, kept)


class _Instrumentation(_Stock):  # type: ignore[misc]  # its base is not typed
    """OpenTelemetry's middleware, of which only the parts are used: as a whole it runs in sync code only."""

    _excluded_urls = ExcludeList([])  # what is excluded does not come here
    _active_request_counter = NoOpMeter("llmtrace").create_up_down_counter("http.server.active_requests")
    _duration_histogram_old = None
    _duration_histogram_new = None
    _tracer = RequestTracer()

    def __init__(self) -> None:
        super().__init__(None)
        stability: Any = _OpenTelemetrySemanticConventionStability
        stability._initialize()
        self._sem_conv_opt_in_mode = stability._get_opentelemetry_stability_opt_in_mode(
            _OpenTelemetryStabilitySignalType.HTTP
        )

    @staticmethod
    def _get_span_name(request: HttpRequest) -> str:
        method: str = sanitize_method((request.method or "").strip())
        return "HTTP" if method == "_OTHER" else method

    def named(self, request: HttpRequest) -> str:
        """The span's name as OpenTelemetry has it, from the URL that the handler has resolved."""
        method, match = self._get_span_name(request), request.resolver_match
        place = (match.route or match.url_name) if match is not None else None
        return f"{method} {place}" if place and method != "HTTP" else method


@cache
def _instrumentation() -> _Instrumentation:
    return _Instrumentation()


@contextmanager
def _nameless(request: HttpRequest) -> Iterator[None]:
    """Keep the instrumentation from asking for the request's host name, which it does to look for excluded URLs."""
    request.__dict__["build_absolute_uri"] = partial(_uri, request)
    try:
        yield
    finally:
        del request.__dict__["build_absolute_uri"]


def _uri(request: HttpRequest, location: str | None = None) -> str:
    return "" if location == "?" else type(request).build_absolute_uri(request, location)


def _take(request: HttpRequest) -> dict[str, Any]:
    return {key: request.META.pop(key) for key in _META_KEYS if key in request.META}

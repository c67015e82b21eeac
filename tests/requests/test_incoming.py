"""What a request says of a trace is not believed, unless the project says so; baggage never."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import AsyncClient, Client, override_settings
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.instrumentation.propagators import TraceResponsePropagator, set_global_response_propagator
from opentelemetry.trace import SpanKind

from llmtrace import semconv
from tests import recorded as recording
from tests.recorded import Recorded, is_below
from tests.requests.conftest import OURS

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"

HOSTILE = [
    "",
    "00",
    "00-00000000000000000000000000000000-0000000000000000-01",
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-01-more",
    f"00-{TRACE}-{SPAN}",
    f"{SAMPLED},{SAMPLED}",
    "00-" + "é" * 32 + f"-{SPAN}-01",
    "\x00" * 100,
    "0" * 60_000,
]


@pytest.fixture
def trusting(site: Recorded) -> Iterator[Recorded]:
    with override_settings(LLMTRACE=recording.settings(TRUST_INCOMING=True)):
        yield site


@pytest.mark.parametrize("traceparent", [SAMPLED, NOT_SAMPLED])
def test_a_request_begins_a_trace_of_its_own_with_a_link_to_what_it_brings(site: Recorded, traceparent: str) -> None:
    Client().get("/plain/", headers={"traceparent": traceparent, "tracestate": "vendor=value"})
    request = site.one("GET plain/")
    assert request.parent is None
    assert request.context is not None
    assert trace.format_trace_id(request.context.trace_id) != TRACE
    (link,) = request.links
    assert (trace.format_trace_id(link.context.trace_id), trace.format_span_id(link.context.span_id)) == (TRACE, SPAN)
    assert not link.context.trace_state
    assert is_below(site.one("work"), request)


async def test_the_same_under_asgi(site: Recorded) -> None:
    await AsyncClient().get("/aplain/", headers={"traceparent": NOT_SAMPLED})
    request = site.one("GET aplain/")
    assert request.parent is None
    assert len(request.links) == 1


def test_a_trusted_trace_goes_on(trusting: Recorded) -> None:
    Client().get("/plain/", headers={"traceparent": SAMPLED, "tracestate": "vendor=value"})
    request = trusting.one("GET plain/")
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert request.context is not None
    assert trace.format_trace_id(request.context.trace_id) == TRACE
    assert trace.format_span_id(request.parent.span_id) == SPAN
    assert request.context.trace_state == {"vendor": "value"}
    assert (request.attributes or {})[semconv.PARENT_OUTSIDE] is True
    assert not request.links


def test_a_trusted_sampling_flag_is_heeded(trusting: Recorded) -> None:
    Client().get("/plain/", headers={"traceparent": NOT_SAMPLED})
    assert trusting.names() == []


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("url", ["/carried/", "/carried/async/"])
async def test_baggage_never_enters(site: Recorded, trust: bool, url: str) -> None:
    headers = {"traceparent": SAMPLED, "baggage": "user.id=admin,x=y"}
    with override_settings(LLMTRACE=recording.settings(TRUST_INCOMING=trust)):
        response = await AsyncClient().get(url, headers=headers)
        assert response.content == b"{}"


def test_baggage_never_enters_under_wsgi(site: Recorded) -> None:
    assert Client().get("/carried/", headers={"baggage": "user.id=admin"}).content == b"{}"


def test_nonsense_beside_a_trace_is_no_line_in_the_log(site: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    Client().get("/plain/", headers={"traceparent": SAMPLED, "baggage": "=;%zz,no equals sign", "tracestate": "=" * 99})
    assert caplog.records == []


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("traceparent", HOSTILE)
def test_nonsense_is_no_trace(site: Recorded, caplog: pytest.LogCaptureFixture, traceparent: str, trust: bool) -> None:
    headers = {"traceparent": traceparent, "tracestate": "=,=" * 2000, "baggage": "=;%zz," * 5000}
    with override_settings(LLMTRACE=recording.settings(TRUST_INCOMING=trust)):
        assert Client().get("/plain/", headers=headers).content == b"plain"
        request = site.one("GET plain/")
    assert request.parent is None
    assert not request.links
    assert caplog.records == []


def test_below_a_servers_own_span_the_request_is_its_child(site: Recorded) -> None:
    provider = trace.get_tracer_provider()
    with provider.get_tracer("a server").start_as_current_span("server", kind=SpanKind.SERVER):
        Client().get("/plain/", headers={"traceparent": SAMPLED})
    request = site.one("GET plain/")
    assert request.kind is SpanKind.INTERNAL
    assert is_below(request, site.one("server"))


def test_what_the_host_had_current_is_so_again(site: Recorded) -> None:
    token = otel_context.attach(otel_context.set_value("host's", "own"))
    try:
        before = otel_context.get_current()
        Client().get("/plain/", headers={"traceparent": SAMPLED})
        assert otel_context.get_current() is before
    finally:
        otel_context.detach(token)


def test_response_propagators_are_served(site: Recorded) -> None:
    set_global_response_propagator(TraceResponsePropagator())  # type: ignore[no-untyped-call]
    try:
        response = Client().get("/plain/")
    finally:
        set_global_response_propagator(None)  # type: ignore[no-untyped-call]
    context = site.one("GET plain/").context
    assert context is not None
    assert trace.format_trace_id(context.trace_id) in response["traceresponse"]


def test_without_a_header_there_is_no_link(site: Recorded) -> None:
    with override_settings(MIDDLEWARE=[OURS]):
        Client().get("/plain/")
    assert not site.one("GET plain/").links

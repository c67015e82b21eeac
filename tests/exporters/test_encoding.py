"""The bytes of a request, beside those of OpenTelemetry's own encoder."""

from __future__ import annotations

import itertools
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from llmtrace.exporters.encoding import encoded
from tests.store.making import SCOPE, SHOP, ended

RESOURCES: Final = (SHOP, Resource({}), Resource({"service.name": "tea", "ports": [80, 443]}, "https://schema/1"))
SCOPES: Final = (SCOPE, None, InstrumentationScope("shop", None, "https://schema/2", {"team": "books"}))

Placed = tuple[Resource, InstrumentationScope | None, int]
PLACED: Final = st.tuples(st.sampled_from(RESOURCES), st.sampled_from(SCOPES), st.integers(0, 300))


def read(body: bytes) -> ExportTraceServiceRequest:
    """The request, as a backend reads it."""
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return request


@given(placed=st.lists(PLACED, max_size=40))
def test_a_request_is_the_one_of_opentelemetrys_encoder(placed: list[Placed]) -> None:
    """A release of OpenTelemetry that changes what is private of its encoder shows here."""
    spans = [
        ended({"text": "x" * size}, name=f"span {number}", resource=resource, scope=scope)
        for number, (resource, scope, size) in enumerate(placed)
    ]
    assert read(encoded(spans)) == encode_spans(spans)


@pytest.mark.parametrize("size", [1 << 7, 1 << 14])
def test_a_length_that_takes_another_byte_is_written_right(size: int) -> None:
    """Each of the lengths in a request passes this size at another one of these."""
    head = len(encoded([ended({"text": ""})]))
    for less in range(min(head, size) + 8):
        spans = [ended({"text": "x" * (size - less)})]
        assert encoded(spans) == encode_spans(spans).SerializeToString()


def test_spans_of_two_resources_by_turns_stay_in_order_within_each() -> None:
    spans = [ended(name=str(number), resource=RESOURCES[number % 2]) for number in range(10)]
    request = read(encoded(spans))
    found = [[span.name for scope in part.scope_spans for span in scope.spans] for part in request.resource_spans]
    assert found == [["0", "2", "4", "6", "8"], ["1", "3", "5", "7", "9"]]


def test_spans_of_all_scopes_go_below_their_resource() -> None:
    spans = [ended(resource=resource, scope=scope) for resource, scope in itertools.product(RESOURCES, SCOPES)]
    request = read(encoded(spans))
    assert [len(part.scope_spans) for part in request.resource_spans] == [3, 3, 3]

"""The bytes of an OTLP request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.common._internal import _encode_instrumentation_scope, _encode_resource
from opentelemetry.exporter.otlp.proto.common._internal.trace_encoder import _encode_span
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

MESSAGE: Final = 2  # the wire type of a field that holds one
MORE: Final = 0x80  # the bit of a number's byte that says that another one follows
UNKNOWN: Final = InstrumentationScope("")

Scopes = Mapping[InstrumentationScope, Sequence[ReadableSpan]]


def encoded(spans: Iterable[ReadableSpan]) -> bytes:
    """The request that OpenTelemetry's `encode_spans` makes of `spans`, written out.

    That one copies the message of each span into one of its scope, that into one of its resource, and that into the
    request, which takes most of its time where spans are large. Here a span is bytes as soon as it is a message, and
    only these are put together, as protobuf has it (protobuf.dev, "Encoding").
    """
    resources: defaultdict[Resource, defaultdict[InstrumentationScope, list[ReadableSpan]]]
    resources = defaultdict(lambda: defaultdict(list))
    for span in spans:
        resources[span.resource][span.instrumentation_scope or UNKNOWN].append(span)
    number = ExportTraceServiceRequest.RESOURCE_SPANS_FIELD_NUMBER
    return b"".join([piece for each in resources.items() for piece in _field(number, _of_resource(*each))])


def _of_resource(resource: Resource, scopes: Scopes) -> list[bytes]:
    own = ResourceSpans(resource=_encode_resource(resource), schema_url=resource.schema_url)
    pieces = [own.SerializePartialToString()]
    for each in scopes.items():
        pieces += _field(ResourceSpans.SCOPE_SPANS_FIELD_NUMBER, _of_scope(*each))
    return pieces


def _of_scope(scope: InstrumentationScope, spans: Sequence[ReadableSpan]) -> list[bytes]:
    own = ScopeSpans(scope=_encode_instrumentation_scope(scope), schema_url=scope.schema_url or "")
    pieces = [own.SerializePartialToString()]
    for span in spans:
        pieces += _field(ScopeSpans.SPANS_FIELD_NUMBER, [_encode_span(span).SerializePartialToString()])
    return pieces


def _field(number: int, message: Sequence[bytes]) -> list[bytes]:
    """A field with a message, of which there are these pieces: its number and type, the length, and the pieces."""
    head = bytearray((number << 3 | MESSAGE,))
    length = sum(map(len, message))
    while length >= MORE:
        head.append(length % MORE | MORE)
        length //= MORE
    head.append(length)
    return [bytes(head), *message]

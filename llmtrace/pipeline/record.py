"""An ended span as bytes that another process can make the same span of: what is kept on disk. Pure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from pydantic_core import from_json, to_json

from llmtrace.jsontext import plain
from llmtrace.pipeline.ended import Dropped, EndedSpan

BYTES: Final = "\0bytes"  # stands around bytes, which JSON has not
ORIGINS: Final = 64  # resources with a scope that are kept ready in either form

_packed_origins: dict[tuple[int, int], tuple[Any, Any, str]] = {}


class Record(NamedTuple):
    """What was kept: the span, and its destination where the exporter's may change."""

    span: EndedSpan
    destination: str | None


def all_packed(spans: Iterable[EndedSpan], destination: str | None) -> tuple[list[bytes], list[Exception]]:
    """The spans as bytes, and what was raised where there is no such form: others may give a span a kind of their own.

    One takes no other along.
    """
    records: list[bytes] = []
    mistakes: list[Exception] = []
    for span in spans:
        try:
            records.append(packed(span, destination))
        except Exception as error:
            mistakes.append(error)
    return records, mistakes


def packed(span: EndedSpan, destination: str | None) -> bytes:
    """The span as JSON, whatever is in it. Structures stay structures; what has no JSON form becomes its `str()`."""
    context = span.context
    fields = {
        "destination": destination,
        "origin": _packed_origin(span.resource, span.instrumentation_scope),
        "name": span.name,
        "kind": span.kind.value,
        "context": None if context is None else _ids(context),
        "parent": None if span.parent is None else _ids(span.parent),
        "start": span.start_time,
        "end": span.end_time,
        "status": (span.status.status_code.value, span.status.description),
        "attributes": _packed(span.attributes),
        "events": [(event.name, event.timestamp, _packed(event.attributes or {})) for event in span.events],
        "links": [(_ids(link.context), _packed(link.attributes or {})) for link in span.links],
    }
    if any(span.dropped):
        fields["dropped"] = span.dropped
    return _json(fields)


def unpacked(data: bytes) -> Record:
    """The span that `packed` was given.

    Raises:
        Exception: `data` does not come from there, or from a release that keeps other fields.
    """
    fields = from_json(data)
    resource, scope = _origin(fields["origin"])
    code, description = fields["status"]
    span = EndedSpan(
        fields["name"],
        _context(fields["context"]),
        _context(fields["parent"]),
        resource,
        _unpacked(fields["attributes"]),
        tuple(Event(name, _unpacked(attributes), timestamp) for name, timestamp, attributes in fields["events"]),
        tuple(Link(_known(ids), _unpacked(attributes)) for ids, attributes in fields["links"]),
        SpanKind(fields["kind"]),
        None,
        Status(StatusCode(code), description),
        fields["start"],
        fields["end"],
        scope,
    )
    span.dropped = Dropped(*fields.get("dropped", ()))
    return Record(span, fields["destination"])


def _json(value: Any) -> bytes:
    try:
        return to_json(value, serialize_unknown=True, inf_nan_mode="constants")
    except Exception:  # lone surrogates, circles, what classes of other people's raise
        return to_json(plain(value), inf_nan_mode="constants")


def _packed(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """`attributes`, bytes in a form that JSON has."""
    if not any(isinstance(value, bytes) for value in attributes.values()):
        return dict(attributes)
    return {
        key: {BYTES: b64encode(value).decode()} if isinstance(value, bytes) else value
        for key, value in attributes.items()
    }


def _unpacked(attributes: dict[str, Any]) -> dict[str, Any]:
    for key, value in attributes.items():
        if type(value) is dict and BYTES in value:
            attributes[key] = b64decode(value[BYTES])
    return attributes


def _ids(context: SpanContext) -> tuple[Any, ...]:
    """A span context; numbers of 128 bits as texts, since not every reader of JSON takes them."""
    state = tuple(context.trace_state.items())
    ids = (f"{context.trace_id:x}", f"{context.span_id:x}", context.is_remote, int(context.trace_flags))
    return (*ids, state) if state else ids


def _context(ids: Sequence[Any] | None) -> SpanContext | None:
    return None if ids is None else _known(ids)


def _known(ids: Sequence[Any]) -> SpanContext:
    trace_id, span_id, is_remote, flags, *state = ids
    states = TraceState([(key, value) for key, value in state[0]]) if state else None
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, TraceFlags(flags), states)


def _packed_origin(resource: Resource, scope: InstrumentationScope | None) -> str:
    """Who sent the span, as a JSON text, made once for all spans of one resource and scope."""
    key = (id(resource), id(scope))
    found = _packed_origins.get(key)
    if found is not None and found[0] is resource and found[1] is scope:
        return found[2]
    sender: list[Any] = [_packed(resource.attributes), resource.schema_url]
    if scope is not None:
        sender += [scope.name, scope.version, scope.schema_url, _packed(scope.attributes or {})]
    text = _json(sender).decode()
    if len(_packed_origins) >= ORIGINS:
        _packed_origins.clear()
    _packed_origins[key] = (resource, scope, text)
    return text


@lru_cache(ORIGINS)
def _origin(text: str) -> tuple[Resource, InstrumentationScope | None]:
    attributes, schema_url, *scope = from_json(text)
    resource = Resource(_unpacked(attributes), schema_url)
    if not scope:
        return resource, None
    name, version, scope_schema_url, scope_attributes = scope
    return resource, InstrumentationScope(name, version, scope_schema_url, _unpacked(scope_attributes))

"""A span as plain JSON types, for files and terminals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.jsontext import plain


def as_plain(span: ReadableSpan) -> dict[str, Any]:
    """`span` as a dict of JSON types; what is not known is not there. Ids are hex texts, times ISO 8601 in UTC."""
    context, parent, scope = span.context, span.parent, span.instrumentation_scope
    known = {
        "trace_id": context and f"{context.trace_id:032x}",
        "span_id": context and f"{context.span_id:016x}",
        "parent_id": parent and f"{parent.span_id:016x}",
        "name": plain(span.name),
        "kind": span.kind.name,
        "started_at": when(span.start_time),
        "duration_ms": milliseconds(span),
        "status": span.status.status_code.name,
        "status_description": plain(span.status.description),
        "attributes": _mapping(span.attributes),
        "events": [_event(each.name, each.timestamp, each.attributes) for each in span.events],
        "links": [
            {
                "trace_id": f"{each.context.trace_id:032x}",
                "span_id": f"{each.context.span_id:016x}",
                "attributes": _mapping(each.attributes),
            }
            for each in span.links
        ],
        "resource": _mapping(span.resource.attributes),
        "scope": scope and scope.name,
    }
    return {key: value for key, value in known.items() if value not in (None, [], {})}


def when(nanoseconds: int | None) -> str | None:
    """A time since the epoch, for people and programs alike."""
    if nanoseconds is None:
        return None
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def milliseconds(span: ReadableSpan) -> float | None:
    """How long the span took."""
    if span.start_time is None or span.end_time is None:
        return None
    return round((span.end_time - span.start_time) / 1e6, 3)


def _event(name: str, timestamp: int | None, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"name": plain(name), "at": when(timestamp), "attributes": _mapping(attributes)}


def _mapping(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    made: dict[str, Any] = plain(dict(attributes or {}))
    return made

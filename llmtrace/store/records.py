"""From an ended span to the row that is kept of it, and beside it what was said. Pure: no database, no settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanKind
from pydantic_core import from_json

from llmtrace import semconv
from llmtrace.semconv import is_content, is_event_content
from llmtrace.store.dialects import MARKERS, in_use
from llmtrace.store.flatmessages import gathered
from llmtrace.store.jsontext import clean_text, json_column, json_text, shown

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NANO: Final = 10**9
BIGGEST: Final = (1 << 63) - 1
MOST_USD: Final = BIGGEST // NANO
STATUS_DESCRIPTION: Final = "status_description"
EVENTS: Final = "events"
SCOPE_NAME: Final = "otel.scope.name"  # names that OpenTelemetry gives for formats without a scope
SCOPE_VERSION: Final = "otel.scope.version"
STRUCTURED: Final = semconv.CONTENT_ATTRIBUTES - {semconv.PROMPT_TEMPLATE}


class Record(NamedTuple):
    """The columns of `llmtrace.models.Span` without `id`, in their order, and the text of its `SpanContent`."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    service: str | None
    started_at: datetime
    duration_ms: float
    status: str
    error_type: str | None
    operation: str | None
    provider: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_nano_usd: int | None
    first_chunk_ms: float | None
    outcome: str | None
    user_id: str | None
    session_id: str | None
    conversation_id: str | None
    job_state: str | None
    job_attempt: int | None
    job_queue_ms: float | None
    linked_trace_id: str | None
    attributes: str
    events: str
    links: str
    content: str | None


def record(span: ReadableSpan) -> Record:
    """The row of `span`.

    Raises:
        ValueError: the span has no ids or did not begin and end, so there is nothing to keep it by.
    """
    context, start, end = span.context, span.start_time, span.end_time
    if context is None or start is None or end is None:
        raise ValueError("a span without ids, beginning or end")
    attributes, kept, content = _parted(span)
    events = _events(span.events, start, content) if span.events else "[]"
    if span.status.description:
        content[STATUS_DESCRIPTION] = span.status.description
    get = attributes.get
    return Record(
        trace_id=format(context.trace_id, "032x"),
        span_id=format(context.span_id, "016x"),
        parent_id=None if span.parent is None else format(span.parent.span_id, "016x"),
        name=clean_text(span.name)[:255],
        kind=span.kind.name,
        service=_service(span),
        started_at=EPOCH + timedelta(microseconds=start // 1000),
        duration_ms=max(0, end - start) / 1e6,
        status=span.status.status_code.name,
        error_type=_text(get(semconv.ERROR_TYPE)) or _error_type(span),
        operation=_text(get(semconv.OPERATION), 64),
        provider=_text(get(semconv.PROVIDER), 64),
        model=_text(get(semconv.RESPONSE_MODEL)) or _text(get(semconv.REQUEST_MODEL)),
        input_tokens=_count(get(semconv.USAGE_INPUT_TOKENS)),
        output_tokens=_count(get(semconv.USAGE_OUTPUT_TOKENS)),
        cached_tokens=_count(get(semconv.USAGE_CACHE_READ)),
        reasoning_tokens=_count(get(semconv.USAGE_REASONING)),
        cost_nano_usd=nano_usd(get(semconv.COST)),
        first_chunk_ms=_milliseconds(get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)),
        outcome=_text(get(semconv.STREAM_OUTCOME), 16),
        user_id=_text(get(semconv.USER_ID)),
        session_id=_text(get(semconv.SESSION_ID)),
        conversation_id=_text(get(semconv.CONVERSATION_ID)),
        job_state=_text(get(semconv.CELERY_STATE) or get(semconv.JOB_STATE), 16),
        job_attempt=_count(get(semconv.JOB_ATTEMPT)),
        job_queue_ms=_milliseconds(get(semconv.JOB_QUEUE_TIME)),
        linked_trace_id=_linked_trace(span) if span.links else None,
        attributes=json_column(kept),
        events=events,
        links=_links(span.links) if span.links else "[]",
        content=json_text(content) if content else None,
    )


def _parted(span: ReadableSpan) -> tuple[Mapping[str, Any], dict[str, Any], dict[str, Any]]:
    """The span's attributes by the names in use; of these, with its scope, what is no content; and the content."""
    attributes: Mapping[str, Any] = span._attributes or {}  # the property copies
    foreign = not MARKERS.isdisjoint(attributes)
    if foreign:
        attributes = in_use(attributes)
    content = {name: _decoded(name, value) for name, value in attributes.items() if is_content(name)}
    kept = {name: value for name, value in attributes.items() if name not in content}
    if (scope := span.instrumentation_scope) is not None:
        kept[SCOPE_NAME] = scope.name
        if scope.version:
            kept[SCOPE_VERSION] = scope.version
    return attributes, kept, gathered(content) if foreign else content


def nano_usd(value: Any) -> int | None:
    """An amount in USD, given as a number or a text, in whole billionths; None for what is no amount."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        amount = Decimal(value) if isinstance(value, str) else value
        return round(amount * NANO) if 0 <= amount <= MOST_USD else None
    except ArithmeticError:  # words, and a signalling NaN
        return None


def _text(value: Any, limit: int = 255) -> str | None:
    """A text that fits a column of `limit` characters; None for what is empty or has parts."""
    if isinstance(value, str):
        return clean_text(value)[:limit] or None
    return None if value is None or isinstance(value, (Mapping, Sequence)) else shown(value)[:limit]


def _count(value: Any) -> int | None:
    """A whole number of tokens; None for what is none."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= BIGGEST else None


def _milliseconds(seconds: Any) -> float | None:
    if type(seconds) not in (int, float) or not math.isfinite(seconds) or seconds < 0:
        return None
    return float(seconds * 1000)


def _service(span: ReadableSpan) -> str | None:
    """The service's name; the SDK's stand-in for a name that nobody gave is none."""
    name = _text(span.resource.attributes.get(semconv.SERVICE_NAME))
    return None if name is None or name.split(":")[0] == "unknown_service" else name


def _error_type(span: ReadableSpan) -> str | None:
    """The type of the exception that an instrumentation recorded without ``error.type``."""
    if span.status.is_ok or not span.events:
        return None
    types = [(event.attributes or {}).get(semconv.EXCEPTION_TYPE) for event in span.events]
    return next((_text(found) for found in reversed(types) if found), None)


def _decoded(name: str, value: Any) -> Any:
    """The structure that a JSON text of another instrumentation stands for."""
    if name in STRUCTURED and isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return from_json(value)
        except ValueError:
            return value
    return value


def _events(events: Sequence[Event], start: int, content: dict[str, Any]) -> str:
    """The events as a JSON text; what was said in them goes to `content`."""
    kept, said = [], {}
    for index, event in enumerate(events):
        attributes = dict(event.attributes or ())
        spoken = {name: attributes.pop(name) for name in tuple(attributes) if is_event_content(event.name, name)}
        if spoken:
            said[str(index)] = spoken
        kept.append({"name": event.name, "offset_ms": (event.timestamp - start) / 1e6, "attributes": attributes})
    if said:
        content[EVENTS] = said
    return json_column(kept)


def _linked_trace(span: ReadableSpan) -> str | None:
    """Of a job that runs in a trace of its own, the trace that sent it."""
    if span.kind is not SpanKind.CONSUMER or span.parent is not None:
        return None
    return format(span.links[0].context.trace_id, "032x")


def _links(links: Sequence[Link]) -> str:
    return json_column(
        [
            {
                "trace_id": format(link.context.trace_id, "032x"),
                "span_id": format(link.context.span_id, "016x"),
                "attributes": dict(link.attributes or ()),
            }
            for link in links
        ]
    )

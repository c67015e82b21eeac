"""Reads one trace from the store, as much of it as a page bears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.dashboard.addresses import TRACE_ID
from llmtrace.dashboard.events import retry_reasons
from llmtrace.dashboard.kinds import FAILED, LOST, RETRY, kind_of
from llmtrace.dashboard.stored import stored
from llmtrace.dashboard.tree import Node
from llmtrace.models import Span, SpanContent
from llmtrace.semconv import is_content, is_event_content
from llmtrace.store.running import running

MAX_SPANS: Final = 1_000


@dataclass(frozen=True)
class Trace:
    """The first spans of a trace by their begin, those that are open among them; `more` tells that there are others."""

    trace_id: str
    spans: Sequence[Span]
    more: bool = False

    def span(self, span_id: str) -> Span | None:
        """One of the spans by its id."""
        return next((span for span in self.spans if span.span_id == span_id), None)


def load(trace_id: str, also: str | None = None) -> Trace | None:
    """The trace of that id, None if nothing of it is stored or running.

    Args:
        trace_id: 32 hex digits.
        also: the id of a span that must be among them, however late it began.
    """
    found = list(stored().of_trace(trace_id)[: MAX_SPANS + 1])
    spans, more = found[:MAX_SPANS], len(found) > MAX_SPANS
    spans = sorted([*spans, *running(trace_id)], key=lambda span: span.started_at)
    if more and also and all(span.span_id != also for span in spans):
        spans += list(stored().of_trace(trace_id).filter(span_id=also))
    return Trace(trace_id, spans, more) if spans else None


def content_of(span: Span) -> dict[str, Any]:
    """What was said in the span, by attribute name; empty if nothing is kept."""
    kept = SpanContent.objects.using(get_config().database).filter(pk=span.pk).first()
    return {} if kept is None else kept.load()


def is_bad(span: Span) -> bool:
    """Whether the span failed, or will not end any more since its process has died."""
    return span.status == FAILED or span.outcome == LOST


def node_of(span: Span) -> Node:
    """What the tree needs of a stored span."""
    node = Node(
        span_id=span.span_id,
        parent_id=span.parent_id,
        name=span.name,
        kind=kind_of(span.kind, span.operation),
        start=span.started_at.timestamp() * 1000,
        duration=max(0.0, span.duration_ms),
        failed=is_bad(span),
        error_type=span.error_type,
        first_chunk=span.first_chunk_ms,
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        cost_nano_usd=span.cost_nano_usd,
        outcome=span.outcome,
        retries=retry_reasons(events_of(span)),
        outside=attributes_of(span).get(semconv.PARENT_OUTSIDE) is True,
    )
    return _run(node, span, attributes_of(span)) if span.kind == "CONSUMER" else node


def _run(node: Node, span: Span, attributes: dict[str, Any]) -> Node:
    """A job's run: an attempt that is tried again has failed, though its span is no error."""
    links = links_of(span) if span.linked_trace_id else []
    state = attributes.get(semconv.CELERY_STATE) or attributes.get(semconv.JOB_STATE)
    return replace(
        node,
        failed=node.failed or state == RETRY,
        outcome=state if isinstance(state, str) else None,
        attempt=_whole(attributes.get(semconv.JOB_ATTEMPT)),
        job_id=_text(attributes.get(semconv.MESSAGING_MESSAGE_ID)),
        waited=_milliseconds(attributes.get(semconv.JOB_QUEUE_TIME)),
        delayed=_milliseconds(attributes.get(semconv.JOB_DELAY)),
        queue=_text(attributes.get(semconv.MESSAGING_DESTINATION)),
        link=_text(links[0].get("span_id")) if links else None,
    )


def attributes_of(span: Span, readable: bool = True) -> dict[str, Any]:
    """The attributes, whatever stands in the column; without what people and models wrote unless `readable`."""
    attributes = span.attributes if isinstance(span.attributes, dict) else {}
    return attributes if readable else {name: value for name, value in attributes.items() if not is_content(name)}


def events_of(span: Span, readable: bool = True) -> list[dict[str, Any]]:
    """The events, whatever stands in the column; without what people and models wrote unless `readable`."""
    events = span.events if isinstance(span.events, list) else []
    return [_event(event, readable) for event in events if isinstance(event, dict)]


def _event(event: dict[str, Any], readable: bool) -> dict[str, Any]:
    name, told = str(event.get("name", "")), event.get("attributes")
    told = told if isinstance(told, dict) else {}
    if not readable:
        told = {key: value for key, value in told.items() if not is_event_content(name, key)}
    return {**event, "name": name, "attributes": told}


def links_of(span: Span) -> list[dict[str, Any]]:
    """The links that name a span, whatever stands in the column."""
    links = span.links if isinstance(span.links, list) else []
    return [link for link in links if isinstance(link, dict) and TRACE_ID.fullmatch(str(link.get("trace_id")))]


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _milliseconds(seconds: Any) -> float | None:
    if type(seconds) not in (int, float) or not 0 <= seconds < 1e9:
        return None
    return float(seconds * 1000)

"""A trace or one span of it as JSON, whole, with what was said in it where the reader may know it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from llmtrace.conf import get_config
from llmtrace.dashboard.stored import stored
from llmtrace.dashboard.trace import attributes_of, events_of, links_of
from llmtrace.models import Span, SpanContent

MAX_SPANS: Final = 10_000
MAX_CHARACTERS: Final = 32_000_000  # a page of JSON is made in memory
_BATCH: Final = 200
_COLUMNS: Final = tuple(
    field.name for field in Span._meta.concrete_fields if field.name not in ("id", "attributes", "events", "links")
)


def trace_as_json(trace_id: str, span_id: str | None, readable: bool) -> str | None:
    """The JSON text of a trace, None if nothing of it is stored.

    Args:
        trace_id: 32 hex digits.
        span_id: only this span of it.
        readable: whether the reader may know what was said.

    ``complete`` is false where the trace is longer than a page bears.
    """
    spans = stored().of_trace(trace_id)
    if span_id is not None:
        spans = spans.filter(span_id=span_id)
    found = list(spans[: MAX_SPANS + 1])
    if not found:
        return None
    texts: list[str] = []
    room = MAX_CHARACTERS
    for text in _spans(found[:MAX_SPANS], readable):
        room -= len(text)
        if room < 0 and texts:
            break
        texts.append(text)
    head = json.dumps({"trace_id": trace_id, "content": readable, "complete": len(texts) == len(found)})
    body = ",\n".join(texts)
    return f'{head[:-1]}, "spans": [\n{body}\n]}}\n'


def _spans(spans: Sequence[Span], readable: bool) -> Iterator[str]:
    for start in range(0, len(spans), _BATCH):
        batch = spans[start : start + _BATCH]
        contents = _contents(batch) if readable else {}
        for span in batch:
            yield json.dumps({**_columns(span, readable), **contents.get(span.pk, {})}, default=str)


def _contents(spans: Sequence[Span]) -> dict[int, dict[str, Any]]:
    kept = SpanContent.objects.using(get_config().database).filter(pk__in=[span.pk for span in spans])
    return {content.pk: {"content": content.load()} for content in kept}


def _columns(span: Span, readable: bool) -> dict[str, Any]:
    return {
        **{name: getattr(span, name) for name in _COLUMNS},
        "started_at": span.started_at.isoformat(),
        "attributes": attributes_of(span, readable),
        "events": events_of(span, readable),
        "links": links_of(span),
    }

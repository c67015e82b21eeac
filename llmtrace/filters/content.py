"""`DropContent`, the filter that leaves what a span measured and takes away what people and models said in it."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Status

from llmtrace import semconv
from llmtrace.pipeline.ended import EndedSpan


class DropContent:
    """Removes messages, tool data, templates and their variables, in the names of every dialect that is known.

    Texts of errors go too, since they repeat what was said: messages and stack traces of exceptions, and the status's
    description. Names, models, tokens, cost, timing and the types of errors stay, and so do tags and metadata.
    """

    def __call__(self, span: EndedSpan) -> EndedSpan:
        """`span`, or a copy of it without its content."""
        attributes = {name: value for name, value in span.attributes.items() if not _is_content(name)}
        events = _without_content(span.events)
        described = span.status.description is not None
        if len(attributes) == len(span.attributes) and events is None and not described:
            return span
        status = Status(span.status.status_code) if described else None
        return span.edited(attributes=attributes, events=events, status=status)


def _is_content(name: str) -> bool:
    return semconv.is_event_content("", name)


def _without_content(events: Sequence[Event]) -> list[Event] | None:
    """The events without what was said in them, None when nothing was."""
    bare = [_bare(event) for event in events]
    return None if all(one is other for one, other in zip(bare, events, strict=True)) else bare


def _bare(event: Event) -> Event:
    before = event.attributes or {}
    after = {name: value for name, value in before.items() if not semconv.is_event_content(event.name, name)}
    return event if len(after) == len(before) else Event(event.name, after, event.timestamp)

"""An ended span as filters and exporters see it, with the content that travelled beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status

from llmtrace.jsontext import as_json, encodable, is_structure
from llmtrace.pipeline.shared import shared

SCALARS: Final = frozenset({bool, int, float})


class Content(Protocol):
    """What was said in one span, kept as it was and rendered off the path of the call."""

    def size(self) -> int:
        """About how many bytes it holds."""
        ...

    def attributes(self) -> Mapping[str, Any]:
        """Attribute name to value; messages as lists of dicts in the form of the GenAI conventions."""
        ...

    def events(self) -> Sequence[Event]:
        """Events that hold texts: the exception that ended the span."""
        ...

    def description(self) -> str | None:
        """The description of the span's status, an error's text."""
        ...


class Unchanged:
    """Stands for an argument of `EndedSpan.edited` that was not given, where None is a value."""


UNCHANGED: Final = Unchanged()


class Dropped(NamedTuple):
    """How many of each the limits of the SDK have cost a span."""

    attributes: int = 0
    events: int = 0
    links: int = 0


class EndedSpan(ReadableSpan):
    """A span that has ended, content included.

    `attributes` is a plain dict. Content attributes (`semconv.is_content`) may hold structures there: lists of dicts
    for messages, whatever was passed for tool data and variables. `for_export` turns them into JSON texts.
    """

    _attributes: dict[str, Any]
    dropped = Dropped()

    @classmethod
    def of(cls, span: ReadableSpan, content: Content | None = None) -> Self:
        """A copy of `span` with its content among the attributes."""
        known, events, links = _collections(span)
        attributes = dict(known) if known else {}
        status = span.status
        if content is not None:
            attributes.update(content.attributes())
            events = (*events, *content.events())
            status = Status(status.status_code, content.description()) if content.description() else status
        made = cls(
            span.name,
            span.context,
            span.parent,
            shared(span.resource),
            attributes,
            events,
            links,
            span.kind,
            None,
            status,
            span.start_time,
            span.end_time,
            span.instrumentation_scope,
        )
        made.dropped = Dropped(span.dropped_attributes, span.dropped_events, span.dropped_links)
        return made

    @property
    def attributes(self) -> dict[str, Any]:
        return self._attributes

    @property
    def dropped_attributes(self) -> int:
        return self.dropped.attributes

    @property
    def dropped_events(self) -> int:
        return self.dropped.events

    @property
    def dropped_links(self) -> int:
        return self.dropped.links

    def edited(
        self,
        *,
        name: str | None = None,
        attributes: dict[str, Any] | None = None,
        events: Sequence[Event] | None = None,
        links: Sequence[Link] | None = None,
        status: Status | None = None,
        resource: Resource | None = None,
        context: SpanContext | None = None,
        parent: SpanContext | Unchanged | None = UNCHANGED,
        scope: InstrumentationScope | None = None,
    ) -> Self:
        """A copy in which the given fields are others; what is not given stays. The span itself never changes."""
        made = type(self)(
            self._name if name is None else name,
            self._context if context is None else context,
            self._parent if isinstance(parent, Unchanged) else parent,
            self._resource if resource is None else resource,
            self._attributes if attributes is None else attributes,
            self._events if events is None else events,
            self._links if links is None else links,
            self._kind,
            None,
            self._status if status is None else status,
            self._start_time,
            self._end_time,
            self._instrumentation_scope if scope is None else scope,
        )
        made.dropped = self.dropped
        return made

    def for_export(self) -> Self:
        """A copy whose structured attributes are JSON texts, the form that observability backends in use read.

        Texts that UTF-8 cannot carry are mended: one of them would make an exporter refuse the whole batch.
        """
        description = self._status.description
        attributes = exportable(self._attributes)
        if attributes is self._attributes and not self._events and description is None and self._name.isascii():
            return self
        return self.edited(
            name=encodable(self._name),
            attributes=attributes,
            events=[Event(each.name, exportable(dict(each.attributes or ())), each.timestamp) for each in self._events],
            status=Status(self._status.status_code, encodable(description)) if description else None,
        )


def _collections(span: ReadableSpan) -> tuple[Mapping[str, Any] | None, tuple[Event, ...], tuple[Link, ...]]:
    """Attributes, events and links of a span; what a class of others shows is what it has."""
    if type(span) is not ReadableSpan:
        return span.attributes, tuple(span.events), tuple(span.links)
    return bare(span._attributes), tuple(bare(span._events)), tuple(bare(span._links))


def bare(collection: Any) -> Any:
    """What is in one of the SDK's own collections, which take a lock and a copy for each look at them; others as is."""
    return getattr(collection, "_dict", None) or getattr(collection, "_dq", collection)


def exportable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as OpenTelemetry's own types, in texts that can be encoded; the same dict where they are that."""
    changed = {}
    for key, value in attributes.items():
        if not key.isascii():
            return {encodable(key): _exportable(value) for key, value in attributes.items()}
        kind = type(value)
        if kind is str:
            if value.isascii():
                continue
        elif kind in SCALARS:
            continue
        if (made := _exportable(value)) is not value:
            changed[key] = made
    return {**attributes, **changed} if changed else attributes


def _exportable(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if is_structure(value):
        return as_json(value)
    if isinstance(value, (list, tuple)):
        texts = [encodable(item) if isinstance(item, str) else item for item in value]
        return value if texts == list(value) else texts
    return value

"""An ended span as filters and exporters see it, with the content that travelled beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, Self

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, Status
from pydantic_core import to_json


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


class EndedSpan(ReadableSpan):
    """A span that has ended, content included.

    `attributes` is a plain dict. Content attributes (`semconv.is_content`) may hold structures there: lists of dicts
    for messages, whatever was passed for tool data and variables. `for_export` turns them into JSON texts.
    """

    _attributes: dict[str, Any]

    @classmethod
    def of(cls, span: ReadableSpan, content: Content | None = None) -> Self:
        """A copy of `span` with its content among the attributes."""
        attributes = dict(span.attributes or ())
        events, status = span.events, span.status
        if content is not None:
            attributes.update(content.attributes())
            events = (*events, *content.events())
            status = Status(status.status_code, content.description()) if content.description() else status
        return cls(
            span.name,
            span.context,
            span.parent,
            span.resource,
            attributes,
            events,
            span.links,
            span.kind,
            None,
            status,
            span.start_time,
            span.end_time,
            span.instrumentation_scope,
        )

    @property
    def attributes(self) -> dict[str, Any]:
        return self._attributes

    def edited(
        self,
        *,
        name: str | None = None,
        attributes: dict[str, Any] | None = None,
        events: Sequence[Event] | None = None,
        links: Sequence[Link] | None = None,
        status: Status | None = None,
        resource: Resource | None = None,
        parent: SpanContext | Unchanged | None = UNCHANGED,
    ) -> Self:
        """A copy in which the given fields are others; what is not given stays. The span itself never changes."""
        return type(self)(
            self._name if name is None else name,
            self._context,
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
            self._instrumentation_scope,
        )

    def for_export(self) -> Self:
        """A copy whose structured attributes are JSON texts, the form that observability backends in use read."""
        structured = {key: as_json(value) for key, value in self._attributes.items() if is_structure(value)}
        return self.edited(attributes={**self._attributes, **structured}) if structured else self


def is_structure(value: Any) -> bool:
    """Whether an attribute's value is more than a scalar or a sequence of scalars."""
    if isinstance(value, (str, bool, int, float, bytes)):
        return False
    if isinstance(value, (list, tuple)):
        return any(not isinstance(item, (str, bool, int, float)) for item in value)
    return True


def as_json(value: Any) -> str:
    """`value` as a JSON text, whatever it is: what has no JSON form is written as its `str()`."""
    try:
        return to_json(value, serialize_unknown=True).decode()
    except (ValueError, UnicodeError, RecursionError):  # lone surrogates, cycles, depth
        return json.dumps(plain(value))


MAX_DEPTH: Final = 32


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON types only, with cycles and depth cut."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {str(plain(str(key))): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    try:
        return plain(str(value))
    except Exception:
        return f"<{type(value).__name__}>"

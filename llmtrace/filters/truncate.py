"""`Truncate`, the filter that cuts long texts and leaves the structures around them whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Status

from llmtrace.conf.options import LENGTH, mistake
from llmtrace.pipeline.ended import EndedSpan

DEEPEST: Final = 100
SCALARS: Final = frozenset({bool, int, float})
KINDS: Final = {"length": LENGTH}


class Truncate:
    """Cuts each text of a span that is longer than `length` characters, and says how many are missing.

    Messages stay messages and JSON stays JSON: what is cut are the texts inside. Names of attributes are never cut.

    Args:
        length: the most characters of a text.

    Raises:
        ValueError: `length` is not positive.
    """

    def __init__(self, *, length: int) -> None:
        if length < 1:
            raise ValueError("length is a positive number of characters.")
        self._length = length

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        return mistake(options, KINDS)

    def __call__(self, span: EndedSpan) -> EndedSpan:
        """`span`, or a copy of it with its long texts cut."""
        attributes = self._among(span.attributes, None)
        before, status = span.events, span.status
        if attributes is span.attributes and not before and status.description is None:
            return span
        events = [self._event(event) for event in before]
        status = self._status(status)
        same = attributes is span.attributes and status is span.status
        if same and all(one is other for one, other in zip(events, before, strict=True)):
            return span
        return span.edited(attributes=attributes, events=events, status=status)

    def _cuts(self, event: str | None, name: str) -> bool:
        """Whether the attribute `name`, of the span or of an event, is one whose texts are cut."""
        return True

    def _among(self, before: dict[str, Any], event: str | None) -> dict[str, Any]:
        after = {}
        for name, value in before.items():
            kind = type(value)
            if kind in SCALARS or (kind is str and len(value) <= self._length):
                continue
            if self._cuts(event, name) and (cut := self._value(value, 1)) is not value:
                after[name] = cut
        return {**before, **after} if after else before

    def _event(self, event: Event) -> Event:
        before = dict(event.attributes or ())
        after = self._among(before, event.name)
        return event if after is before else Event(event.name, after, event.timestamp)

    def _status(self, status: Status) -> Status:
        after = self._value(status.description, 0)
        return status if after is status.description else Status(status.status_code, after)

    def _value(self, value: Any, depth: int) -> Any:
        """`value` with its long texts cut; the very same object when none is long."""
        if isinstance(value, str):
            return value if len(value) <= self._length else self._cut(value, depth)
        if depth > DEEPEST:
            return value
        if isinstance(value, dict):
            after = {key: self._value(item, depth + 1) for key, item in value.items()}
            return value if all(after[key] is item for key, item in value.items()) else after
        if isinstance(value, (list, tuple)):
            items = [self._value(item, depth + 1) for item in value]
            if all(one is other for one, other in zip(items, value, strict=True)):
                return value
            return tuple(items) if isinstance(value, tuple) else items
        return value

    def _cut(self, text: str, depth: int) -> str:
        if (structure := structure_of(text)) is not None:
            after = self._value(structure, depth + 1)
            return text if after is structure else json.dumps(after, ensure_ascii=text.isascii())
        return f"{text[: self._length]}… ({len(text) - self._length} characters more)"


def structure_of(text: str) -> Any:
    """The object or array that `text` is in JSON, None when it is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

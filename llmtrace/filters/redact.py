"""`Redact`, the filter that masks secrets wherever a span has text, and `redact_text`, which does so in one text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.utils.module_loading import import_string
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, Status
from pydantic_core import to_json

from llmtrace.filters.names import Names
from llmtrace.filters.personal import PERSONAL
from llmtrace.filters.redactor import MASK, Redactor
from llmtrace.pipeline.ended import EndedSpan

Function = Callable[[str], str]


class Redact:
    """Masks keys, tokens, passwords and other secrets, known by their form or by the name beside them.

    It looks at the span's name, attributes (content, and those set by hand; names of keys too), events, links, status
    and resource, in nested structures and in JSON within texts. A span without a secret passes as the same object.

    Args:
        email: mask e-mail addresses too.
        phone: mask phone numbers too.
        card: mask numbers of payment cards too.
        iban: mask numbers of bank accounts too.
        ip: mask IP addresses too.
        names: more names whose values are secrets, such as ``["pin"]``; one stands for all that end in its words.
        keep: names whose values are no secrets here, such as ``["csrf_token"]``; what has a token's form is masked all
            the same.
        patterns: more regular expressions; the group ``secret`` is masked where there is one, else all that matches.
        function: a function, or the dotted path of one, called with each text when all else is masked.
        mask: what stands where a secret stood.

    Raises:
        ValueError: an option has a value that can't be used.
        re.error: one of the patterns is no regular expression.
        ImportError: the function can't be imported.
    """

    def __init__(
        self,
        *,
        email: bool = False,
        phone: bool = False,
        card: bool = False,
        iban: bool = False,
        ip: bool = False,
        names: Iterable[str] = (),
        keep: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        function: Function | str | None = None,
        mask: str = MASK,
    ) -> None:
        wanted = {"email": email, "phone": phone, "card": card, "iban": iban, "ip": ip}
        self._redactor = Redactor(
            Names(_several("names", names), _several("keep", keep)),
            [PERSONAL[kind] for kind, on in wanted.items() if on],
            [re.compile(pattern) for pattern in _several("patterns", patterns)],
            import_string(function) if isinstance(function, str) else function,
            mask,
        )
        self._resources: tuple[Resource, Resource] | None = None

    def __call__(self, span: EndedSpan) -> EndedSpan:
        """`span`, or a copy of it with its secrets masked."""
        resource = self._resource(span.resource)
        if not self._may_change(span):
            return span if resource is span.resource else span.edited(resource=resource)
        return span.edited(
            name=self._redactor.value(span.name),
            attributes=self._redactor.value(span.attributes),
            events=[self._event(event) for event in span.events],
            links=[self._link(link) for link in span.links],
            status=self._status(span.status),
            resource=resource,
        )

    def _may_change(self, span: EndedSpan) -> bool:
        parts: list[Any] = [span.name, span.status.description, span.attributes]
        if events := span.events:
            parts += [[event.name, dict(event.attributes or ())] for event in events]
        if links := span.links:
            parts += [dict(link.attributes or ()) for link in links]
        try:
            return self._redactor.may_change(to_json(parts, serialize_unknown=True))
        except Exception:  # lone surrogates, cycles, depth, keys of people's own: all is read
            return True

    def _event(self, event: Event) -> Event:
        name, attributes = self._redactor.value([event.name, dict(event.attributes or ())])
        return Event(name, attributes, event.timestamp)

    def _link(self, link: Link) -> Link:
        return Link(link.context, self._redactor.value(dict(link.attributes or ())))

    def _status(self, status: Status) -> Status:
        if status.description is None:
            return status
        return Status(status.status_code, self._redactor.value(status.description))

    def _resource(self, resource: Resource) -> Resource:
        """`resource` with its secrets masked. Nearly all spans of a process share one, so that the last is kept."""
        last = self._resources
        if last is None or last[0] is not resource:
            before = dict(resource.attributes)
            after = self._redactor.value(before)
            last = (resource, resource if after is before else Resource(after, resource.schema_url))
            self._resources = last
        return last[1]


def _several(option: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, (str, bytes)):
        raise ValueError(f"{option} is a list of texts, not one text.")
    return list(values)


@cache
def _redactor() -> Redactor:
    return Redactor()


def redact_text(text: str) -> str:
    """`text`, of an error or a log for one, with its secrets masked as `Redact` does by default. Never raises."""
    return _redactor().text(text)

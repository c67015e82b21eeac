"""`Redact`, the filter that masks secrets wherever a span has text, and `redact_text`, which does so in one text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeVar

from django.utils.module_loading import import_string
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status
from opentelemetry.trace.span import TraceState
from pydantic_core import to_json

from llmtrace.conf.kinds import Kind
from llmtrace.conf.options import FUNCTION, REGULAR_EXPRESSIONS, SWITCH, mistake, several
from llmtrace.filters.names import Names, split
from llmtrace.filters.personal import PERSONAL
from llmtrace.filters.redactor import MASK, Redactor, is_mask
from llmtrace.pipeline.ended import EndedSpan

Function = Callable[[str], str]
T = TypeVar("T")

SCOPES: Final = 256  # instrumentation scopes whose masked form is kept: a process has a few for good

WORDS: Final = several("a list of names with a letter or digit each", lambda v: isinstance(v, str) and bool(split(v)))
KINDS: Final = {
    **dict.fromkeys(PERSONAL, SWITCH),
    "names": WORDS,
    "keep": WORDS,
    "patterns": REGULAR_EXPRESSIONS,
    "function": FUNCTION,
    "mask": Kind("a text of printable characters without quotes and backslashes", is_mask),
}


class Redact:
    """Masks keys, tokens, passwords and other secrets, known by their form or by the name beside them.

    It looks at the span's name, attributes (content, and those set by hand; names of keys too), events, links, status,
    resource and instrumentation scope, in nested structures and in JSON within texts. What somebody has put into the
    trace's state is left out where it holds a secret. A span without a secret passes as the same object.

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
        self._masked_scope = lru_cache(maxsize=SCOPES)(self._scope)

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        return mistake(options, KINDS)

    def __call__(self, span: EndedSpan) -> EndedSpan:
        """`span`, or a copy of it with its secrets masked."""
        span, resource = self._with_origin(span), self._resource(span.resource)
        if not self._may_change(span):
            return span if resource is span.resource else span.edited(resource=resource)
        value = self._redactor.value
        name, attributes, status = value(span.name), value(span.attributes), self._status(span.status)
        events, links = _changed(span.events, self._event), _changed(span.links, self._link)
        same = name is span.name and attributes is span.attributes and status is span.status
        if same and events is None and links is None and resource is span.resource:
            return span
        return span.edited(
            name=name, attributes=attributes, events=events, links=links, status=status, resource=resource
        )

    def _may_change(self, span: EndedSpan) -> bool:
        parts: list[Any] = [span.name, span.status.description, span.attributes]
        if events := span.events:
            parts += [[event.name, dict(event.attributes or ())] for event in events]
        if links := span.links:
            parts += [[dict(link.attributes or ()), dict(link.context.trace_state)] for link in links]
        try:
            return self._redactor.may_change(to_json(parts))
        except Exception:  # lone surrogates, cycles, depth, classes of people's own: all is read
            return True

    def _with_origin(self, span: EndedSpan) -> EndedSpan:
        """`span` with what came from elsewhere masked: the state of its trace, and who made it."""
        context = span.context and self._context(span.context)
        parent = span.parent and self._context(span.parent)
        scope = span.instrumentation_scope and self._masked_scope(span.instrumentation_scope)
        if context is span.context and parent is span.parent and scope is None:
            return span
        return span.edited(context=context, parent=parent, scope=scope)

    def _scope(self, scope: InstrumentationScope) -> InstrumentationScope | None:
        """`scope` with its secrets masked; None when there are none."""
        before = [scope.name, scope.version, scope.schema_url, dict(scope.attributes or {})]
        after = self._redactor.value(before)
        return None if after is before else InstrumentationScope(*after)

    def _context(self, context: SpanContext) -> SpanContext:
        """`context` without the members of its state that hold a secret: its format has no room for every mask."""
        if not context.trace_state:
            return context
        kept = [(key, value) for key, value in context.trace_state.items() if self._is_clean({key: value})]
        if len(kept) == len(context.trace_state):
            return context
        return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags, TraceState(kept))

    def _is_clean(self, value: Any) -> bool:
        return self._redactor.value(value) is value

    def _event(self, event: Event) -> Event:
        before = [event.name, dict(event.attributes or ())]
        after = self._redactor.value(before)
        return event if after is before else Event(after[0], after[1], event.timestamp)

    def _link(self, link: Link) -> Link:
        before, context = dict(link.attributes or ()), self._context(link.context)
        after = self._redactor.value(before)
        return link if after is before and context is link.context else Link(context, after)

    def _status(self, status: Status) -> Status:
        before = status.description
        after = self._redactor.value(before)
        return status if after is before else Status(status.status_code, after)

    def _resource(self, resource: Resource) -> Resource:
        """`resource` with its secrets masked. Nearly all spans of a process share one, so that the last is kept."""
        last = self._resources
        if last is None or last[0] is not resource:
            before = dict(resource.attributes)
            after = self._redactor.value(before)
            last = (resource, resource if after is before else Resource(after, resource.schema_url))
            self._resources = last
        return last[1]


def _changed(before: Sequence[T], change: Callable[[T], T]) -> list[T] | None:
    """What `change` makes of each, None when that changes none."""
    after = [change(each) for each in before]
    return None if all(one is other for one, other in zip(after, before, strict=True)) else after


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

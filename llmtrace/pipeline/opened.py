"""What a span began with, as bytes: all of it where there is room, and else what a trace needs of it."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState

from llmtrace.pipeline.ended import SCALARS, bare
from llmtrace.pipeline.lineage import LLM_SIGNS

LONGEST, MOST_SHORT = 64, 24  # characters of a text and attributes, where a span does not fit as a whole
BARE: Final = 256  # bytes that are enough for every span without its attributes
NAME_BYTES, SCOPE_BYTES, SIGN_BYTES = 32, 40, 16  # of their texts

Ids = tuple[int, int, bool, int, str | None]


class Ended(NamedTuple):
    """How a span ended that is not settled."""

    at: int  # nanoseconds since the epoch
    failed: bool  # whether its status is ERROR
    lacking: frozenset[int] | None  # numbers of the exporters that have not settled it; None for all


class Opened(NamedTuple):
    """What a span began with."""

    number: int  # in the order in which they began
    name: str
    context: SpanContext
    parent: SpanContext | None
    kind: SpanKind
    started_at: int  # nanoseconds since the epoch
    attributes: dict[str, Any]
    links: tuple[Link, ...]
    scope: str
    version: str | None
    end: Ended | None = None  # None while it is open


def written(span: ReadableSpan, context: SpanContext, room: int) -> bytes:
    """The span in at most `room` bytes, of which there are `BARE` or more.

    It is read past the properties of the SDK's classes: they would take most of the time.
    """
    parent = span._parent
    known = bare(span._attributes) or {}
    scope = span._instrumentation_scope
    links = span._links
    ids = _ids(context)
    parent_ids = None if parent is None else _ids(parent)
    kind, began = span._kind._value_, span._start_time
    try:
        whole = marshal.dumps(
            (
                span._name,
                ids,
                parent_ids,
                kind,
                began,
                known,
                [(_ids(link.context), dict(link.attributes or {})) for link in links] if links else None,
                None if scope is None else (scope._name, scope._version),
            )
        )
        if len(whole) <= room:
            return whole
    except ValueError:  # there is a class of the host's own in it: what follows is made of plain types only
        pass
    named = None if scope is None else (_cut(scope._name, SCOPE_BYTES), None)
    if room > BARE:
        short = marshal.dumps((_text(span._name)[:LONGEST], ids, parent_ids, kind, began, _short(known), None, named))
        if len(short) <= room:
            return short
    parent_ids = None if parent_ids is None else (*parent_ids[:4], None)
    name = _cut(span._name, NAME_BYTES)
    return marshal.dumps((name, (*ids[:4], None), parent_ids, kind, began, _sign(known), None, named))


def read(number: int, written: bytes) -> Opened:
    """The span that `written` gave these bytes for."""
    name, context, parent, kind, started_at, attributes, links, scope = marshal.loads(written)
    return Opened(
        number,
        name,
        _context(context),
        None if parent is None else _context(parent),
        SpanKind(kind),
        started_at,
        attributes,
        tuple(Link(_context(ids), marked) for ids, marked in links or ()),
        *(scope or ("", None)),
    )


def _short(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of the plain types and of little length, as many as mostly fit."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        value = value if type(value) in SCALARS else _text(value)
        if len(found) < MOST_SHORT and len(name) <= LONGEST and (not isinstance(value, str) or len(value) <= LONGEST):
            found[_text(name)] = value
    return found


def _sign(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attribute by which the span is known as LLM work: exporters that get nothing else need it."""
    for name in LLM_SIGNS:
        if name in attributes:
            return {name: _cut(attributes[name], SIGN_BYTES)}
    return {}


def _text(value: object) -> str:
    """As Python's own class of texts: `str()` of Django's safe ones is one of them again."""
    return "".join((str(value), ""))


def _cut(value: object, size: int) -> str:
    """The begin of a text: at most `size` bytes, and no half character."""
    return str(value).encode(errors="replace")[:size].decode(errors="ignore")


def _ids(context: SpanContext) -> Ids:
    fields: tuple[Any, ...] = context
    trace_id, span_id, remote, flags, state, _ = fields
    return trace_id, span_id, remote, +flags, state.to_header() if state else None


def _context(ids: Ids) -> SpanContext:
    trace_id, span_id, remote, flags, state = ids
    return SpanContext(
        trace_id, span_id, remote, TraceFlags(flags), None if state is None else TraceState.from_header([state])
    )

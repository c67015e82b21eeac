"""Trace attributes: user, session, conversation, tags and metadata that mark every span inside, also in jobs.

They live in a variable of ours. OpenTelemetry's baggage would leave the process with every instrumented HTTP request,
to the model provider's servers too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

from opentelemetry.sdk.trace import Span
from opentelemetry.trace import SpanContext

from llmtrace import semconv
from llmtrace.tracing.given import Scalar, id_of, metadata_of, tags_of


@dataclass(frozen=True)
class TraceAttributes:
    """What marks the spans of a stretch of work; None and empty where nothing is known."""

    user_id: str | None = None
    session_id: str | None = None
    conversation_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Scalar] = field(default_factory=dict)

    def over(self, below: TraceAttributes) -> TraceAttributes:
        """These, and `below` where these say nothing; tags and metadata of both."""
        return TraceAttributes(
            below.user_id if self.user_id is None else self.user_id,
            below.session_id if self.session_id is None else self.session_id,
            below.conversation_id if self.conversation_id is None else self.conversation_id,
            (*below.tags, *(tag for tag in self.tags if tag not in below.tags)),
            {**below.metadata, **self.metadata},
        )

    @cached_property
    def on_span(self) -> dict[str, Any]:
        """As attributes of a span."""
        named = {
            semconv.USER_ID: self.user_id,
            semconv.SESSION_ID: self.session_id,
            semconv.CONVERSATION_ID: self.conversation_id,
            semconv.TAGS: self.tags or None,
        }
        attributes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        attributes.update((f"{semconv.METADATA}{key}", value) for key, value in self.metadata.items())
        return attributes

    def __bool__(self) -> bool:
        return bool(self.on_span)


class Source(Protocol):
    """Where attributes come from that are not known at once: a request's user, when a view has resolved it."""

    def trace_attributes(self) -> TraceAttributes:
        """What is known by now. Never makes a query."""
        ...


NONE = TraceAttributes()

current_given: Final[ContextVar[TraceAttributes]] = ContextVar("llmtrace_attributes", default=NONE)
current_source: Final[ContextVar[Source | None]] = ContextVar("llmtrace_source", default=None)
current_outside: Final[ContextVar[SpanContext | None]] = ContextVar("llmtrace_outside", default=None)
"""The span of somebody without llmtrace that the work of a job without a span is right below."""


def current() -> TraceAttributes:
    """The attributes in force here: those that were given, over those of the request."""
    given, source = current_given.get(), current_source.get()
    if source is None:
        return given
    known = source.trace_attributes()
    if given is NONE:
        return known
    return given.over(known)


def mark(span: Span) -> None:
    """Put the attributes in force on a span that begins, unless its maker has done so, and say what is above it."""
    outside = current_outside.get()
    if outside is not None and span.parent == outside:
        span.set_attribute(semconv.PARENT_OUTSIDE, True)
    scope = span.instrumentation_scope
    if scope is not None and scope.name.startswith("llmtrace"):
        return
    attributes = current()
    if attributes:
        span.set_attributes(attributes.on_span)


@contextmanager
def using(attributes: TraceAttributes, *, alone: bool = False) -> Iterator[None]:
    """Set attributes for a block; `alone` forgets those around it, as a job does that runs in a worker."""
    inner = attributes if alone else attributes.over(current_given.get())
    token = current_given.set(inner)
    try:
        yield
    finally:
        current_given.reset(token)


@contextmanager
def using_source(source: Source | None) -> Iterator[None]:
    """Let a request say who is behind the spans of a block."""
    token = current_source.set(source)
    try:
        yield
    finally:
        current_source.reset(token)


@contextmanager
def trace_attributes(
    *,
    user_id: object = None,
    session_id: str | None = None,
    conversation_id: str | None = None,
    tags: Sequence[str] = (),
    metadata: Mapping[str, Scalar] | None = None,
) -> Iterator[None]:
    """Mark every span inside the block, also in the jobs that it starts.

    Args:
        user_id: who it is for; anything whose `str()` names the user, such as a primary key.
        session_id: the user's session. Not a session key: that is a credential.
        conversation_id: the conversation that the calls inside belong to.
        tags: words to find the spans by; added to those of a block around this one.
        metadata: more names and values, recorded as ``llmtrace.metadata.<name>``.

    Texts are cut to 255 characters (user, session, conversation) or 1,000 (tags, metadata), and there are at most 100
    tags and 100 entries of metadata. Nothing is raised for a value that no span can carry: it is told as JSON or by its
    class.
    """
    given = TraceAttributes(
        id_of(user_id), id_of(session_id), id_of(conversation_id), tags_of(tags), metadata_of(metadata)
    )
    with using(given):
        yield

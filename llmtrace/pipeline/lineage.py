"""Which spans of a process belong to LLM work, and who is their nearest kept ancestor.

An exporter with ``"SPANS": "llm"`` keeps calls, tools, agents, embeddings, the publish and run spans of jobs, and the
request spans under which one of them began before they ended. Whether a request is kept is only known once something
began under it, so each live span has a `Kin` that its descendants hold on to.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind

from llmtrace import semconv
from llmtrace.pipeline.ended import EndedSpan, bare

REQUEST_SCOPES: Final = ("opentelemetry.instrumentation.django", "opentelemetry.instrumentation.asgi")
OWN_SCOPE: Final = "llmtrace"  # calls, tools, agents and what holds several of them together
LLM_SIGNS: Final = (semconv.OPERATION, "gen_ai.system", "openinference.span.kind", "llm.request.type")
"""Attributes that a span of LLM work has one of: today's convention's, and those of older dialects."""

REMEMBERED: Final = 8192  # ended spans whose children may still begin
MOST_OPEN: Final = 16_384  # spans that are open: a host may begin spans and never end them


class Kin:
    """What is known of one span of this process for as long as descendants of it may live."""

    __slots__ = ("context", "parent", "outside", "llm", "request", "wanted", "left_out", "span")

    def __init__(self, context: SpanContext | None, parent: Kin | None, outside: SpanContext | None) -> None:
        self.context = context
        self.parent = parent
        self.outside = outside  # the parent, where it is in another process
        self.llm = self.request = self.wanted = False
        self.left_out = False  # it has ended without being kept, and what begins below it comes too late
        self.span: ReadableSpan | None = None  # while it is open

    @property
    def kept(self) -> bool:
        return (self.llm or self.wanted) and not self.left_out

    def want(self) -> None:
        """Something of LLM work began here: the requests above are wanted too."""
        self.llm = True
        self._want_requests()

    def keep(self) -> None:
        """Spans of another process will have this one as their parent."""
        if not self.kept:
            self.wanted = True
            self._want_requests()

    def _want_requests(self) -> None:
        above = self.parent
        while above is not None:
            if above.request:
                if above.wanted:
                    return
                above.wanted = True
            above = above.parent

    def kept_parent(self) -> SpanContext | None:
        """The nearest ancestor that is kept, or the parent in another process, or None."""
        at: Kin = self
        while at.parent is not None:
            at = at.parent
            if at.kept:
                return at.context
        return at.outside


class Lineage:
    """The kin of the live spans, and for a while of ended ones: a thread may outlive the request that began it."""

    def __init__(self) -> None:
        self._live: OrderedDict[int, Kin] = OrderedDict()
        self._ended: OrderedDict[int, Kin] = OrderedDict()

    def began(self, span: ReadableSpan) -> None:
        context, parent = span.context, span.parent
        above = self._find(parent)
        kin = Kin(context, above, parent if above is None and parent is not None and parent.is_remote else None)
        if is_llm(span):
            kin.want()
        elif is_request(span):
            kin.request = True
        if context is not None:
            kin.span = span
            self._live[context.span_id] = kin
            if len(self._live) > MOST_OPEN:
                forget_oldest(self._live)

    def ended(self, span: ReadableSpan) -> Kin | None:
        """The span's kin, None for a span that began before this process was connected."""
        if span.context is None:
            return None
        kin = self._live.get(span.context.span_id)
        if kin is None:
            return None
        self._ended[span.context.span_id] = kin  # first: a thread that begins a span below it finds it in one of both
        self._live.pop(span.context.span_id, None)
        kin.span = None
        if not kin.llm and is_llm(span):
            kin.want()
        kin.left_out = not kin.kept
        if len(self._ended) > REMEMBERED:
            forget_oldest(self._ended)
        return kin

    def open(self) -> list[Kin]:
        """The kin of all spans that are open now, in the order in which they began."""
        try:
            return list(self._live.values())
        except RuntimeError:  # a span has ended in garbage collection, which the list has set off
            return []

    def keep(self, context: SpanContext) -> None:
        """Keep a span of this process whatever it is."""
        kin = self._find(context)
        if kin is not None:
            kin.keep()

    def _find(self, context: SpanContext | None) -> Kin | None:
        if context is None:
            return None
        return self._live.get(context.span_id) or self._ended.get(context.span_id)


def forget_oldest(known: OrderedDict[int, Any]) -> None:
    """Take the first entry away, unless another thread has emptied `known` in the meantime."""
    try:
        known.popitem(last=False)
    except KeyError:
        return


def adopted(span: EndedSpan, kin: Kin | None) -> EndedSpan:
    """`span` with its nearest kept ancestor as parent, for who gets none of the spans in between."""
    parent = span.parent if kin is None else kin.kept_parent()
    if _ids(parent) == _ids(span.parent):
        return span
    if parent is not None:  # without its trace's state, which no filter has seen here
        parent = SpanContext(parent.trace_id, parent.span_id, parent.is_remote, parent.trace_flags)
    return span.edited(parent=parent)


def _ids(context: SpanContext | None) -> tuple[int, int] | None:
    return None if context is None else (context.trace_id, context.span_id)


def is_llm(span: ReadableSpan) -> bool:
    """Whether the span is a call, a tool, an agent, an embedding, or a job's publish or run."""
    if span.kind is SpanKind.PRODUCER or span.kind is SpanKind.CONSUMER:
        return True
    scope = span.instrumentation_scope
    if scope is not None and scope.name == OWN_SCOPE:
        return True
    known = bare(span._attributes) or {}  # to ask the SDK's own for a name that it has not costs an exception
    return any(name in known for name in LLM_SIGNS)


def is_request(span: ReadableSpan) -> bool:
    """Whether the span is that of a request, also one below another server span."""
    if span.kind is SpanKind.SERVER:
        return True
    scope = span.instrumentation_scope
    return span.kind is SpanKind.INTERNAL and scope is not None and scope.name.startswith(REQUEST_SCOPES)

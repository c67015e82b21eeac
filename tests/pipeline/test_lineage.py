"""An exporter with ``"SPANS": "llm"`` gets LLM work and the requests around it, in one unbroken tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from llmtrace.pipeline import lineage as lineage_module
from llmtrace.pipeline.fanout import FanOut
from llmtrace.pipeline.lineage import Kin, Lineage, is_llm
from llmtrace.tracing.content import CallContent
from llmtrace.tracing.setup import flush, get_tracer
from tests.pipeline.exporters import Kept
from tests.pipeline.making import entry, exporting

KINDS = st.sampled_from(["call", "publish", "run", "request", "query", "query"])

tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")


@dataclass
class Node:
    """A span of a made-up trace."""

    kind: str
    parent: Node | None
    span: Any = None
    children: list[Node] = field(default_factory=list)
    kin: Kin | None = None  # once it has ended
    kept: bool = False

    @property
    def llm(self) -> bool:
        return self.kind in ("call", "publish", "run")

    def has_llm_below(self) -> bool:
        return any(child.llm or child.has_llm_below() for child in self.children)

    def end(self, lineage: Lineage) -> None:
        """End it. What begins below it afterwards does not count for it any more."""
        self.kept = self.llm or (self.kind == "request" and self.has_llm_below())
        self.kin = lineage.ended(self.span)

    def kept_parent(self) -> Node | None:
        above = self.parent
        while above is not None and not above.kept:
            above = above.parent
        return above


def begun(node: Node) -> Any:
    """The node's span, begun."""
    kind = {"publish": SpanKind.PRODUCER, "run": SpanKind.CONSUMER, "request": SpanKind.SERVER}.get(node.kind)
    attributes = {"gen_ai.operation.name": "chat"} if node.kind == "call" else {}
    context = trace.set_span_in_context(node.parent.span) if node.parent else Context()
    return tracer.start_span(node.kind, context, kind or SpanKind.INTERNAL, attributes)


@given(
    shape=st.lists(st.tuples(KINDS, st.integers(0, 100), st.booleans()), min_size=1, max_size=25), order=st.randoms()
)
@settings(deadline=None)
def test_kept_spans_and_their_parents_are_those_that_a_look_at_the_whole_tree_gives(
    shape: list[tuple[str, int, bool]], order: Any
) -> None:
    """A span may begin below one that has ended: in a thread or a task that outlives its request."""
    lineage = Lineage()
    nodes: list[Node] = []
    for kind, number, one_ends in shape:
        parent = nodes[number % len(nodes)] if nodes and number % 4 else None
        node = Node(kind, parent)
        node.span = begun(node)
        if parent is not None:
            parent.children.append(node)
        lineage.began(node.span)
        nodes.append(node)
        if one_ends:
            order.choice([node for node in nodes if node.kin is None]).end(lineage)
    order.shuffle(nodes)
    for node in nodes:
        if node.kin is None:
            node.end(lineage)
    for node in nodes:
        assert node.kin is not None
        assert node.kin.kept is node.kept
        above = node.kept_parent()
        assert node.kin.kept_parent() == (above.span.context if above else None)
    assert lineage._live == {}


def test_calls_are_known_by_their_operation_or_by_an_older_name_of_it() -> None:
    for name in ("gen_ai.operation.name", "gen_ai.system", "openinference.span.kind", "llm.request.type"):
        made: Any = tracer.start_span("call", attributes={name: "chat"})
        assert is_llm(made)
    plain: Any = tracer.start_span("query", attributes={"db.system": "sqlite"})
    assert not is_llm(plain)


def test_one_that_says_late_what_it_is_is_kept_with_its_request() -> None:
    """Instrumentations of others name the operation when they end the span."""
    lineage = Lineage()
    request: Any = tracer.start_span("GET /", kind=SpanKind.SERVER)
    lineage.began(request)
    call: Any = tracer.start_span("call", trace.set_span_in_context(request))
    lineage.began(call)
    call.set_attribute("gen_ai.operation.name", "chat")
    known, around = lineage.ended(call), lineage.ended(request)
    assert known is not None
    assert around is not None
    assert known.kept
    assert around.kept


def test_a_span_that_begins_as_its_parent_ends_in_another_thread_is_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Kin | None] = []
    lineage = Lineage()
    request: Any = tracer.start_span("GET /", kind=SpanKind.SERVER)
    lineage.began(request)
    call: Any = tracer.start_span("chat", trace.set_span_in_context(request), attributes={"gen_ai.system": "x"})

    def begun_meanwhile(span: ReadableSpan) -> bool:
        monkeypatch.undo()
        lineage.began(call)
        found.append(lineage.ended(call))
        return is_llm(span)

    monkeypatch.setattr(lineage_module, "is_llm", begun_meanwhile)
    around = lineage.ended(request)
    assert around is not None
    assert around.kept
    assert found[0] is not None
    assert found[0].kept_parent() == request.context


def test_a_parent_in_another_process_stays_the_parent() -> None:
    lineage = Lineage()
    remote = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))
    around: Any = tracer.start_span("query", trace.set_span_in_context(NonRecordingSpan(remote)))
    call: Any = tracer.start_span(
        "chat", trace.set_span_in_context(around), attributes={"gen_ai.operation.name": "chat"}
    )
    lineage.began(around)
    lineage.began(call)
    known = lineage.ended(call)
    assert known is not None
    assert known.kept_parent() == remote


def test_what_is_remembered_of_ended_spans_is_bounded() -> None:
    lineage = Lineage()
    for _ in range(9000):
        made: Any = tracer.start_span("query")
        lineage.began(made)
        lineage.ended(made)
    assert len(lineage._ended) <= 8192


def test_what_is_remembered_of_spans_that_a_host_never_ends_is_bounded() -> None:
    lineage, fan = Lineage(), FanOut()
    for number in range(17_000):
        made: Any = tracer.start_span("query")
        lineage.began(made)
        fan.attach(number, CallContent())
    assert len(lineage._live) == len(fan._content) == 16_384
    last = lineage.ended(made)
    assert last is not None
    assert 16_999 in fan._content


def test_the_exporter_gets_a_tree_without_holes_and_others_get_all() -> None:
    every: list[ReadableSpan] = []
    llm: list[ReadableSpan] = []
    spans = get_tracer("tests")
    with exporting(entry("Kept", into=every), entry("Kept", "llm", into=llm, SPANS="llm")):
        with spans.start_as_current_span("GET /static", kind=SpanKind.SERVER):
            spans.start_span("query").end()
        with (
            spans.start_as_current_span("GET /", kind=SpanKind.SERVER),
            spans.start_as_current_span("view"),
            spans.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}),
            spans.start_as_current_span("http"),
        ):
            spans.start_span("execute_tool", attributes={"gen_ai.operation.name": "execute_tool"}).end()
        assert flush(10)
    assert [span.name for span in every] == ["query", "GET /static", "execute_tool", "http", "chat", "view", "GET /"]
    tool, chat, request = llm
    assert [tool.name, chat.name, request.name] == ["execute_tool", "chat", "GET /"]
    assert (tool.parent, chat.parent, request.parent) == (chat.context, request.context, None)
    assert every[4].parent == every[5].context  # the other exporter's copy keeps its own parent


def test_a_call_after_its_request_has_ended_is_below_what_the_exporter_has_got() -> None:
    """In a thread that goes on, or a task that the view has not waited for."""
    llm: list[ReadableSpan] = []
    spans = get_tracer("tests")
    with exporting(entry("Kept", into=llm, SPANS="llm")):
        for calls in (False, True):
            with spans.start_as_current_span("GET /", kind=SpanKind.SERVER) as request:
                if calls:
                    spans.start_span("first", attributes={"gen_ai.operation.name": "chat"}).end()
            below = trace.set_span_in_context(request)
            spans.start_span("late", below, attributes={"gen_ai.operation.name": "chat"}).end()
        assert flush(10)
    alone, first, request_, late = llm
    assert [span.name for span in llm] == ["late", "first", "GET /", "late"]
    assert alone.parent is None
    assert first.parent == late.parent == request_.context


def test_a_processor_without_a_queue_gets_the_same_tree() -> None:
    llm: list[ReadableSpan] = []
    processor = {
        "BACKEND": "opentelemetry.sdk.trace.export.SimpleSpanProcessor",
        "OPTIONS": {"span_exporter": Kept(llm)},
        "SPANS": "llm",
    }
    spans = get_tracer("tests")
    with (
        exporting(processor),
        spans.start_as_current_span("GET /", kind=SpanKind.SERVER),
        spans.start_as_current_span("view"),
    ):
        spans.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
    chat, request = llm
    assert (chat.parent, request.parent) == (request.context, None)

"""What a child notes of its open spans, and what its parent reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState
from opentelemetry.trace import set_span_in_context as inside

from llmtrace import semconv
from llmtrace.pipeline import slate as slate_module
from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.lineage import LLM_SIGNS
from llmtrace.pipeline.opened import BARE, Opened, read, written
from llmtrace.pipeline.slate import LARGE, QUEUES, SMALL, Slate, number_of
from llmtrace.pipeline.slates import Slates, slates
from llmtrace.tracing.setup import flush, get_tracer
from tests.interleaving import at_each_call, between_calls
from tests.pipeline.making import account, entry, exporting
from tests.waiting import until

SENDER = SpanContext(7, 5, True, TraceFlags(1), TraceState([("vendor", "x")]))
Interleaved = AbstractContextManager[None]

SENT = inside(NonRecordingSpan(SENDER), Context())


@pytest.fixture
def slate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slate]:
    """This process's own, as in a child."""
    made = Slate()
    monkeypatch.setattr(slates, "own", made)
    with exporting(entry("Kept", into=[])):
        yield made


def began(name: str, above: Span | None = None, attributes: dict[str, Any] | None = None) -> Span:
    return get_tracer("shop").start_span(name, None if above is None else inside(above), attributes=attributes)


def open_in(slate: Slate) -> list[Opened]:
    return [noted for noted in slate.noted() if noted.end is None]


def names(slate: Slate) -> list[str]:
    return [opened.name for opened in open_in(slate)]


def test_a_span_is_read_as_it_began(slate: Slate) -> None:
    attributes: dict[str, Any] = {"text": "é", "number": 1.5, "list": ["a", "b"], "yes": True}
    span = get_tracer("shop").start_span(
        "call", SENT, SpanKind.CLIENT, attributes, [Link(SENDER, {"why": "sent"})], start_time=11
    )
    (opened,) = open_in(slate)
    assert isinstance(span, ReadableSpan)
    assert (opened.name, opened.kind, opened.started_at, opened.scope) == ("call", SpanKind.CLIENT, 11, "shop")
    assert (opened.context, opened.parent) == (span.context, SENDER)
    assert opened.context.trace_state == SENDER.trace_state
    assert {**opened.attributes, "list": list(opened.attributes["list"])} == attributes
    assert [(link.context, link.attributes) for link in opened.links] == [(SENDER, {"why": "sent"})]
    span.end()
    assert names(slate) == []


def test_spans_are_read_in_the_order_in_which_they_began_whichever_ended_in_between(slate: Slate) -> None:
    first, second = began("first"), began("second")
    first.end()
    third = began("third", second)
    assert names(slate) == ["second", "third"]
    for span in (second, third):
        span.end()


def test_a_span_that_begins_below_one_that_has_ended_is_noted(slate: Slate) -> None:
    first = began("first")
    first.end()
    second = began("second", first)
    assert [(each.name, each.parent) for each in open_in(slate)] == [("second", first.get_span_context())]
    second.end()


def test_a_run_is_noted_with_the_first_span_inside(slate: Slate) -> None:
    run = get_tracer("shop").start_span("job", SENT, SpanKind.CONSUMER)
    assert (names(slate), slate.runs) == ([], True)
    call = began("call", run)
    assert names(slate) == ["job", "call"]
    call.end()
    assert names(slate) == ["job"]
    run.end()
    assert (names(slate), slate.runs) == ([], False)


def test_a_consumer_span_of_the_hosts_inside_a_run_is_a_span_like_others(slate: Slate) -> None:
    run = get_tracer("shop").start_span("job", SENT, SpanKind.CONSUMER)
    receive = get_tracer("shop").start_span("receive", Context(), SpanKind.CONSUMER)
    inner = began("inner", run)
    assert (names(slate), slate.runs) == (["job", "receive", "inner"], True)
    receive.end()
    assert (names(slate), slate.runs) == (["job", "inner"], True)
    inner.end()
    run.end()
    assert (names(slate), slate.runs) == ([], False)


def test_what_was_saved_of_one_job_is_not_said_of_the_next(slate: Slate) -> None:
    get_tracer("shop").start_span("one", SENT, SpanKind.CONSUMER).end()
    slate.save()
    assert slate.is_saved
    run = get_tracer("shop").start_span("two", SENT, SpanKind.CONSUMER)
    assert not slate.is_saved
    run.end()


def test_spans_beyond_the_large_places_are_noted_below_their_parents(slate: Slate) -> None:
    run = get_tracer("shop").start_span("job", SENT, SpanKind.CONSUMER, {"messaging.message.id": "x" * BARE})
    spans = [run]
    for number in range(3 * LARGE):  # one below the other, and beside each a leaf
        spans += [began(f"step {number}", spans[-1]), began(f"leaf {number}", spans[-1])]
        spans.pop().end()
    opened = open_in(slate)
    assert [each.name for each in opened] == ["job", *(f"step {number}" for number in range(3 * LARGE))]
    assert [each.context for each in opened] == [span.get_span_context() for span in spans]
    assert [each.parent for each in opened[1:]] == [each.context for each in opened[:-1]]
    assert opened[0].attributes == {"messaging.message.id": "x" * BARE}
    for span in reversed(spans):
        span.end()
    assert names(slate) == []


def test_a_place_is_taken_again_by_a_span_that_begins_later(slate: Slate) -> None:
    many = [began("first") for _ in range(2 * LARGE)]
    for span in many:
        span.end()
    assert flush(10)
    again = [began("second", attributes={"text": "x" * BARE}) for _ in range(LARGE)]
    assert [each.attributes for each in open_in(slate)] == [{"text": "x" * BARE}] * LARGE
    for span in again:
        span.end()


def test_the_oldest_are_forgotten_when_all_places_are_taken_and_the_run_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slate_module, "SMALL", 3)
    slate = Slate()
    monkeypatch.setattr(slates, "own", slate)
    with exporting(entry("Kept", into=[])):
        run = get_tracer("shop").start_span("job", SENT, SpanKind.CONSUMER)
        many = [began(f"span {number}", run) for number in range(LARGE + 4)]
        assert names(slate) == ["job", *(f"span {number}" for number in range(2, LARGE + 4))]
        (record,) = caplog.records
        assert record.getMessage().startswith(f"More than {LARGE + 2} spans are open")
        many[0].end()  # one that was forgotten
        assert names(slate)[:2] == ["job", "span 2"]
        for span in (*many[1:], run):
            span.end()
    assert names(slate) == []


def test_a_span_that_does_not_fit_is_noted_by_what_is_short(slate: Slate) -> None:
    span = get_tracer("shop").start_span("call", attributes={"long": "x" * 5000, "short": "x"})
    (opened,) = open_in(slate)
    assert (opened.name, opened.attributes) == ("call", {"short": "x"})
    span.end()


def test_a_span_that_does_not_fit_a_small_place_is_noted_by_what_its_trace_needs(slate: Slate) -> None:
    many = [began("span") for _ in range(LARGE)]
    attributes = {"text": "x" * BARE, semconv.OPERATION: "chat"}
    span = get_tracer("llmtrace").start_span("chat " + "é" * 100, SENT, SpanKind.CLIENT, attributes, start_time=11)
    opened = open_in(slate)[-1]
    assert (opened.name, opened.kind, opened.started_at) == ("chat " + "é" * 13, SpanKind.CLIENT, 11)
    assert (opened.scope, opened.attributes) == ("llmtrace", {semconv.OPERATION: "chat"})
    assert (opened.context, opened.parent) == (_stateless(span.get_span_context()), _stateless(SENDER))
    for each in (span, *many):
        each.end()


def _stateless(context: SpanContext) -> SpanContext:
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


@given(
    name=st.text(max_size=200),
    scope=st.text(max_size=200),
    ids=st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1)),
    kind=st.sampled_from(SpanKind),
    started_at=st.integers(0, 2**64 - 1),
    attributes=st.dictionaries(st.sampled_from([*LLM_SIGNS, "text"]), st.text(max_size=200)),
)
def test_every_span_fits_a_small_place(
    name: str,
    scope: str,
    ids: tuple[int, int, int],
    kind: SpanKind,
    started_at: int,
    attributes: dict[str, str],
) -> None:
    state = TraceState([("vendor", "x" * 200)])
    context = SpanContext(ids[0], ids[1], False, TraceFlags(1), state)
    parent = SpanContext(ids[0], ids[2], True, TraceFlags(1), state)
    provenance = InstrumentationScope(scope, "1" * 200)
    span = ReadableSpan(
        name, context, parent, attributes=attributes, kind=kind, start_time=started_at, instrumentation_scope=provenance
    )
    noted = written(span, context, BARE)
    assert len(noted) <= BARE
    opened = read(7, noted)
    assert (opened.context, opened.parent) == (_stateless(context), _stateless(parent))
    assert (opened.number, opened.kind, opened.started_at) == (7, kind, started_at)


def test_what_does_not_fit_by_its_many_attributes_is_noted_without_them(slate: Slate) -> None:
    span = began("call", attributes={f"number {number}": f"{number}" + "😀" * 60 for number in range(24)})
    (opened,) = open_in(slate)
    assert (opened.name, opened.attributes) == ("call", {})
    span.end()


def test_what_ends_while_it_is_read_is_left_out(slate: Slate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child has another span in its place in the meantime."""
    first, second = began("first"), began("second")
    begin = slate_module._begin

    def later(place: int) -> int:
        if slate._taken.get(first.get_span_context().span_id) == place:
            first.end()
            assert flush(10)
            began("third")
        return begin(place)

    monkeypatch.setattr(slate_module, "_begin", later)
    assert names(slate) == ["second"]
    monkeypatch.undo()
    second.end()


def test_what_cannot_be_read_is_told_and_the_rest_is_read(slate: Slate, mistakes: list[str]) -> None:
    spans = [began("first"), began("second")]
    place = slate._taken[spans[0].get_span_context().span_id]
    slate._memory[slate_module._begin(place)] = 0
    assert names(slate) == ["second"]
    assert "could not be read" in mistakes.pop()
    for span in spans:
        span.end()


def test_a_text_of_a_class_of_the_hosts_is_noted_as_a_text(slate: Slate) -> None:
    span = get_tracer("shop").start_span("call", attributes={"user.id": mark_safe("7")})
    (opened,) = open_in(slate)
    assert opened.attributes == {"user.id": "7"}
    span.end()


HELD: Any = {"QUEUE": {"delay": 60.0}}


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Slate:
    """The slate of this process, as in a child; the test says what exporters there are."""
    made = Slate()
    monkeypatch.setattr(slates, "own", made)
    return made


def ended_in(slate: Slate, *exporters: str) -> dict[str, set[str]]:
    """By name the spans that have ended and are not settled, each with those of the exporters that lack it."""
    return {
        noted.name: {name for name in exporters if noted.end.lacking is None or number_of(name) in noted.end.lacking}
        for noted in slate.noted()
        if noted.end is not None
    }


def test_a_span_that_has_ended_is_noted_with_its_end_until_it_is_exported(child: Slate) -> None:
    with exporting(entry("Kept", into=[], **HELD)):
        for number, status in enumerate((StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR)):
            span = get_tracer("shop").start_span(f"span {number}", start_time=11)
            span.set_status(status)
            span.end(13 + number)
        noted = [(each.name, each.end and each.end[:2]) for each in child.noted()]
        assert noted == [("span 0", (13, False)), ("span 1", (14, False)), ("span 2", (15, True))]
        assert flush(10)
        assert child.is_empty
        assert child.noted() == []


def settle_meanwhile(slate: Slate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all that has ended settled between looking for places and reading them."""
    found = slate._places

    def settled_by_then() -> list[int]:
        places = list(found())
        assert flush(10)
        return places

    monkeypatch.setattr(slate, "_places", settled_by_then)


def test_a_span_that_is_settled_while_it_is_looked_for_is_passed_over(
    child: Slate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with exporting(entry("Kept", into=[], **HELD)):
        open_ = began("open")
        began("settled").end()
        settle_meanwhile(child, monkeypatch)
        assert [noted.name for noted in child.noted()] == ["open"]
        open_.end()


def test_a_span_that_is_settled_and_has_its_place_still_is_passed_over(
    child: Slate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_give_back", lambda: None)
    with exporting(entry("Kept", into=[], **HELD)):
        began("settled").end()
        settle_meanwhile(child, monkeypatch)
        assert child.noted() == []


def test_spans_that_threads_begin_at_once_are_all_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(interleaved: Interleaved) -> None:
        slate = Slate()
        monkeypatch.setattr(slates, "own", slate)
        spans = [began("one of many") for _ in range(LARGE)]
        with interleaved:
            spans.append(began("last"))
        spans += meanwhile
        assert len(open_in(slate)) == len(spans)
        for span in spans:
            span.end()
        meanwhile.clear()

    meanwhile: list[Span] = []
    with exporting(entry("Kept", into=[])):
        assert at_each_call("slate.py", tried, lambda: meanwhile.append(began("meanwhile"))) > 5


@pytest.mark.parametrize("ends", [False, True])
def test_a_run_is_noted_once_when_a_thread_begins_a_span_or_ends_it_at_once(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(interleaved: Interleaved) -> None:
        slate = Slate()
        monkeypatch.setattr(slates, "own", slate)
        run = get_tracer("shop").start_span("job", SENT, SpanKind.CONSUMER)
        spans[:] = [run]
        with interleaved:
            spans.append(began("first", run))
        assert sorted(names(slate)) == sorted(each.name for each in spans if each.is_recording())
        for each in spans:
            if each.is_recording():
                each.end()
        assert names(slate) == []

    def meanwhile() -> None:
        spans[0].end() if ends else spans.append(began("meanwhile", spans[0]))

    spans: list[Any] = []
    with exporting(entry("Kept", into=[])):
        assert at_each_call("slate.py", tried, meanwhile) > 5


def test_a_run_that_has_ended_is_noted_beside_the_next_one(child: Slate) -> None:
    with exporting(entry("Kept", into=[], **HELD)):
        for number in range(2):
            run = get_tracer("shop").start_span(f"job {number}", SENT, SpanKind.CONSUMER)
            began(f"call {number}", run).end()
            run.end()
        assert list(ended_in(child)) == ["job 0", "call 0", "job 1", "call 1"]
        assert flush(10)
        assert child.is_empty


def test_each_exporter_settles_a_span_by_itself(child: Slate) -> None:
    gate = threading.Event()
    slow = entry("Hanging", gate=gate, QUEUE={"delay": 0.0, "spool": False})
    with exporting(entry("Kept", into=[], QUEUE={"delay": 0.0}), slow):
        began("first").end()
        until(lambda: ended_in(child, "Kept", "Hanging") == {"first": {"Hanging"}}, "one has it")
        gate.set()
        until(lambda: child.is_empty, "both have it")


def test_what_an_exporter_does_not_get_is_not_waited_for(child: Slate) -> None:
    """It leaves out the first, has no room for the third, and another leaves the host's spans out."""
    bounds = {"size": 1, "delay": 60.0, "batch": 2}
    with exporting(entry("Kept", into=[], SAMPLE=0.0, **HELD), entry("Kept", "Full", into=[], QUEUE=bounds)):
        get_tracer("shop").start_span("first").end()
        get_tracer("shop").start_span("second").end()
        assert ended_in(child, "Kept", "Full") == {"first": {"Full"}, "second": {"Full"}}
        assert flush(10)
        assert child.is_empty


def test_what_is_on_disk_is_settled(child: Slate, tmp_path: Path) -> None:
    durable = entry("Away", QUEUE={"durable": True, "delay": 60.0})
    late = entry("Away", "Late", QUEUE={"delay": 60.0})
    with exporting(durable, late, SPOOL={"DIRECTORY": str(tmp_path)}):
        began("first").end()
        assert ended_in(child, "Away", "Late") == {"first": {"Late"}}
        fanout.save()
        assert child.is_empty
        assert account("Late").waiting == 1


def test_what_the_settings_replace_is_settled_and_what_follows_is_noted(child: Slate) -> None:
    for number in range(3 * QUEUES):
        names = ("Kept", f"Other {number}")
        with exporting(*(entry("Kept", name, into=[], **HELD) for name in names)):
            for each in range(number):
                began(f"span {each}").end()
            began("last").end()
            assert ended_in(child, *names, f"Other {number - 1}")["last"] == set(names)
        assert child.is_empty


def test_an_exporter_beyond_those_that_are_followed_is_not_waited_for(child: Slate) -> None:
    names = [f"Kept {number}" for number in range(QUEUES + 1)]
    with exporting(*(entry("Kept", name, into=[], **HELD) for name in names)):
        began("first").end()
        assert ended_in(child, *names) == {"first": set(names[:-1])}


def test_without_exporters_nothing_is_kept_that_has_ended(child: Slate) -> None:
    with exporting():
        open_ = began("open")
        began("first").end()
        assert [noted.name for noted in child.noted()] == ["open"]
        open_.end()


def test_a_processor_that_ends_the_process_leaves_nothing_behind(child: Slate) -> None:
    """An exit in the middle of the end of a span: the span has ended for all that come before it."""
    with exporting(entry("Kept", into=[], **HELD), entry("Exiting")):
        with pytest.raises(SystemExit):
            began("first").end()
        assert flush(10)
        assert child.is_empty


def test_spans_that_have_ended_make_room_before_those_that_are_open(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slate_module, "SMALL", 3)
    made = Slate()
    monkeypatch.setattr(slates, "own", made)
    with exporting(entry("Kept", into=[], **HELD)):
        first = began("first")
        for number in range(2 * LARGE):
            began(f"span {number}", first).end()
        assert names(made) == ["first"]
        assert list(ended_in(made)) == [f"span {number}" for number in range(2 * LARGE - LARGE - 2, 2 * LARGE)]
        first.end()
        assert flush(10)
        assert made.is_empty
    assert caplog.records == []


def test_spans_that_begin_and_end_in_many_threads_are_all_settled(child: Slate) -> None:
    def work() -> None:
        for number in range(500):
            outer = began(f"outer {number}")
            began("inner", outer).end()
            outer.end()

    with exporting(*(entry("Kept", name, into=[], QUEUE={"delay": 0.0, "size": 9000}) for name in ("A", "B"))):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert flush(20)
        assert (child.noted(), child.is_empty) == ([], True)
        free = len(child._large) + len(child._small) + len([*child._untouched])
        assert free == LARGE + SMALL


def test_a_span_whose_end_is_no_number_is_exported_all_the_same(child: Slate, mistakes: list[str]) -> None:
    into: list[ReadableSpan] = []
    with exporting(entry("Kept", into=into)):
        made: Any = began("first")
        made.end(1.5)
        assert "could not be noted" in mistakes.pop()
        assert child.is_empty
        assert flush(10)
    assert [span.name for span in into] == ["first"]


def test_what_nobody_samples_is_not_noted() -> None:
    slate = Slate()
    span = TracerProvider(ALWAYS_OFF).get_tracer("shop").start_span("call")
    assert not isinstance(span, ReadableSpan)
    assert slate.is_empty


def test_children_that_threads_fork_at_once_have_a_slate_each() -> None:
    """Each thread's fork comes in the middle of the other's."""
    known = Slates()
    known.watch()
    turns = [known.before_fork, known.after_fork_in_parent]
    with ThreadPoolExecutor(1) as other:
        for turn in turns:
            turn()
            other.submit(turn).result()
        assert len(known._children) == 2
        known.before_fork()
        mine = next(reversed(known._next.values()))
        other.submit(known.before_fork).result()
        known.after_fork_in_child()
    assert known.own is mine


def test_a_child_is_found_while_a_thread_forks_another() -> None:
    known = Slates()
    known.watch()

    def fork() -> None:
        known.before_fork()
        known.after_fork_in_parent()

    for _ in range(3):
        fork()
    wanted = known._children[0]
    wanted.begin(os.getpid())
    with between_calls("slates.py", fork):
        assert known.of(os.getpid()) is wanted
        assert known.gone() == []
    assert len(known._children) > 5

"""Pipes are replaced at run time, and no span is lost or sent twice on the way."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

from llmtrace import trace_attributes
from llmtrace.pipeline.build import build
from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.queue import Item
from llmtrace.tracing.content import CallContent
from llmtrace.tracing.setup import flush, get_tracer
from tests.pipeline.making import account, balanced, entry, exporting, span
from tests.waiting import until


def test_each_span_goes_to_the_exporters_of_the_settings_that_it_ended_under() -> None:
    outer: list[ReadableSpan] = []
    inner: list[ReadableSpan] = []
    with exporting(entry("Kept", into=outer)):
        span("before")
        with exporting(entry("Kept", into=inner)):
            span("inside")
            began_inside = get_tracer().start_span("began inside")
        began_inside.end()
        span("after")
        assert flush(10)
    assert [each.name for each in outer] == ["before", "began inside", "after"]
    assert [each.name for each in inner] == ["inside"]


def test_nothing_is_recorded_while_it_is_switched_off() -> None:
    kept: list[ReadableSpan] = []
    with exporting(entry("Kept", into=kept)):
        with exporting(entry("Kept", into=kept), ENABLED=False):
            off = span("off")
            assert not off.get_span_context().is_valid
        span("on")
        assert flush(10)
    assert [each.name for each in kept] == ["on"]


def test_threads_that_go_on_making_spans_lose_none() -> None:
    kept: list[ReadableSpan] = []
    threads_count, spans_each, swaps = 4, 1500, 0

    def make(number: int) -> None:
        for index in range(spans_each):
            span(f"{number}.{index}")

    patient = {"REDACT": False, "EXIT_TIMEOUT": 30.0}
    with exporting(entry("Kept", into=kept), **patient):
        threads = [threading.Thread(target=make, args=(number,)) for number in range(threads_count)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            with exporting(entry("Kept", into=kept, QUEUE={"batch": 7, "delay": 0}), **patient):
                span("swapped")
            swaps += 1
        assert flush(20)
    exported = Counter(each.name for each in kept)
    assert exported.pop("swapped") == swaps
    assert len(exported) == threads_count * spans_each
    assert set(exported.values()) == {1}


def test_a_span_that_ends_in_the_middle_of_making_the_exporters_reaches_them_all() -> None:
    """In a signal's handler, in garbage collection, or in an exporter that traces what it does when it is made."""
    one: list[ReadableSpan] = []
    other: list[ReadableSpan] = []
    eventful = entry("Eventful", act=lambda: span("in the middle", SpanKind.CONSUMER))
    with exporting(entry("Kept", "one", into=one), eventful, entry("Kept", "other", into=other, SPANS="llm")):
        span("the first")
        assert flush(10)
        numbers = account("one")
    assert sorted(each.name for each in one) == ["in the middle", "the first"]
    assert [each.name for each in other] == ["in the middle"]
    assert (numbers.ended, numbers.sent) == (2, 2)


def test_what_is_put_into_a_closed_pipe_goes_to_its_successor() -> None:
    kept: list[ReadableSpan] = []
    late = span("late")
    assert isinstance(late, ReadableSpan)
    with exporting(entry("Kept", into=kept)):
        span("first")
        (closed,) = fanout.pipes()
        fanout.close()
        fanout._put(closed, Item(late, None, None))  # by a thread that was held up between looking and putting
        assert flush(10)
        assert account("Kept").sent == 1
        assert (closed.account().ended, closed.account().dropped) == (1, {})
        assert balanced(closed.account())
    assert [each.name for each in kept] == ["first", "late"]


def test_what_is_put_into_a_pipe_whose_successor_is_closed_as_well_goes_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[ReadableSpan] = []
    late = span("late")
    assert isinstance(late, ReadableSpan)
    with exporting(entry("Kept", into=kept)):
        (closed,) = fanout.pipes()
        fanout.close()
        (successor,) = fanout.pipes()
        put = successor.put

        def closed_meanwhile(item: Item) -> bool:
            fanout.close()
            return put(item)

        monkeypatch.setattr(successor, "put", closed_meanwhile)
        fanout._put(closed, Item(late, None, None))
        assert flush(10)
        assert account("Kept").sent == 1
    assert [each.name for each in kept] == ["late"]
    assert closed.account().ended == successor.account().ended == 0


def test_what_is_put_into_a_closed_pipe_while_another_thread_makes_its_successor_is_not_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other thread is done with what ended in the middle of the making when this one hears of the making."""
    kept: list[ReadableSpan] = []
    late = span("late")
    assert isinstance(late, ReadableSpan)
    making, go_on, looked = threading.Event(), threading.Event(), list[bool]()
    pipes_of = fanout.pipes

    def held_up(config: Any) -> Any:
        making.set()
        assert go_on.wait(10)
        return build(config)

    def made_anew_meanwhile() -> Any:
        found = pipes_of() if not looked else None
        if found is not None:
            looked.append(True)
            fanout.close()
            monkeypatch.setattr("llmtrace.pipeline.pipes.build", held_up)
            threads.append(threading.Thread(target=pipes_of))
            threads[0].start()
            assert making.wait(10)
            return found
        done()
        return pipes_of()

    def done() -> None:
        go_on.set()
        threads[0].join(10)

    class Early(deque[Any]):
        def append(self, item: Any) -> None:
            done()
            super().append(item)

    threads: list[threading.Thread] = []
    with exporting(entry("Kept", into=kept)):
        (closed,) = fanout.pipes()
        fanout.close()
        monkeypatch.setattr(fanout, "pipes", made_anew_meanwhile)
        monkeypatch.setattr(fanout, "_early", Early())
        fanout._put(closed, Item(late, None, None))
        assert flush(10)
        assert [each.name for each in kept] == ["late"]
    assert not fanout._early


def test_the_numbers_are_known_while_a_child_takes_its_exporters_over(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    with exporting(entry("Kept", into=[])):
        fanout.pipes()
        monkeypatch.setattr(fanout, "_sweep", lambda pipes: seen.append(set(fanout.accounts())))
        fanout.after_fork()
        fanout.pipes()
    assert seen == [{"Kept"}]


def test_what_is_put_into_a_closed_pipe_without_a_successor_is_counted() -> None:
    late = span("late")
    assert isinstance(late, ReadableSpan)
    with exporting(entry("Kept", into=[])):
        (closed,) = fanout.pipes()
    with exporting(entry("Kept", "another", into=[])):
        fanout._put(closed, Item(late, None, None))
        assert closed.account().dropped == {"no longer in the settings": 1}
        assert balanced(closed.account())
        assert account("another").ended == 0


def test_what_waits_on_disk_when_a_test_is_over_is_there_for_the_next_that_has_the_folder(tmp_path: Path) -> None:
    kept: list[ReadableSpan] = []
    spool = {"DIRECTORY": str(tmp_path)}
    with exporting(entry("Away", "backend"), SPOOL=spool, EXIT_TIMEOUT=30.0):
        span("one")
        assert flush(10)
        before = time.monotonic()
    assert time.monotonic() - before < 10
    closed = account("backend")
    assert (closed.ended, closed.waiting, closed.spooled, closed.dropped) == (1, 1, 1, {})
    with exporting(entry("Kept", "another", into=kept), SPOOL=spool):
        fanout.pipes()
    with exporting(entry("Kept", "backend", into=kept), SPOOL=spool):
        fanout.pipes()
        until(lambda: [each.name for each in kept] == ["one"], "it is sent")
    assert list(tmp_path.glob("*.spool")) == []


def test_what_a_test_takes_over_in_an_outer_one_is_sent_once(tmp_path: Path) -> None:
    kept: list[ReadableSpan] = []
    spool = {"DIRECTORY": str(tmp_path)}
    with exporting(entry("Away", "backend"), SPOOL=spool):
        span("outer")
        assert flush(10)
        with exporting(entry("Away", "backend"), SPOOL=spool):
            span("inner")
            assert flush(10)
        span("outer again")
        assert flush(10)
    with exporting(entry("Kept", "backend", into=kept), SPOOL=spool):
        fanout.pipes()
        until(lambda: not list(tmp_path.glob("*.spool")), "all is sent")
    assert sorted(each.name for each in kept) == ["inner", "outer", "outer again"]


@pytest.mark.parametrize("spooled", [False, True])
def test_a_test_that_deletes_its_folder_is_told_what_went_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spooled: bool
) -> None:
    """Without a folder nothing is kept for other tests."""
    folder = tmp_path / "spool"
    settings: dict[str, Any] = {"SPOOL": {"DIRECTORY": str(folder)}} if spooled else {}
    with exporting(entry("Away", "backend"), **{"EXIT_TIMEOUT": 0.3, **settings}):
        span("one")
        if spooled:
            assert flush(10)
            shutil.rmtree(folder)
    closed = account("backend")
    reason = "deleted in the spool" if spooled else "not sent before the process ended"
    assert (closed.waiting, closed.dropped) == (0, {reason: 1})
    assert [record for record in caplog.records if record.levelname == "ERROR" and "backend" in record.getMessage()]


class RecordOnly(Sampler):
    """Records what is not to be exported."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return SamplingResult(Decision.RECORD_ONLY)

    def get_description(self) -> str:
        return "RecordOnly"


def test_spans_that_nobody_gets_leave_nothing_behind() -> None:
    kept: list[ReadableSpan] = []
    provider = TracerProvider(sampler=RecordOnly(), shutdown_on_exit=False)
    provider.add_span_processor(fanout)
    tracer = provider.get_tracer("tests")
    with exporting(entry("Kept", into=kept)):
        fanout.pipes()
        live = len(fanout._lineage._live)
        for number in range(10):
            recorded = tracer.start_span(f"span {number}")
            assert recorded.is_recording()
            fanout.attach(recorded.get_span_context().span_id, CallContent())
            recorded.end()
        assert flush(10)
        assert len(fanout._lineage._live) == live
        assert fanout._content == {}
    assert kept == []


def test_trace_attributes_mark_spans_also_where_only_the_host_exports() -> None:
    with exporting(), trace_attributes(user_id=7):
        marked: Any = trace.get_tracer("a.library").start_span("query")
        marked.end()
    assert marked.attributes["user.id"] == "7"
    with exporting(ENABLED=False), trace_attributes(user_id=7):
        unmarked: Any = trace.get_tracer("a.library").start_span("query")
        unmarked.end()
    assert "user.id" not in unmarked.attributes

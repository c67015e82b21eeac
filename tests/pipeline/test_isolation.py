"""What happens in the pipe of one exporter reaches neither another nor the host, and is counted and told once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.tracing.setup import flush
from tests.pipeline.exporters import Hanging
from tests.pipeline.making import account, balanced, entry, exporting, span
from tests.waiting import until


def names(spans: list[ReadableSpan]) -> list[str]:
    return [each.name for each in spans]


def lines(caplog: pytest.LogCaptureFixture, words: str) -> int:
    """How many lines of the log hold these words."""
    return sum(words in record.getMessage() for record in caplog.records)


def test_an_exporter_that_hangs_holds_up_nobody() -> None:
    kept: list[ReadableSpan] = []
    gate = threading.Event()
    with exporting(entry("Hanging", gate=gate), entry("Kept", into=kept)):
        before = time.monotonic()
        for number in range(50):
            span(f"span {number}")
        assert time.monotonic() - before < 5
        assert not flush(0.2)
        until(lambda: account("Kept").sent == 50, "the other exporter has all")
        assert names(kept) == [f"span {number}" for number in range(50)]
        assert account("Hanging").waiting == 50
        gate.set()
        assert flush(10)
        assert account("Hanging").sent == 50


def test_a_process_does_not_wait_longer_for_one_that_hangs_than_it_may(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()
    with exporting(entry("Hanging", gate=gate, QUEUE={"batch": 1}), EXIT_TIMEOUT=0.3):
        span("in flight")
        span("waiting")
        until(lambda: account("Hanging").waiting == 2, "both have ended")
        before = time.monotonic()
    assert 0.2 < time.monotonic() - before < 5
    gate.set()
    assert lines(caplog, "did not send") == 1


def test_a_pipe_that_is_closed_leaves_no_thread_behind() -> None:
    for _ in range(5):
        with exporting(entry("Kept", "threaded", into=[])):
            span("one")
            assert flush(10)
        with exporting(entry("Kept", "threaded", into=[])):
            span("two")
    until(lambda: "llmtrace-threaded" not in {thread.name for thread in threading.enumerate()}, "all have ended")


def test_an_exporter_that_raises_is_tried_again_until_it_works(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[ReadableSpan] = []
    tries: list[int] = []

    def act(spans: Sequence[ReadableSpan]) -> Any:
        tries.append(len(spans))
        if len(tries) < 3:
            raise ConnectionError("refused")
        kept.extend(spans)

    with exporting(entry("Scripted", act=act)):
        span("one")
        assert flush(10)
        numbers = account("Scripted")
    assert names(kept) == ["one"]
    assert (numbers.ended, numbers.sent, numbers.last_error) == (1, 1, "ConnectionError was raised by the exporter")
    assert lines(caplog, "fails and is tried again") == 1
    assert balanced(numbers)


def test_what_an_exporter_of_ours_says_is_counted_by_reason(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Any] = [RetryLater("the database is locked"), Exported(1, {"too large": 2})]

    def act(spans: Sequence[ReadableSpan]) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with exporting(entry("Scripted", act=act)):
        for number in range(3):
            span(f"span {number}")
        assert flush(10)
        numbers = account("Scripted")
    assert (numbers.sent, numbers.dropped, numbers.last_error) == (1, {"too large": 2}, "the database is locked")
    assert balanced(numbers)
    assert lines(caplog, "refused 2 spans: too large") == 1


def test_what_it_says_nothing_of_is_counted_as_that() -> None:
    with exporting(entry("Scripted", act=lambda spans: Exported(1, {"too large": 1}))):
        for number in range(3):
            span(f"span {number}")
        assert flush(10)
        numbers = account("Scripted")
    assert (numbers.sent, numbers.waiting) == (1, 0)
    assert numbers.dropped == {"too large": 1, "the exporter did not say what became of them": 1}


@pytest.mark.parametrize(
    ("answer", "shown"), [(None, "None"), (object(), "an object of object")], ids=["None", "object"]
)
def test_an_answer_that_is_none_counts_as_yes_and_is_told_once(
    caplog: pytest.LogCaptureFixture, answer: Any, shown: str
) -> None:
    with exporting(entry("Answering", answers=[answer, answer])):
        for name in ("one", "two"):
            span(name)
            assert flush(10)
        numbers = account("Answering")
    assert (numbers.ended, numbers.sent, numbers.dropped) == (2, 2, {})
    assert lines(caplog, f"Answering.export returned {shown} in place of a SpanExportResult") == 1


@pytest.mark.parametrize("answer", [Exported(3), Exported(2, {"too large": 2}), Exported(-1), Exported(1, {"x": None})])  # type: ignore[dict-item]
def test_an_answer_that_does_not_add_up_invents_no_span(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with exporting(entry("Answering", answers=[answer]), EXIT_TIMEOUT=0.3):
        span("one")
        span("two")
        assert flush(10)
        numbers = account("Answering")
    assert (numbers.ended, numbers.sent, numbers.dropped) == (2, 2, {})
    assert lines(caplog, "returned numbers that do not add up") == 1


def test_false_is_a_failure_and_true_is_none(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Any] = [False, False, True]
    with exporting(entry("Answering", answers=answers)):
        span("one")
        assert flush(10)
        numbers = account("Answering")
    assert answers == []
    assert (numbers.sent, numbers.last_error) == (1, "the exporter answered FAILURE")
    assert lines(caplog, "in place of a SpanExportResult") == 0


def test_one_that_always_fails_loses_its_spans_with_a_reason_when_the_process_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept: list[ReadableSpan] = []
    failing = entry("Scripted", act=lambda spans: SpanExportResult.FAILURE)
    with exporting(failing, entry("Kept", into=kept), EXIT_TIMEOUT=0.3):
        span("one")
    assert names(kept) == ["one"]
    assert lines(caplog, "dropped 1 spans: not sent before the process ended") == 1


def test_one_that_cannot_be_made_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[ReadableSpan] = []
    with exporting(entry("Unmakeable"), entry("Kept", into=kept), EXIT_TIMEOUT=0.3):
        for number in range(3):
            span(f"span {number}")
        until(lambda: len(kept) == 3, "the other exporter has them")
        until(lambda: account("Unmakeable").last_error, "the failure is noted")
        assert account("Unmakeable").last_error == "OSError was raised by the exporter"
    assert lines(caplog, "Unmakeable fails and is tried again") == 1


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError, GeneratorExit])
def test_one_that_exits_is_tried_again_like_one_that_raises(
    kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[ReadableSpan] = []
    mistakes = [kind()]

    def act(spans: Sequence[ReadableSpan]) -> Any:
        if mistakes:
            raise mistakes.pop()
        kept.extend(spans)

    with exporting(entry("Scripted", act=act)):
        span("first")
        span("second")
        assert flush(10)
        numbers = account("Scripted")
    assert names(kept) == ["first", "second"]
    assert (numbers.sent, numbers.dropped) == (2, {})
    assert numbers.last_error == f"{kind.__qualname__} was raised by the exporter"
    assert lines(caplog, "fails and is tried again") == 1


def test_one_that_asks_for_a_flush_while_it_exports_gets_on() -> None:
    exported: list[str] = []
    with exporting(entry("Flushing", into=exported)):
        for name in ("one", "two"):
            span(name)
            assert flush(10)
    assert exported == ["one", "two"]


def test_a_full_queue_keeps_what_is_in_it_and_counts_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[ReadableSpan] = []
    gate = threading.Event()
    began = threading.Event()

    def act(spans: Sequence[ReadableSpan]) -> Any:
        began.set()
        gate.wait(30)
        kept.extend(spans)

    with exporting(entry("Scripted", act=act, QUEUE={"size": 3, "batch": 1, "delay": 0})):
        span("in flight")
        assert began.wait(10)
        for number in range(10):
            span(f"span {number}")
        numbers = account("Scripted")
        assert (numbers.ended, numbers.waiting, numbers.dropped) == (11, 4, {"queue full": 7})
        assert balanced(numbers)
        gate.set()
        assert flush(10)
    assert names(kept) == ["in flight", "span 0", "span 1", "span 2"]
    assert lines(caplog, "is full") == 1


def test_a_flush_waits_for_what_was_there_and_not_for_as_many_that_were_dropped() -> None:
    gate, began = threading.Event(), threading.Event()

    def act(spans: Sequence[ReadableSpan]) -> None:
        began.set()
        gate.wait(30)

    with exporting(entry("Scripted", act=act, QUEUE={"size": 1, "batch": 1, "delay": 0})):
        span("in flight")
        assert began.wait(10)
        for number in range(10):
            span(f"span {number}")
        assert not flush(0.05)
        gate.set()
        assert flush(10)
        assert account("Scripted").sent == 2


def test_filters_of_all_and_of_one_change_leave_out_and_fail_closed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.pipeline.filtering._reported", set())
    plain: list[ReadableSpan] = []
    filtered: list[ReadableSpan] = []
    own = [{"BACKEND": "tests.pipeline.exporters.without_secret"}]
    with exporting(entry("Kept", into=plain), entry("Kept", "filtered", into=filtered, FILTERS=own)):
        for name in ("left out", "unreadable", "unreadable", "good"):
            span(name)
        assert flush(10)
        numbers = account("filtered")
    assert names(plain) == ["left out", "unreadable", "unreadable", "good"]
    assert names(filtered) == ["good (filtered)"]
    assert numbers.dropped == {"left out by a filter": 1, "filter raised": 2}
    assert numbers.failed_closed == 2
    assert balanced(numbers)
    assert lines(caplog, "without_secret raised ValueError") == 1
    assert "a filter's own mistake" not in caplog.text


def test_a_filter_that_exits_takes_no_other_span_along(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.pipeline.filtering._reported", set())
    kept: list[ReadableSpan] = []
    own = [{"BACKEND": "tests.pipeline.exporters.without_secret"}]
    with exporting(entry("Kept", into=kept, FILTERS=own)):
        for name in ("one", "fatal", "fatal", "two"):
            span(name)
        assert flush(10)
        numbers = account("Kept")
    assert names(kept) == ["one (filtered)", "two (filtered)"]
    assert (numbers.dropped, numbers.failed_closed, numbers.waiting) == ({"filter raised": 2}, 2, 0)
    assert lines(caplog, "without_secret raised SystemExit") == 1


@pytest.mark.parametrize("kind", ["durable", "processor"])
def test_what_ends_a_thread_of_the_hosts_passes_and_the_span_is_counted(tmp_path: Path, kind: str) -> None:
    """A time limit of the host's, such as gevent's, can be up while a filter runs on its path."""
    own = [{"BACKEND": "tests.pipeline.exporters.without_secret"}]
    durable = entry("Kept", "it", into=[], FILTERS=own, QUEUE={"durable": True})
    to = durable if kind == "durable" else entry("Processor", "it", told=[], FILTERS=own)
    with exporting(to, SPOOL={"DIRECTORY": str(tmp_path)}):
        with pytest.raises(SystemExit):
            span("fatal")
        numbers = account("it")
    assert (numbers.ended, numbers.waiting, sum(numbers.dropped.values())) == (1, 0, 1)


def test_without_a_filter_that_cannot_be_made_nothing_is_exported(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[ReadableSpan] = []
    filters = [{"BACKEND": "tests.pipeline.exporters.Unmakeable"}]
    with exporting(entry("Kept", into=kept), FILTERS=filters):
        span("secret")
        assert flush(10)
    assert kept == []
    assert "FILTERS" in caplog.text


@pytest.mark.parametrize("raising", [False, True])
def test_a_span_processor_is_told_of_live_spans_and_its_mistakes_stay_its_own(
    caplog: pytest.LogCaptureFixture, *, raising: bool
) -> None:
    kept: list[ReadableSpan] = []
    told: list[tuple[str, str]] = []
    with exporting(entry("Processor", told=told, raising=raising), entry("Kept", into=kept)):
        span("one")
        span("two")
        assert flush(10)
        numbers = account("Processor")
    assert names(kept) == ["one", "two"]
    assert told == [("start", "one"), ("end", "one"), ("start", "two"), ("end", "two"), ("shutdown", "")]
    assert (numbers.sent, numbers.dropped) == ((0, {"processor raised": 2}) if raising else (2, {}))
    assert balanced(numbers)
    assert lines(caplog, "The span processor Processor raised") == (1 if raising else 0)


def test_a_span_processor_that_does_not_look_at_the_time_holds_up_neither_a_flush_nor_an_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate, told, kept = threading.Event(), list[str](), list[ReadableSpan]()
    with exporting(entry("Deaf", gate=gate, told=told), entry("Kept", into=kept), EXIT_TIMEOUT=0.2):
        span("one")
        before = time.monotonic()
        assert not flush(0.1)
        assert not flush(0.1)
        until(lambda: names(kept) == ["one"] and "flush" in told, "the other exporter has it, and this one is asked")
    assert time.monotonic() - before < 5
    assert told == ["one", "flush"], "one thread at most waits for it"
    assert lines(caplog, "Deaf was not closed in time") == 1
    with exporting(entry("Deaf", gate=gate, told=told)):
        span("two")
        gate.set()
        assert flush(10)
    assert told == ["one", "flush", "two", "flush", "flush", "shutdown"]


def test_a_span_processor_that_exits_when_it_is_flushed_is_told_of_and_shut_down(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(*_: object) -> bool:
        raise SystemExit(3)

    monkeypatch.setattr("tests.pipeline.exporters.Deaf.force_flush", leave)
    told = list[str]()
    with exporting(entry("Deaf", gate=threading.Event(), told=told)):
        span("one")
    assert told == ["one", "shutdown"]
    assert lines(caplog, "Deaf raised when it was flushed") == 1
    assert lines(caplog, "not closed in time") == 0


def test_the_batch_processor_of_opentelemetry_is_held_to_the_time_too() -> None:
    """It ignores the time that it is given."""
    gate = threading.Event()
    batching = {
        "NAME": "batching",
        "BACKEND": "opentelemetry.sdk.trace.export.BatchSpanProcessor",
        "OPTIONS": {"span_exporter": Hanging(gate)},
    }
    with exporting(batching, EXIT_TIMEOUT=0.2):
        span("one")
        before = time.monotonic()
        assert not flush(0.1)
    assert time.monotonic() - before < 5
    gate.set()


def test_a_share_is_taken_by_trace_so_that_traces_stay_whole() -> None:
    shared: dict[str, list[ReadableSpan]] = {"half": [], "all": [], "none": []}
    entries = [
        entry("Kept", name, into=shared[name], SAMPLE=share) for name, share in (("half", 0.5), ("all", 1), ("none", 0))
    ]
    told: list[tuple[str, str]] = []
    with exporting(*entries, entry("Processor", told=told, raising=False, SAMPLE=0)):
        traces = [span(f"span {number}").get_span_context().trace_id for number in range(200)]
        assert flush(10)
        assert account("half").ended == len(shared["half"])
    chosen = {each.context.trace_id for each in shared["half"] if each.context}
    assert chosen == {trace for trace in traces if trace % (1 << 64) < 1 << 63}
    assert 50 < len(chosen) < 150
    assert (len(shared["all"]), len(shared["none"])) == (200, 0)
    assert told == [("shutdown", "")]

"""What a pipe holds when it is closed is on disk or counted, whatever its threads are busy with at that moment."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.outcome import RetryLater
from llmtrace.pipeline.segment import Segment
from llmtrace.pipeline.spool import Spool
from llmtrace.tracing.setup import flush, get_tracer
from tests.pipeline.making import account, balanced, entry, exporting, span
from tests.waiting import until

THREAD = "llmtrace-Scripted"


def away(spans: Sequence[ReadableSpan]) -> Any:
    raise RetryLater("nobody there")


def busy() -> bool:
    return THREAD in {thread.name for thread in threading.enumerate()}


def in_the_exporters_thread() -> bool:
    return threading.current_thread().name == THREAD


def spooling(folder: Path, act: Any, **more: Any) -> Any:
    """Export with `act`; what can't be sent goes to `folder`."""
    return exporting(entry("Scripted", act=act, **more), SPOOL={"DIRECTORY": str(folder)})


def arrived(folder: Path, count: int) -> list[str]:
    """The names of the spans that another pipe finds in `folder`, `count` of them."""
    names: list[str] = []
    with spooling(folder, lambda spans: names.extend(each.name for each in spans)):
        span("live")
        until(lambda: len(names) > count, "all are sent", 30)
    return sorted(name for name in names if name != "live")


def test_an_exporter_that_comes_back_meanwhile_takes_nothing_more(tmp_path: Path) -> None:
    gate, end, offered = threading.Event(), threading.Event(), list[str]()

    def hang(spans: Sequence[ReadableSpan]) -> None:
        offered.extend(each.name for each in spans)
        (gate if len(offered) == 1 else end).wait(30)

    def let_it_come_back(ended: EndedSpan) -> EndedSpan:
        if not in_the_exporters_thread() and not gate.is_set():
            gate.set()
            until(lambda: len(offered) > 1 or not busy(), "it has come back")
        return ended

    one_by_one: dict[str, Any] = {"batch": 1, "delay": 0}
    sieve = {"BACKEND": "tests.pipeline.exporters.Sieve", "OPTIONS": {"act": let_it_come_back}}
    with spooling(tmp_path, hang, QUEUE=one_by_one, FILTERS=[sieve]):
        span("0")
        until(lambda: offered, "it hangs")
        for number in range(1, 5):
            span(str(number))
    closed = account("Scripted")
    end.set()
    assert (closed.ended, closed.waiting, closed.spooled, closed.dropped) == (5, 5, 5, {})
    assert arrived(tmp_path, 5) == ["0", "1", "2", "3", "4"]


def test_a_batch_that_is_on_its_way_to_disk_is_brought_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, written, write = threading.Event(), threading.Event(), Spool.write

    def slowly(spool: Spool, spans: Iterable[EndedSpan], destination: str | None) -> bool:
        if in_the_exporters_thread() and len(list(spans)) == 2:
            began.set()
            written.wait(1)
        done = write(spool, spans, destination)
        written.set()
        return done

    def refuse(spans: Sequence[ReadableSpan]) -> None:
        raise RetryLater("not before", after=60)

    with spooling(tmp_path, refuse, QUEUE={"batch": 2, "delay": 0.5}):
        span("first")
        assert flush(10)
        monkeypatch.setattr(Spool, "write", slowly)
        written.clear()
        span("second")
        span("third")
        assert began.wait(10)
    closed = account("Scripted")
    assert (closed.ended, closed.waiting, closed.spooled) == (3, 3, 3)
    monkeypatch.undo()
    assert arrived(tmp_path, 3) == ["first", "second", "third"]


def test_a_span_that_has_no_form_on_disk_takes_no_other_along(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with spooling(tmp_path, away):
        span("one")
        kind: Any = 3
        get_tracer("host").start_span("of a kind that there is not", kind=kind).end()
        span("another")
        assert flush(10)
        numbers = account("Scripted")
    assert (numbers.waiting, numbers.spooled, numbers.dropped) == (2, 2, {"could not be made ready": 1})
    assert balanced(numbers)
    assert "have no form on disk" in caplog.text
    assert arrived(tmp_path, 2) == ["another", "one"]


def test_a_disk_that_could_not_be_written_a_moment_ago_is_tried_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Segment:
        raise OSError(28, "No space left on device")

    with spooling(tmp_path, away):
        with monkeypatch.context() as patched:
            patched.setattr(Segment, "create", full)
            span("one")
            assert not flush(0.3)
        assert account("Scripted").spooled == 0
    closed = account("Scripted")
    assert (closed.spooled, closed.dropped) == (1, {})
    assert arrived(tmp_path, 1) == ["one"]


def test_a_flush_without_a_thread_is_not_the_end_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, taken = [RetryLater("away")], list[str]()

    def act(spans: Sequence[ReadableSpan]) -> None:
        if len(taken) == 1 and answers:
            raise answers.pop()
        taken.extend(each.name for each in spans)

    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with exporting(entry("Scripted", act=act)):
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", no_more)
            span("sent by the one who flushes")
            assert flush(0.1)
        span("offered twice")
        until(lambda: len(taken) == 2 or account("Scripted").dropped, "it is settled")
        numbers = account("Scripted")
    assert (numbers.sent, numbers.dropped) == (2, {})

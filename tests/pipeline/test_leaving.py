"""What a pipe holds when it is closed is on disk or counted, whatever its threads are busy with at that moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.pipeline import ledgers
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.outcome import RetryLater
from llmtrace.pipeline.rescue import ENDED
from llmtrace.pipeline.segment import Segment
from llmtrace.pipeline.spool import Spool
from llmtrace.tracing.setup import flush, get_tracer
from tests.interpreter import run
from tests.pipeline.making import account, balanced, entry, exporting, span
from tests.waiting import until

THREAD = "llmtrace-Scripted"
ONE_BY_ONE: Final[dict[str, Any]] = {"batch": 1, "delay": 0}


def away(spans: Sequence[ReadableSpan]) -> Any:
    raise RetryLater("nobody there")


def busy() -> bool:
    return THREAD in {thread.name for thread in threading.enumerate()}


def in_the_exporters_thread() -> bool:
    return threading.current_thread().name == THREAD


def sieve(act: Any) -> dict[str, Any]:
    """An entry of ``FILTERS``."""
    return {"BACKEND": "tests.pipeline.exporters.Sieve", "OPTIONS": {"act": act}}


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

    with spooling(tmp_path, hang, QUEUE=ONE_BY_ONE, FILTERS=[sieve(let_it_come_back)]):
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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_a_person_interrupts_is_on_disk(tmp_path: Path) -> None:
    interrupted: list[threading.Thread] = []

    def act(spans: Sequence[ReadableSpan]) -> Any:
        if interrupted:
            raise RetryLater("nobody there")
        interrupted.append(threading.current_thread())
        raise KeyboardInterrupt

    with spooling(tmp_path, act):
        span("one")
        assert flush(10)
        interrupted[0].join(10)  # what pytest says of it belongs to this test
        numbers = account("Scripted")
    assert (numbers.waiting, numbers.dropped) == (1, {})
    assert arrived(tmp_path, 1) == ["one"]


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


def test_a_filter_that_hangs_costs_no_other_batch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gate, began = threading.Event(), threading.Event()

    def hang(ended: EndedSpan) -> EndedSpan:
        if ended.name == "stuck":
            began.set()
            gate.wait(30)
        return ended

    with spooling(tmp_path, away, QUEUE=ONE_BY_ONE, FILTERS=[sieve(hang)], EXIT_TIMEOUT=0.3):
        span("stuck")
        assert began.wait(10)
        for number in range(3):
            span(str(number))
    closed = account("Scripted")
    gate.set()
    assert (closed.ended, closed.waiting, closed.spooled) == (4, 4, 3)
    assert "The exporter Scripted was not closed in time" in caplog.text


def test_what_slow_filters_have_no_time_for_is_counted_and_told_and_the_rest_is_on_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    took = threading.Event()

    def slow(ended: EndedSpan) -> EndedSpan:
        took.wait(0.1)  # nobody sets it
        return ended

    with spooling(tmp_path, away, FILTERS=[sieve(slow)], EXIT_TIMEOUT=0.2):
        for number in range(60):
            span(str(number))
    closed = account("Scripted")
    assert closed.spooled == closed.waiting > 0
    assert closed.dropped == {ENDED: 60 - closed.spooled}
    assert f"did not send {60 - closed.spooled} spans before the process ended" in caplog.text


def test_a_filter_that_hangs_keeps_no_other_exporter_from_the_disk(tmp_path: Path) -> None:
    gate, small = threading.Event(), {**ONE_BY_ONE, "size": 20}

    def hang(_: Any) -> Any:
        gate.wait(60)

    stuck = entry("Kept", "stuck", into=[], QUEUE=small, FILTERS=[sieve(hang)])
    behind = entry("Hanging", "behind", gate=gate, QUEUE=small)
    with exporting(stuck, behind, SPOOL={"DIRECTORY": str(tmp_path)}, EXIT_TIMEOUT=0.3):
        for number in range(60):
            span(str(number))
            until(lambda number=number: account("behind").spooled > number - 15, "what queues goes to disk")  # type: ignore[misc]
        numbers = account("behind")
        gate.set()
    assert (numbers.ended, numbers.dropped) == (60, {})


def test_an_exporter_that_hangs_when_it_is_closed_holds_up_neither_the_end_nor_what_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.pipeline.closing.DISK_PATIENCE_S", 30.0)  # far more than a busy machine takes
    gate, spool = threading.Event(), {"DIRECTORY": str(tmp_path)}
    with exporting(entry("Stuck", "Scripted", gate=gate), SPOOL=spool, EXIT_TIMEOUT=0.2):
        span("one")
        assert flush(10)
        before = time.monotonic()
    assert time.monotonic() - before < 10
    assert arrived(tmp_path, 1) == ["one"]
    gate.set()


def test_a_processor_that_hangs_when_it_is_made_does_not_hold_up_the_end() -> None:
    began, gate = threading.Event(), threading.Event()
    with exporting(entry("Unready", began=began, gate=gate)):
        threading.Thread(target=fanout.pipes, daemon=True).start()
        assert began.wait(10)
        closing = threading.Thread(target=fanout.close, args=(0.2,), daemon=True)
        closing.start()
        closing.join(10)
        held_up = closing.is_alive()
        gate.set()
    assert not held_up


def test_a_process_that_is_told_to_end_while_it_ends_sends_what_it_has(tmp_path: Path) -> None:
    code = """
    import os, signal, threading, django
    django.setup()
    from llmtrace.pipeline.fanout import fanout
    from tests.pipeline import exporters
    from tests.pipeline.making import span
    from tests.waiting import until
    export, told = exporters.File.export, threading.Event()
    def slowly(self, spans):
        if not told.is_set():
            told.set()
            until(lambda: not fanout.is_open, "the process ends")
            os.kill(os.getpid(), signal.SIGTERM)
            until(lambda: signal.getsignal(signal.SIGTERM) is signal.SIG_IGN, "it is told")
        return export(self, spans)
    exporters.File.export = slowly
    for number in range(50):
        span(f"span {number}")
    """
    file = {"BACKEND": "tests.pipeline.exporters.File", "OPTIONS": {"path": str(tmp_path / "spans")}}
    settings = {"EXPORTERS": [{**file, "QUEUE": {"batch": 10}}], "SPOOL": {"DIRECTORY": str(tmp_path / "spool")}}
    run(code, {**settings, "EXIT_TIMEOUT": 30.0}, status=-15)
    [entry] = ledgers.read(tmp_path / "spool")
    assert (entry.account.ended, entry.account.sent, entry.account.dropped) == (50, 50, {})


def test_what_threads_that_go_on_end_while_a_process_ends_is_not_lost(tmp_path: Path) -> None:
    code = """
    import os, signal, threading, django
    django.setup()
    from llmtrace.pipeline.fanout import fanout
    from tests.pipeline import exporters
    from tests.pipeline.making import span
    from tests.waiting import until
    export, late = exporters.File.export, threading.Event()
    def slowly(self, spans):
        late.wait(30)
        return export(self, spans)
    exporters.File.export = slowly
    def go_on():
        until(lambda: not fanout.is_open, "the process ends")
        span("late")
        late.set()
    span("before")
    threading.Thread(target=go_on, daemon=True).start()
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
    """
    file = {"BACKEND": "tests.pipeline.exporters.File", "OPTIONS": {"path": str(tmp_path / "spans")}}
    settings = {"EXPORTERS": [file], "SPOOL": {"DIRECTORY": str(tmp_path / "spool")}, "EXIT_TIMEOUT": 30.0}
    run(code, settings, status=-15)
    [entry] = ledgers.read(tmp_path / "spool")
    assert (entry.account.ended, entry.account.sent, entry.account.dropped) == (2, 2, {})


def test_a_folder_that_was_deleted_has_the_numbers_again_although_an_exporter_hangs(tmp_path: Path) -> None:
    code = """
    import shutil, threading, django
    from pathlib import Path
    django.setup()
    from llmtrace.pipeline import ledgers
    from tests.pipeline import exporters
    from tests.pipeline.making import span
    from tests.waiting import until
    hung = threading.Event()
    def hang(self, spans):
        hung.set()
        threading.Event().wait()
    exporters.File.export = hang
    span("one")
    assert hung.wait(10)
    shutil.rmtree({folder!r})
    """.replace("{folder!r}", repr(str(tmp_path / "spool")))
    file = {"BACKEND": "tests.pipeline.exporters.File", "OPTIONS": {"path": str(tmp_path / "spans")}}
    settings = {"EXPORTERS": [file], "SPOOL": {"DIRECTORY": str(tmp_path / "spool")}, "EXIT_TIMEOUT": 0.2}
    run(code, settings)
    [found] = ledgers.read(tmp_path / "spool")
    assert (found.account.ended, found.account.sent, found.account.waiting) == (1, 0, 1)


def test_a_flush_waits_for_what_could_not_be_brought_to_disk_while_a_later_span_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = {name: threading.Event() for name in ("first", "filter", "third")}
    names: list[str] = []

    def act(spans: Sequence[ReadableSpan]) -> None:
        names.append(spans[0].name)
        if spans[0].name in go_on:
            assert go_on[spans[0].name].wait(30)

    def pass_on(one: EndedSpan) -> EndedSpan:
        if one.name == "second" and not in_the_exporters_thread():
            assert go_on["filter"].wait(30)
        return one

    monkeypatch.setattr(Spool, "write", lambda *_: False)
    with spooling(tmp_path, act, QUEUE=ONE_BY_ONE, FILTERS=[sieve(pass_on)]):
        span("first")
        until(lambda: names == ["first"], "the exporter is busy")
        span("second")
        (pipe,) = fanout.pipes()
        finish = pipe.begin_flush()
        saving = threading.Thread(target=fanout.save)
        saving.start()
        until(lambda: not len(pipe._queue), "the second is on its way to the disk")  # type: ignore[union-attr]
        span("third")
        go_on["first"].set()
        until(lambda: names == ["first", "third"], "the third is under way")
        go_on["filter"].set()
        saving.join(30)
        assert not finish(time.monotonic() + 0.2)
        go_on["third"].set()
        assert finish(time.monotonic() + 30)
        assert names == ["first", "third", "second"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_closed_while_it_is_read_is_no_fault_of_the_disk_and_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    reading, closed, read, names = threading.Event(), threading.Event(), Segment.read, list[str]()

    def slow(self: Segment, *args: Any, **more: Any) -> Any:
        batch = read(self, *args, **more) if when == "after" else None
        reading.set()
        assert closed.wait(30)
        return batch or read(self, *args, **more)

    with spooling(tmp_path, away):
        span("left")
        assert flush(10)
    monkeypatch.setattr(Segment, "read", slow)
    with spooling(tmp_path, lambda spans: names.extend(each.name for each in spans)):
        (pipe,) = fanout.pipes()
        assert reading.wait(30)
    numbers = account("Scripted")
    closed.set()
    until(lambda: not busy(), "its thread has ended", 30)
    assert names == []
    assert numbers.last_error is None
    assert pipe.account().last_error is None
    assert "can't be read" not in caplog.text

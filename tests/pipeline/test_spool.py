"""Spans that cannot be sent wait on disk, whatever happens there, and follow when they can."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from llmtrace.jsontext import encodable, printable
from llmtrace.pipeline import backlog, rescue, sweeper, waiting
from llmtrace.pipeline import record as record_module
from llmtrace.pipeline.backoff import Backoff
from llmtrace.pipeline.bell import Bell
from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.ledger import Ledger
from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.pipeline.pipe import Pipe
from llmtrace.pipeline.segment import SUFFIX, Segment, digest
from llmtrace.pipeline.spool import DAMAGED
from llmtrace.pipeline.takeover import MOST_TAKEN
from llmtrace.tracing.setup import flush, save
from tests.pipeline.making import account, balanced, entry, exporting, span
from tests.waiting import until


class Backend:
    """What an exporter sends to: it is there, or it answers with what `away` says."""

    def __init__(self, away: Callable[[], Any] | None = None) -> None:
        self.away = away
        self.names: list[str] = []
        self.batches: list[int] = []

    def __call__(self, spans: Sequence[ReadableSpan]) -> Any:
        if self.away is not None:
            return self.away()
        self.batches.append(len(spans))
        self.names.extend(each.name for each in spans)
        return None


def later() -> Any:
    raise RetryLater("nobody there")


def failure() -> Any:
    return SpanExportResult.FAILURE


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


@contextmanager
def spooling(folder: Path, backend: Callable[..., Any], **more: Any) -> Iterator[None]:
    """Export to `backend` with `folder` for what can't be sent, and with what was left there before."""
    size = more.pop("MAX_BYTES", 256 * 1024 * 1024)
    name = more.pop("NAME", "Scripted")
    ending = more.pop("EXIT_TIMEOUT", 2.0)
    spool = {"DIRECTORY": str(folder), "MAX_BYTES": size}
    with exporting(entry("Scripted", name, act=backend, **more), SPOOL=spool, EXIT_TIMEOUT=ending):
        fanout.pipes()  # as the first request does
        yield


def spans_named(count: int, name: str = "span") -> list[str]:
    return [f"{name} {number:03}" for number in range(count)]


def spans(count: int, name: str = "span", **attributes: Any) -> list[str]:
    names = spans_named(count, name)
    for each in names:
        span(each, **attributes)
    return names


@pytest.mark.parametrize("away", [later, failure])
def test_what_fails_goes_to_disk_and_follows_when_the_backend_is_back(
    tmp_path: Path, away: Any, caplog: pytest.LogCaptureFixture
) -> None:
    backend = Backend(away)
    with spooling(tmp_path, backend, QUEUE={"batch": 10}):
        names = spans(25)
        assert flush(10)
        numbers = account("Scripted")
        assert (numbers.ended, numbers.sent, numbers.waiting, numbers.dropped) == (25, 0, 25, {})
        assert len(files(tmp_path)) == 1
        backend.away = None
        until(lambda: account("Scripted").sent == 25, "all have followed")
        assert account("Scripted").waiting == 0
    assert backend.names == names
    assert max(backend.batches) == 10
    assert files(tmp_path) == []
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_a_short_failure_does_not_reach_the_disk(tmp_path: Path) -> None:
    backend = Backend(later)
    failed = threading.Event()

    def away() -> Any:
        failed.set()
        backend.away = None
        raise RetryLater("locked")

    backend.away = away
    with spooling(tmp_path, backend, QUEUE={"delay": 0}):
        span("one")
        assert failed.wait(10)
        until(lambda: backend.names == ["one"], "it was offered again")
    assert files(tmp_path) == []


def test_the_memory_does_not_fill_up_while_the_backend_is_away(tmp_path: Path) -> None:
    backend = Backend(later)
    with spooling(tmp_path, backend, QUEUE={"size": 20, "batch": 5, "delay": 0}):
        span("first")
        assert flush(10)
        for _ in range(20):
            spans(10)
            assert flush(10)
        numbers = account("Scripted")
        assert (numbers.ended, numbers.waiting, numbers.dropped) == (201, 201, {})
        backend.away = None
        until(lambda: account("Scripted").sent == 201, "all have followed", 20)


def test_what_queues_behind_an_exporter_that_hangs_goes_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "HUNG_S", 0.05)
    monkeypatch.setattr(sweeper, "TICK_S", 0.02)
    gate, began = threading.Event(), threading.Event()
    backend = Backend()

    def hang() -> Any:
        began.set()
        gate.wait(30)
        backend.away = None
        return SpanExportResult.SUCCESS

    backend.away = hang
    with spooling(tmp_path, backend, QUEUE={"size": 50, "batch": 1, "delay": 0}):
        span("in flight")
        assert began.wait(10)
        for _ in range(10):
            names = spans(20)
            until(lambda: not len(queue()), "the queue is on disk")
        numbers = account("Scripted")
        assert (numbers.waiting, numbers.dropped) == (201, {})
        assert not flush(0.05)  # what the exporter is busy with is neither here nor there
        gate.set()
        until(lambda: account("Scripted").sent == 201, "all have followed")
    assert sorted(backend.names) == sorted(names * 10)


def test_of_an_exporter_that_hangs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database in which somebody has locked a table gives no answer, and no error either."""
    monkeypatch.setattr(rescue, "TOLD_S", 0.05)
    monkeypatch.setattr(sweeper, "TICK_S", 0.02)
    gate = threading.Event()
    backend = Backend(lambda: gate.wait(30) and None)
    with spooling(tmp_path, backend, QUEUE={"delay": 0}):
        span("in flight")
        until(lambda: account("Scripted").last_error, "it is told")
        assert account("Scripted").last_error == "no answer yet: it was asked more than 0.05 s ago"
        assert account("Scripted").waiting == 1
        backend.away = None
        gate.set()
        until(lambda: account("Scripted").sent == 1, "it has followed")
        until(lambda: len(caplog.records) > 1, "that it works again is told")
    told = [record.levelname for record in caplog.records]
    assert told == ["WARNING", "INFO"], caplog.text


def queue() -> Any:
    pipe: Any = fanout.pipes()[0]
    return pipe._queue


def test_an_exit_brings_to_disk_what_an_exporter_that_hangs_has_not_taken(tmp_path: Path) -> None:
    gate, began = threading.Event(), threading.Event()

    def hang() -> Any:
        began.set()
        gate.wait(30)
        return SpanExportResult.SUCCESS

    with spooling(tmp_path, Backend(hang), QUEUE={"batch": 2, "delay": 0}):
        spans(5)
        assert began.wait(10)
        before = time.monotonic()
    assert 0.5 < time.monotonic() - before < 4
    gate.set()
    back = Backend()
    with spooling(tmp_path, back):
        until(lambda: len(back.names) == 5, "the next process has them")
    assert sorted(back.names) == [f"span {number:03}" for number in range(5)]
    assert files(tmp_path) == []


def test_an_exit_brings_to_disk_what_queues_behind_an_exporter_that_hangs_on_what_was_there(tmp_path: Path) -> None:
    with spooling(tmp_path, Backend(later)):
        spans(1, "left")
    gate, began = threading.Event(), threading.Event()

    def hang() -> Any:
        began.set()
        gate.wait(30)
        raise RetryLater("away")

    with spooling(tmp_path, Backend(hang), QUEUE={"batch": 2, "delay": 0}):
        assert began.wait(10)
        spans(5)
    gate.set()
    assert account("Scripted").dropped == {}
    back = Backend()
    with spooling(tmp_path, back):
        until(lambda: len(back.names) == 6, "the next process has them", 30)
    assert sorted(back.names) == ["left 000", *(f"span {number:03}" for number in range(5))]


def test_an_exit_does_not_wait_for_a_backend_that_is_known_to_be_away(tmp_path: Path) -> None:
    with spooling(tmp_path, Backend(later), EXIT_TIMEOUT=30.0):
        spans(3)
        assert flush(10)
        spans(3, "last")
        before = time.monotonic()
    assert time.monotonic() - before < 10
    back = Backend()
    with spooling(tmp_path, back):
        until(lambda: len(back.names) == 6, "the next process has them")
    assert back.names == [f"{name} {number:03}" for name in ("span", "last") for number in range(3)]


def test_live_spans_do_not_wait_for_old_ones(tmp_path: Path) -> None:
    with spooling(tmp_path, Backend(later)):
        spans(40, "old")
        assert flush(10)
    began, gate = threading.Event(), threading.Event()
    backend = Backend()

    def act(given: Sequence[ReadableSpan]) -> Any:
        began.set()
        gate.wait(30)
        return backend(given)

    with spooling(tmp_path, act, QUEUE={"batch": 1, "delay": 0}):
        assert began.wait(10)
        spans(5, "live")
        gate.set()
        until(lambda: len(backend.names) == 45, "all have gone")
    assert backend.names.index("live 004") < 12
    assert [name for name in backend.names if name.startswith("old")] == [f"old {number:03}" for number in range(40)]


def test_old_spans_have_their_turn_while_new_ones_keep_coming(tmp_path: Path) -> None:
    with spooling(tmp_path, Backend(later)):
        spans(5, "old")
        assert flush(10)
    backend = Backend()

    def act(given: Sequence[ReadableSpan]) -> Any:
        if given[0].name.startswith("live") and "old 004" not in backend.names:
            span("live")  # there is always another new one
        return backend(given)

    with spooling(tmp_path, act, QUEUE={"batch": 1, "delay": 0}):
        span("live")
        until(lambda: "old 004" in backend.names, "the old ones have had their turn")
    assert backend.names.index("old 004") - backend.names.index("old 000") < 50


def test_a_batch_that_always_fails_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend(failure)
    for name in ("poison", "old"):
        with spooling(tmp_path, backend):
            span(name)
            assert flush(10)

    def act(given: Sequence[ReadableSpan]) -> Any:
        if given[0].name == "poison":
            return SpanExportResult.FAILURE
        return backend(given)

    backend.away = None
    with spooling(tmp_path, act):
        until(lambda: account("Scripted").last_error, "the oldest was offered")
        spans(3)
        assert flush(10)
        until(lambda: len(backend.names) == 4, "the other old one has its turn")
        assert sorted(backend.names) == ["old", "span 000", "span 001", "span 002"]
        until(lambda: len(files(tmp_path)) == 1, "its file has gone")
        monkeypatch.setattr(backlog, "FOREIGN_AGE_S", -1.0)
        until(lambda: files(tmp_path) == [], "it is given up", 20)


class Picky(Backend):
    """Takes no batch in which a span is named so, and says nothing about the span."""

    def __init__(self, *poison: str) -> None:
        super().__init__()
        self.poison = set(poison)

    def __call__(self, spans: Sequence[ReadableSpan]) -> Any:
        if not self.poison.isdisjoint(each.name for each in spans):
            raise RetryLater("the backend failed")
        return super().__call__(spans)


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("at", [0, 50, 99])
def test_a_span_that_always_fails_holds_up_no_other(tmp_path: Path, at: int, *, durable: bool) -> None:
    backend = Picky(f"span {at:03}")
    with spooling(tmp_path, backend, QUEUE={"durable": durable}):
        good = [name for name in spans(100) if name not in backend.poison]
        until(lambda: sorted(backend.names) == good, "all others have arrived", 30)
        until(lambda: account("Scripted").waiting == 1, "one waits")
        assert balanced(account("Scripted"))
    backend.poison.clear()
    with spooling(tmp_path, backend):
        until(lambda: len(backend.names) == 100 and files(tmp_path) == [], "it arrives as soon as it is taken")


def test_spans_that_always_fail_hold_up_no_other_that_a_process_has_left(tmp_path: Path) -> None:
    away = Backend(later)
    for _ in range(2):
        with spooling(tmp_path, away):
            spans(60)
            assert flush(10)
    backend = Picky("span 010", "span 011", "span 030")
    with spooling(tmp_path, backend):
        until(lambda: len(backend.names) == 114, "all others have arrived", 30)
        assert len(files(tmp_path)) <= 2
        assert sum(file.read_bytes().count(b'"span 0') for file in files(tmp_path)) < 120
    backend.poison.clear()
    with spooling(tmp_path, backend):
        until(lambda: len(backend.names) == 120 and files(tmp_path) == [], "they arrive as soon as they are taken")
    assert sorted(backend.names) == sorted(spans_named(60) * 2)


def test_what_cannot_be_read_is_counted_once_beside_a_span_that_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable = {*range(5, 35)} - {20}  # so that it is offered together with some

    def unpacked(record: bytes) -> Any:
        if any(f"span {number:03}".encode() in record for number in unreadable):
            raise ValueError("of another release")
        return record_module.unpacked(record)

    monkeypatch.setattr(waiting, "unpacked", unpacked)
    backend = Picky("span 020")
    with spooling(tmp_path, backend):
        spans(100)
        until(lambda: len(backend.names) == 70, "all others have arrived", 30)
        until(lambda: account("Scripted").waiting == 1, "one waits")
        backend.poison.clear()
        until(lambda: len(backend.names) == 71, "it follows", 30)
        assert account("Scripted").dropped == {DAMAGED: len(unreadable)}
        assert balanced(account("Scripted"))


def test_what_is_set_aside_is_told_from_a_backend_that_is_away(tmp_path: Path) -> None:
    backend = Backend(later)
    with spooling(tmp_path, backend):
        names = spans(100)
        assert flush(10)
        until(lambda: len(files(tmp_path)) == 2, "it may be the span", 30)
        backend.away = None
        until(lambda: len(backend.names) == 100, "all have followed", 30)
        assert sorted(backend.names) == names
        assert balanced(account("Scripted"))


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_jumps_makes_no_span_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    backend, clock, tries = Backend(), time.time, list[int]()

    def act(given: Sequence[ReadableSpan]) -> Any:
        tries.append(len(given))
        return failure() if backend.away else backend(given)

    backend.away = failure
    with spooling(tmp_path, act):
        names = spans(3)
        assert flush(10)
    monkeypatch.setattr(time, "time", lambda: clock() + days * 86_400)
    with spooling(tmp_path, act):  # has them from a file that another has left
        already = len(tries)
        until(lambda: len(tries) > already + 1, "they have failed twice since then")
        assert account("Scripted").dropped == {}
        backend.away = None
        until(lambda: backend.names == names, "they have followed", 20)


def test_a_batch_is_as_old_as_both_clocks_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wall, machine = time.time, time.monotonic
    segment = Segment.create(tmp_path, "backend")
    written_at = int(wall())
    monkeypatch.setattr(time, "time", lambda: wall() + 5_000)
    monkeypatch.setattr(time, "monotonic", lambda: machine() + 4_000)
    assert 4_000 <= segment.age(written_at) < 4_500
    segment.release()
    heir = Segment.adopt(segment.path, "backend")
    assert heir is not None
    assert 4_000 <= heir.age(written_at) < 4_500
    heir.release()
    monkeypatch.setattr("llmtrace.pipeline.segment.boot_id", lambda: "another")
    late = Segment.adopt(segment.path, "backend")
    assert late is not None
    assert 0 <= late.age(written_at) < 500
    late.release()


def test_only_a_few_are_read_back_to_see_whether_the_backend_is_there_again(tmp_path: Path) -> None:
    backend, tries = Backend(failure), list[int]()

    def act(given: Sequence[ReadableSpan]) -> Any:
        tries.append(len(given))
        return backend(given)

    with spooling(tmp_path, act, QUEUE={"batch": 100}):
        names = spans(100)
        assert flush(10)
        until(lambda: len(tries) > 3, "some are offered from the disk")
        backend.away = None
        until(lambda: backend.names == names, "all have followed")
    assert tries[:4] == [100, 32, 16, 8]
    assert max(tries[1:]) <= 64  # 1, 4 and 16 at the least have worked before


def test_who_says_when_to_come_back_is_not_asked_before(tmp_path: Path) -> None:
    asked, free = list[float](), threading.Event()

    def busy() -> Any:
        asked.append(time.monotonic())
        if not free.is_set():
            raise RetryLater("too many requests", after=1.5)
        return SpanExportResult.SUCCESS

    with spooling(tmp_path, Backend(busy)):
        for _ in range(4):
            span("one")
            assert flush(10)
        free.set()
        until(lambda: account("Scripted").sent == 4, "all have followed")
    assert asked[1] - asked[0] >= 1.5


def test_who_is_in_a_hurry_as_a_batch_goes_to_disk_is_heard_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker looks for a hurry, and somebody flushes right after."""
    backend = Backend(later)
    with spooling(tmp_path, backend):
        span("first")
        assert flush(10)
        backend.away = None
        (pipe,) = fanout.pipes()
        assert isinstance(pipe, Pipe)

        class Looked(Bell):
            def is_set(self) -> bool:
                found = super().is_set()
                self.set()
                return found

        pipe._worker._hurry = Looked()
        monkeypatch.setattr(pipe._worker._backoff, "left", lambda: 60.0)
        assert pipe._worker._is_down()
        assert not pipe._worker._is_down()


def test_without_a_spool_nothing_touches_the_disk(tmp_path: Path) -> None:
    with spooling(tmp_path, Backend(later), QUEUE={"spool": False, "durable": True}):
        span("one")
        assert not flush(0.2)
    assert list(tmp_path.iterdir()) == []


def test_only_what_has_passed_the_filters_is_on_disk(tmp_path: Path) -> None:
    with spooling(tmp_path, Backend(later)):
        span("one", note="the key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD")
        assert flush(10)
        (file,) = files(tmp_path)
        assert b"the key is" in file.read_bytes()
        assert b"sk-proj-abc" not in file.read_bytes()
        assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("batch", [5, 40])  # where a file holds about eight spans
def test_beyond_its_size_the_oldest_go_and_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, batch: int
) -> None:
    limit = 64 * 1024
    backend = Backend(later)
    with spooling(tmp_path, backend, MAX_BYTES=limit, QUEUE={"batch": batch}):
        names = []
        for number in range(200 // batch):
            names += spans(batch, f"round {number:02}", text="x" * 500)
            assert flush(10)
            assert sum(file.stat().st_size for file in files(tmp_path)) <= limit
        numbers = account("Scripted")
        dropped = numbers.dropped["spool full"]
        assert 0 < dropped < 200
        assert balanced(numbers)
        assert numbers.waiting == 200 - dropped
        backend.away = None
        until(lambda: account("Scripted").waiting == 0, "the rest has followed")
    assert sorted(backend.names) == sorted(names[dropped:])
    assert "The spool is full" in caplog.text


def test_what_the_exporter_is_busy_with_stays_when_room_is_needed(tmp_path: Path) -> None:
    gate, began = threading.Event(), threading.Event()
    backend = Backend(later)

    def hang() -> Any:
        began.set()
        gate.wait(30)
        backend.away = None
        return SpanExportResult.SUCCESS

    with spooling(tmp_path, backend, MAX_BYTES=64 * 1024, QUEUE={"delay": 0}):
        span("in flight")
        assert flush(10)
        backend.away = hang
        assert began.wait(20)
        for number in range(20):
            spans(10, f"round {number:02}", text="x" * 500)
            save()
        dropped = account("Scripted").dropped["spool full"]
        gate.set()
        until(lambda: account("Scripted").waiting == 0, "all that is left has followed")
        numbers = account("Scripted")
    assert 0 < dropped < 200
    assert (numbers.ended, numbers.sent, numbers.dropped) == (201, 201 - dropped, {"spool full": dropped})
    assert len(backend.names) == numbers.sent - 1  # the one in flight is not named there


def test_the_size_is_that_of_all_that_has_been_left_there(tmp_path: Path) -> None:
    limit = 64 * 1024
    for _ in range(12):
        with spooling(tmp_path, Backend(later), MAX_BYTES=limit):
            spans(10, text="x" * 500)
            assert flush(10)
        with spooling(tmp_path, Backend(later), NAME="other"):
            span("of an exporter that is no more")
            assert flush(10)
    assert sum(file.stat().st_size for file in files(tmp_path)) <= limit + limit // 8


def test_however_many_files_are_left_few_are_open_at_a_time(tmp_path: Path) -> None:
    backend = Backend(later)
    with spooling(tmp_path, backend):
        span("left")
        assert flush(10)
    (file,) = files(tmp_path)
    for number in range(199):
        copy = tmp_path / f"{number:09}{file.name[9:]}"
        copy.write_bytes(file.read_bytes())
    with spooling(tmp_path, backend):
        until(lambda: account("Scripted").last_error, "the oldest was offered")
        span("live")
        assert flush(10)
        assert 1 < len(open_files(tmp_path)) <= MOST_TAKEN + 1
        backend.away = None
        until(lambda: len(backend.names) == 201, "all have followed")
    assert files(tmp_path) == []


def open_files(folder: Path) -> list[str]:
    """What this process has open in `folder` of what waits there."""
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    found = [os.readlink(link) for link in links if os.path.lexists(link)]
    return [path for path in found if path.startswith(str(folder)) and path.endswith(SUFFIX)]


def test_files_of_an_exporter_that_the_settings_do_not_name_stay(tmp_path: Path) -> None:
    with spooling(tmp_path, Backend(later), NAME="gone"):
        span("one")
        assert flush(10)
    (file,) = files(tmp_path)
    backend = Backend()
    with spooling(tmp_path, backend):
        span("two")
        assert flush(10)
    assert files(tmp_path) == [file]
    with spooling(tmp_path, backend, NAME="gone"):
        until(lambda: backend.names == ["two", "one"], "it is named again")


@pytest.mark.parametrize("broken", ["flipped", "cut", "overwritten"])
def test_damaged_records_are_left_out_and_counted(
    tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    with spooling(tmp_path, Backend(later)):
        spans(9)
        assert flush(10)
        (file,) = files(tmp_path)
    data = bytearray(file.read_bytes())
    at = data.index(b"span 004")
    if broken == "flipped":
        data[at] ^= 0xFF
    elif broken == "cut":
        del data[at : data.index(b"span 007")]
    else:
        data[at : at + 40] = b"\xff\xfe\xfd\xfc" * 10
    file.write_bytes(data)
    back = Backend()
    with spooling(tmp_path, back):
        until(lambda: not files(tmp_path), "the file is worked off")
    whole = {f"span {number:03}" for number in range(9)} - {"span 004"}
    if broken == "cut":
        whole -= {"span 005", "span 006", "span 007"}
    assert set(back.names) == whole
    assert f"{9 - len(whole)} spans of the exporter Scripted were damaged" in caplog.text


@pytest.mark.parametrize("left", [b"", b"llmtrace", b"\0" * 5000, b"llmtrace spool 1" + b"\xff" * 100])
def test_files_that_are_none_of_ours_do_no_harm(tmp_path: Path, left: bytes) -> None:
    with spooling(tmp_path, Backend(later)):
        span("one")
        assert flush(10)
        (file,) = files(tmp_path)
    file.write_bytes(left)
    (tmp_path / file.name.replace("-", "a-", 1)).mkdir()
    (tmp_path / file.name.replace("-", "b-", 1)).symlink_to("/etc/passwd")
    backend = Backend()
    with spooling(tmp_path, backend):
        span("two")
        assert flush(10)
    assert backend.names == ["two"]


def test_a_folder_that_has_gone_is_made_again(tmp_path: Path) -> None:
    folder, backend = tmp_path / "spool", Backend(later)
    with spooling(folder, backend):
        span("one")
        folder.rmdir()
        assert flush(10)
        assert len(files(folder)) == 1
        backend.away = None
        until(lambda: backend.names == ["one"], "it has followed")


@pytest.mark.parametrize("name", ["nul\0inside", "half\ud800"], ids=["nul", "surrogate"])
def test_spans_of_an_exporter_of_any_name_wait_and_follow(tmp_path: Path, name: str) -> None:
    backend = Backend(later)
    with spooling(tmp_path, backend, NAME=name):
        span("one")
        assert flush(10)
        assert account(printable(encodable(name))).spooled == 1
    backend.away = None
    with spooling(tmp_path, backend, NAME=name):
        fanout.pipes()
        until(lambda: backend.names == ["one"], "it is sent")


@pytest.mark.parametrize("durable", [False, True])
def test_a_folder_that_is_cleared_while_spans_wait_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, durable: bool
) -> None:
    folder, backend = tmp_path / "spool", Backend(later)
    with spooling(folder, backend, QUEUE={"durable": durable}):
        span("before")
        assert flush(10)
        shutil.rmtree(folder)
        span("after")
        assert flush(10)
        assert account("Scripted").spooled == 2
        (file,) = files(folder)
        assert b'"after"' in file.read_bytes()
    assert account("Scripted").dropped == {"deleted in the spool": 1}
    assert balanced(account("Scripted"))
    assert "1 spans of the exporter Scripted were deleted on disk" in caplog.text


def test_a_disk_that_cannot_be_written_leaves_spans_in_memory_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, backend = tmp_path / "spool", Backend(later)
    with spooling(folder, backend):
        folder.rmdir()
        folder.write_text("no folder")
        spans(3)
        assert not flush(0.3)
        spans(3, "more")
        assert not flush(0.3)
        numbers = account("Scripted")
        assert (numbers.waiting, numbers.dropped) == (6, {})
        backend.away = None
        assert flush(10)
        assert account("Scripted").sent == 6
    told = [record.getMessage() for record in caplog.records if "wait in memory only" in record.getMessage()]
    assert len(told) == 1


def test_a_flush_waits_for_spans_that_are_on_disk_first_in_all_their_files(tmp_path: Path) -> None:
    backend = Backend()
    with spooling(tmp_path, backend, MAX_BYTES=400_000, QUEUE={"durable": True, "batch": 10, "delay": 3600}):
        names = spans(200, text="x" * 1000)
        assert len(files(tmp_path)) > 1
        assert flush(10)
        assert account("Scripted").sent == 200
    assert sorted(backend.names) == names


def test_a_flush_ends_when_what_was_on_disk_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_count, count = threading.Event(), Ledger.left_disk

    def slowly(ledger: Ledger, *spans: Any) -> None:
        may_count.wait(30)
        count(ledger, *spans)

    monkeypatch.setattr(Ledger, "left_disk", slowly)
    backend = Backend()
    with spooling(tmp_path, backend, QUEUE={"durable": True, "delay": 3600}):
        names = spans(3)
        with ThreadPoolExecutor(1) as other:
            flushing = other.submit(flush, 30)
            until(lambda: sorted(backend.names) == names, "they are sent")
            assert not wait([flushing], 0.2).done
            may_count.set()
            assert flushing.result()
        assert account("Scripted").sent == 3


def test_what_a_process_had_just_begun_when_it_was_killed_is_cleared_away(tmp_path: Path) -> None:
    begun = {age: tmp_path / f"{age}-0-{digest('Scripted')}.new" for age in (0, 3600)}
    for age, path in begun.items():
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))
    with spooling(tmp_path, Backend()):
        until(lambda: not begun[3600].exists(), "the old one is cleared away")
        assert begun[0].exists()


def test_numbers_of_refused_spans_stay_right_after_a_while_on_disk(tmp_path: Path) -> None:
    backend = Backend(later)
    with spooling(tmp_path, backend):
        spans(3)
        assert flush(10)
        backend.away = lambda: Exported(2, {"too large": 1})
        until(lambda: account("Scripted").waiting == 0, "it is settled")
        numbers = account("Scripted")
    assert (numbers.ended, numbers.sent, numbers.dropped) == (3, 2, {"too large": 1})


def test_waits_grow_and_end_when_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.pipeline.backoff._JITTER.uniform", lambda *_: 1.0)
    now = [1000.0]
    monkeypatch.setattr("llmtrace.pipeline.backoff.time.monotonic", lambda: now[0])
    backoff, waits = Backoff(), []
    for _ in range(8):
        backoff.failed()
        waits.append(round(backoff.left(), 1))
        backoff.failed()  # in a hurry, before its time
        assert round(backoff.left(), 1) == waits[-1]
        now[0] += backoff.left() + 0.001
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    backoff.failed(after=60)
    assert (round(backoff.left()), backoff.asked) == (60, True)
    backoff.failed(after=1e9)
    assert backoff.left() <= 3600
    backoff.worked()
    assert (backoff.left(), backoff.failing) == (0.0, False)


def test_what_is_saved_is_on_disk_at_once_and_sent_from_there(tmp_path: Path) -> None:
    backend = Backend(later)
    with spooling(tmp_path, backend, QUEUE={"delay": 3.0}):
        span("cut off")
        assert files(tmp_path) == []
        save()
        assert len(files(tmp_path)) == 1
        backend.away = None
        until(lambda: backend.names == ["cut off"], "it is sent", 30)
        assert balanced(account("Scripted"))

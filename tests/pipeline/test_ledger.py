"""The ledger: what was counted is there after every kind of end, belongs to one process, and balances."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.pipeline import book, crediting, ledger, ledgers
from llmtrace.pipeline.account import DIED, LEFT_OUT, Account
from llmtrace.pipeline.book import Book
from llmtrace.pipeline.ledger import Ledger, ledger_of
from llmtrace.pipeline.process import process_id
from llmtrace.pipeline.sheet import LEFT, MOST_REASONS, OTHERS, Sheet
from tests.interleaving import WEAK, between_calls
from tests.interpreter import lines, run
from tests.pipeline.making import balanced
from tests.waiting import until

MAKING = "tests.pipeline.making"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that ledgers of this process and of dead ones are in."""
    monkeypatch.setattr(ledger, "spool_folder", lambda: tmp_path)
    with closing(Book(tmp_path, "here-1-a")) as own:
        monkeypatch.setattr(ledger, "_book", own)
        yield tmp_path


def dead(folder: Path, process: str, **counted: Any) -> None:
    """The file that a process has left which counted for the exporter ``backend``; those left out are 0."""
    file = Book(folder, process)
    sheet = file.sheet("backend")
    fields = {"ended": 0, "sent": 0, "waiting": 0, "dropped": {}, "failed_closed": 0, "spooled": 0}
    sheet.add(Account(**{**fields, "last_error": None, "last_error_at": None, **counted}))
    sheet.release()
    file.close()


def delivered(heir: Ledger, count: int) -> None:
    """Spans that were on disk, in a file that has gone since then, are sent."""
    heir.left_disk(count, count, "gone.spool", 1, lambda: None)


def of(folder: Path, process: str) -> Account:
    [entry] = [entry for entry in ledgers.read(folder) if entry.process == process]
    return entry.account


def site(folder: Path) -> dict[str, Any]:
    """``LLMTRACE`` with one exporter, which writes to a file, an hour late, and has only its numbers on disk."""
    options = {"path": str(folder / "spans")}
    entry = {"BACKEND": "tests.pipeline.exporters.File", "OPTIONS": options, "QUEUE": {"delay": 3600, "spool": False}}
    return {"EXPORTERS": [{"NAME": "backend", **entry}], "SPOOL": {"DIRECTORY": str(folder)}}


def test_what_was_counted_survives_sigkill(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    code = f"""
    import os, signal, django
    django.setup()
    from {MAKING} import span
    from llmtrace.tracing.setup import flush
    for number in range(30):
        span("sent")
    assert flush(10)
    for number in range(12):
        span("in memory")
    os.kill(os.getpid(), signal.SIGKILL)
    """
    run(code, site(tmp_path), status=-signal.SIGKILL)
    [entry] = ledgers.read(tmp_path)
    assert not entry.alive
    assert balanced(entry.account)
    assert (entry.account.ended, entry.account.sent, entry.account.waiting) == (42, 30, 0)
    assert entry.account.dropped == {DIED: 12}
    ledgers.fold(tmp_path)
    made = [path for path in tmp_path.iterdir() if "ledger" in path.name]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_a_forked_child_counts_for_itself_and_does_not_keep_its_parent_alive(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    code = f"""
    import os, signal, sys, warnings, django
    warnings.simplefilter("ignore", DeprecationWarning)
    django.setup()
    from {MAKING} import account, span
    from llmtrace.pipeline import ledgers
    from llmtrace.pipeline.ledger import Ledger
    from llmtrace.pipeline.process import process_id
    from pathlib import Path
    held = Ledger("backend")
    span("of the parent")
    held.ended()
    parent, folder = process_id(), Path({str(tmp_path)!r})
    readable, writable = os.pipe()
    if os.fork() == 0:
        os.close(writable)
        os.read(readable, 1)  # the end of it comes when the parent is no more
        span("of the child")
        span("of the child")
        held.ended()
        alive = {{entry.process: (entry.alive, entry.account.ended) for entry in ledgers.read(folder)}}
        assert alive == {{parent: (False, 2), process_id(): (True, 3)}}, alive
        assert account("backend").ended == 2
        sys.stdout.write("the child has looked")
        sys.stdout.flush()
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run(code, site(tmp_path), status=-signal.SIGKILL) == "the child has looked"
    assert sorted((entry.alive, entry.account.ended) for entry in ledgers.read(tmp_path)) == [(False, 2), (False, 3)]


def test_containers_of_one_name_that_start_at_once_count_apart(tmp_path: Path) -> None:
    """Each has a process 1, and who is deployed many times is so in the same millisecond."""
    tmp_path.chmod(0o700)
    code = f"""
    import os, time, django
    django.setup()
    number, clock = os.getpid(), time.time_ns
    from llmtrace.pipeline import process
    os.getpid, time.time_ns, process.host = lambda: 1, lambda: 1_764_351_600_000_000_000, lambda: "web"
    process.process_id()
    os.getpid, time.time_ns = lambda: number, clock
    from {MAKING} import span
    span("one")
    """
    for _ in range(2):
        run(code, site(tmp_path))
    assert [entry.account.ended for entry in ledgers.read(tmp_path)] == [1, 1]


@pytest.mark.parametrize("moment", ["fcntl.flock", "os.open", "os.pwrite", "mmap.mmap"])
def test_a_span_that_ends_in_the_middle_of_making_the_file_is_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """In a signal's handler."""
    one, other = Ledger("one"), Ledger("other")
    spans = [one, other, other]
    where = f"llmtrace.pipeline.book.{moment}"
    module, name = moment.split(".")
    real = getattr(getattr(book, module), name)

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        while spans:
            spans.pop().ended()
        return result

    with monkeypatch.context() as patched:
        patched.setattr(where, interrupted)
        one.ended()
    assert {entry.exporter: entry.account.ended for entry in ledgers.read(folder)} == {"one": 2, "other": 2}
    assert list(folder.glob(".*.new")) == []


def test_without_a_folder_numbers_are_in_memory(tmp_path: Path) -> None:
    code = f"""
    import django, json
    django.setup()
    from {MAKING} import account, span
    span("one")
    print(json.dumps([account("backend").ended, account("backend").waiting]))
    """
    nowhere = tmp_path / "file"
    nowhere.touch()
    settings = {**site(tmp_path), "SPOOL": {"DIRECTORY": str(nowhere / "folder")}}
    assert json.loads(run(code, settings)) == [1, 1]


def test_a_hundred_exporters_have_their_numbers_on_disk(folder: Path) -> None:
    kept = [Ledger(f"backend {number}") for number in range(100)]
    for each in kept:
        each.ended()
    assert {entry.exporter for entry in ledgers.read(folder)} == {each.exporter for each in kept}


def full_disk(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("name", "full"), [("pwrite", lambda *_: 0), ("open", full_disk)])
def test_a_disk_that_takes_no_more_leaves_the_numbers_in_memory_until_it_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, full: Any
) -> None:
    before, counted = Ledger("before"), Ledger("backend")
    if name == "pwrite":
        before.ended()
    with monkeypatch.context() as patched:
        patched.setattr(os, name, full)
        counted.ended()
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                ledger.keep_on_disk()
        counted.ended()
        assert counted.account().ended == 2
    assert "backend" not in {entry.exporter for entry in ledgers.read(folder)}
    ledger.keep_on_disk()
    counted.ended()
    Ledger("later").ended()
    found = {entry.exporter: entry.account.ended for entry in ledgers.read(folder)}
    assert found == {"backend": 3, "later": 1, **({"before": 1} if name == "pwrite" else {})}


def test_a_file_that_somebody_has_deleted_is_made_anew_with_all_that_was_counted(folder: Path) -> None:
    counted, replaced = Ledger("backend"), Ledger("backend")
    for each in (counted, replaced):
        each.ended()
    counted.dropped("queue full")
    del replaced  # the settings have another in its place, and its numbers stay
    ledger.keep_on_disk()
    before = of(folder, "here-1-a")
    assert (before.ended, before.dropped) == (2, {"queue full": 1})
    shutil.rmtree(folder)
    assert ledgers.read(folder) == []
    ledger.keep_on_disk()
    assert of(folder, "here-1-a") == before
    counted.ended()
    Ledger("another").ended()
    entries = {entry.exporter: entry for entry in ledgers.read(folder)}
    assert (entries["backend"].account.ended, entries["another"].account.ended) == (3, 1)
    assert entries["backend"].alive


def test_numbers_stay_where_they_are_until_a_new_file_can_be_made(folder: Path) -> None:
    counted = Ledger("backend")
    counted.ended()
    shutil.rmtree(folder)
    folder.touch()
    with pytest.raises(OSError, match="Not a directory"):
        book.Book.renew(ledger._book)  # type: ignore[arg-type]
    folder.unlink()
    counted.ended()
    ledger.keep_on_disk()
    assert of(folder, "here-1-a").ended == 2


def test_a_folder_that_was_deleted_before_the_first_span_is_made_anew(folder: Path) -> None:
    shutil.rmtree(folder)
    Ledger("backend").ended()
    assert of(folder, "here-1-a").ended == 1


def test_threads_lose_no_count_while_the_file_is_made_anew(folder: Path) -> None:
    counted, stop = [Ledger(f"backend {number}") for number in range(3)], threading.Event()

    def count(each: Ledger) -> int:
        done = 0
        while not stop.is_set():
            each.ended()
            done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        counting = [pool.submit(count, each) for each in counted]
        try:
            until(lambda: all(each.account().ended for each in counted), "all count")
            for _ in range(20):
                shutil.rmtree(folder)
                ledger.keep_on_disk()
                assert len(ledgers.read(folder)) == 3
        finally:
            stop.set()
        done = {each.exporter: running.result() for each, running in zip(counted, counting, strict=True)}
    assert {entry.exporter: entry.account.ended for entry in ledgers.read(folder)} == done


def test_a_file_is_not_made_anew_while_a_ledger_takes_its_sheet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, taken, go_on = Ledger("backend"), threading.Event(), threading.Event()
    sheet_of = ledger._sheet

    def held_up(exporter: str) -> Sheet:
        sheet = sheet_of(exporter)
        taken.set()
        assert go_on.wait(10)
        return sheet

    monkeypatch.setattr(ledger, "_sheet", held_up)
    counting, renewing = threading.Thread(target=counted.ended), threading.Thread(target=ledger.keep_on_disk)
    counting.start()
    assert taken.wait(10)
    shutil.rmtree(folder)
    renewing.start()
    renewing.join(0.2)
    assert renewing.is_alive()
    go_on.set()
    for thread in (counting, renewing):
        thread.join(10)
    ledger.keep_on_disk()
    assert of(folder, "here-1-a").ended == 1


def test_ledgers_that_threads_begin_while_the_file_is_made_anew_are_no_mistake(folder: Path) -> None:
    counted, begun = Ledger("backend"), deque[Ledger]()
    counted.ended()
    shutil.rmtree(folder)
    with between_calls(WEAK, lambda: begun.append(Ledger("another"))):
        ledger.keep_on_disk()
    assert begun
    assert of(folder, "here-1-a").ended == 1


def test_a_file_is_made_anew_when_nobody_is_counting(folder: Path) -> None:
    counted = Ledger("backend")
    counted.ended()
    shutil.rmtree(folder)
    renewing = threading.Thread(target=ledger.keep_on_disk)
    with counted._lock:
        renewing.start()
        renewing.join(0.2)
        assert renewing.is_alive()
        counted.ended()
    renewing.join(10)
    assert of(folder, "here-1-a").ended == 2


def test_a_process_whose_folder_was_deleted_is_there_again_and_leads(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir(0o700)
    code = f"""
    import shutil, django
    from pathlib import Path
    django.setup()
    from llmtrace.pipeline import book, ledgers, reporter
    from tests.waiting import until
    from {MAKING} import span
    reporter.EVERY_S = 0.05
    folder = Path({str(folder)!r})
    span("one")
    until((folder / ".ledger-leader").exists, "it leads")
    shutil.rmtree(folder)
    until(lambda: [entry.account.ended for entry in ledgers.read(folder)] == [1], "it is there again")
    until((folder / ".ledger-leader").exists, "it leads again")
    """
    settings = site(tmp_path)
    run(code, {**settings, "SPOOL": {"DIRECTORY": str(folder)}})
    [entry] = ledgers.read(folder)
    assert (entry.account.ended, entry.account.sent, entry.alive) == (1, 1, False)


def test_a_process_lives_as_long_as_its_file_is_locked(folder: Path) -> None:
    counted = Ledger("backend")
    counted.ended()
    [entry] = ledgers.read(folder)
    assert entry.alive
    assert (entry.account.waiting, entry.account.dropped) == (1, {})
    ledger._book.close()  # type: ignore[union-attr]
    [entry] = ledgers.read(folder)
    assert (entry.alive, entry.account.waiting, entry.account.dropped) == (False, 0, {DIED: 1})


def test_ledgers_of_one_exporter_are_added_up(folder: Path) -> None:
    """One that settings have replaced and its successor."""
    for _ in range(2):
        counted = Ledger("backend")
        counted.ended()
        counted.sent(1)
    [entry] = ledgers.read(folder)
    assert (entry.account.ended, entry.account.sent) == (2, 2)


def test_a_pipe_that_sends_what_its_predecessor_has_left_invents_no_span(folder: Path) -> None:
    """The settings have changed in between: another pipe of the same process, with numbers of its own."""
    before, after = Ledger("backend"), Ledger("backend")
    for counted in (before, before, after):
        counted.ended()
    before.spooled(2)
    after.sent(1)
    left = ledger_of(process_id(), "backend")
    delivered(left, 1)
    [entry] = ledgers.read(folder)
    assert (entry.account.ended, entry.account.sent, entry.account.waiting, entry.account.spooled) == (3, 2, 1, 1)


def test_of_a_dead_process_with_two_ledgers_for_one_exporter_all_is_delivered_and_no_span_invented(
    folder: Path,
) -> None:
    with closing(Book(folder, "there-2-b")) as begun:
        for spooled in (5, 3):
            sheet = begun.sheet("backend")
            sheet.add(Account(spooled + 1, 0, spooled + 1, {}, 0, None, None, spooled=spooled))
            sheet.release()
    heir = ledger_of("there-2-b", "backend")
    delivered(heir, 8)
    left = of(folder, "there-2-b")
    assert (left.ended, left.sent, left.waiting, left.dropped) == (10, 8, 0, {DIED: 2})
    delivered(heir, 1)  # written, though not counted before the process died
    left = of(folder, "there-2-b")
    assert (left.ended, left.sent, left.waiting, left.dropped) == (10, 9, 0, {DIED: 1})


def test_what_a_dead_process_had_on_disk_waits_until_another_has_delivered_it(folder: Path) -> None:
    dead(folder, "there-2-b", ended=10, sent=3, spooled=5)
    assert (of(folder, "there-2-b").waiting, of(folder, "there-2-b").dropped) == (5, {DIED: 2})
    heir = ledger_of("there-2-b", "backend")
    delivered(heir, 4)
    heir.left_disk(1, 0, "gone.spool", 1, lambda: None)
    heir.dropped("too large")
    left = of(folder, "there-2-b")
    assert (left.sent, left.waiting, left.dropped) == (7, 0, {DIED: 2, "too large": 1})
    assert balanced(left)
    assert heir.account() == left


@pytest.mark.parametrize(
    "name", ["x" * 300, "é" * 200, "nul\0inside", "half\ud800"], ids=["ascii", "accents", "nul", "surrogate"]
)
def test_it_is_credited_by_whatever_name_the_exporter_has(folder: Path, name: str) -> None:
    with closing(Book(folder, "there-2-b")) as begun:
        sheet = begun.sheet(name)
        sheet.add(Account(2, 0, 2, {}, 0, None, None, spooled=2))
        sheet.release()
    heir = ledger_of("there-2-b", name)
    delivered(heir, 2)
    [entry] = ledgers.read(folder)
    assert (entry.account.ended, entry.account.sent, entry.account.waiting) == (2, 2, 0)
    assert len(entry.exporter) <= 255
    assert heir.account() == entry.account


def test_a_span_that_was_written_but_not_counted_is_no_loss(folder: Path) -> None:
    """The process died in between."""
    dead(folder, "there-2-b", ended=1)
    assert of(folder, "there-2-b").dropped == {DIED: 1}
    heir = ledger_of("there-2-b", "backend")
    delivered(heir, 1)
    left = of(folder, "there-2-b")
    assert (left.ended, left.sent, left.waiting, left.dropped) == (1, 1, 0, {})


@pytest.mark.parametrize("killed_at", ["noted", "half counted"])
@pytest.mark.parametrize(
    ("settled", "sent"), [(None, 4), (200, 4), (199, 0)], ids=["deleted", "settled", "not settled"]
)
def test_what_leaves_the_disk_as_a_process_is_killed_is_counted_once(
    killed_at: str, settled: int | None, sent: int
) -> None:
    sheet = Sheet.new("backend")
    sheet.add(Account(6, 0, 6, {}, 0, None, None, spooled=5))
    sheet.leaving(4, 4, "its.spool", 200)
    if killed_at == "half counted":
        sheet.numbers[LEFT] += 4
        settled, sent = settled and 200, 4
    for _ in range(2):
        sheet.resolve({"its.spool": settled}.get)
        account = sheet.account()
        assert (account.ended, account.sent, account.waiting, account.spooled) == (6, sent, 6 - sent, 5 - sent)


def test_a_span_that_was_given_up_in_the_sum_is_taken_back_when_it_is_found(folder: Path) -> None:
    dead(folder, "there-2-b", ended=3)
    ledgers.fold(folder, now=_time_of(folder) + ledgers.KEPT_S + 1)
    delivered(ledger_of("there-2-b", "backend"), 1)
    [entry] = ledgers.read(folder)
    assert (entry.account.ended, entry.account.sent, entry.account.dropped) == (3, 1, {DIED: 2})


def test_who_writes_for_the_dead_waits_until_others_have_written(folder: Path) -> None:
    dead(folder, "there-2-b", ended=1, spooled=1)
    heir = threading.Thread(target=delivered, args=(ledger_of("there-2-b", "backend"), 1))
    with crediting.only_one(folder):
        heir.start()
        heir.join(0.2)
        assert heir.is_alive()
        assert of(folder, "there-2-b").sent == 0
    heir.join(10)
    assert of(folder, "there-2-b").sent == 1


def test_a_child_that_is_forked_meanwhile_holds_nobody_up(folder: Path) -> None:
    read, write = os.pipe()
    with crediting.only_one(folder):
        child = os.fork()
        if not child:
            os.close(write)
            os.read(read, 1)  # until its parent lets go
            os._exit(0)
    os.close(read)
    try:
        with crediting.only_one(folder):
            pass
    finally:
        os.close(write)
        os.waitpid(child, 0)


def test_nobody_waits_for_ever_for_a_process_that_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crediting, "TURN_S", 0.05)
    dead(folder, "there-2-b", ended=1, spooled=1)
    with crediting.only_one(folder):
        delivered(ledger_of("there-2-b", "backend"), 1)
        with pytest.raises(TimeoutError):
            ledgers.fold(folder)
    assert (of(folder, "there-2-b").sent, of(folder, "there-2-b").waiting) == (0, 1)
    crediting.catch_up(folder)
    assert (of(folder, "there-2-b").sent, of(folder, "there-2-b").waiting) == (1, 0)


def test_a_child_writes_nothing_that_its_parent_still_has_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crediting, "TURN_S", 0.05)
    dead(folder, "there-2-b", ended=1, spooled=1)
    with crediting.only_one(folder):
        ledger_of("there-2-b", "backend").sent(1)
    child = os.fork()
    if not child:
        crediting.catch_up(folder)
        os._exit(0)
    os.waitpid(child, 0)
    assert of(folder, "there-2-b").sent == 0
    crediting.catch_up(folder)
    assert of(folder, "there-2-b").sent == 1


def test_heirs_that_work_side_by_side_lose_no_count(folder: Path) -> None:
    dead(folder, "there-2-b", ended=400, spooled=400)

    def deliver(_: int) -> None:
        heir = ledger_of("there-2-b", "backend")
        for _ in range(50):
            delivered(heir, 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, range(8)))
    assert (of(folder, "there-2-b").sent, of(folder, "there-2-b").waiting) == (400, 0)


def test_what_comes_late_of_a_process_without_a_file_is_in_the_sum(folder: Path) -> None:
    delivered(ledger_of("gone-3-c", "backend"), 2)
    [entry] = ledgers.read(folder)
    assert entry.process == ledgers.name_of_earlier(folder)
    assert (entry.account.ended, entry.account.sent) == (2, 2)


def test_old_ledgers_are_summed_up_and_no_number_is_lost(folder: Path) -> None:
    dead(folder, "there-1-a", ended=10, sent=7, dropped={"queue full": 1})
    dead(folder, "there-2-b", ended=5, sent=5)
    dead(folder, "there-3-c", ended=2, spooled=2)
    Ledger("backend").ended()
    before = _total(folder)
    ledgers.fold(folder)
    assert len(ledgers.read(folder)) == 4
    ledgers.fold(folder, now=_time_of(folder) + ledgers.KEPT_S + 1)
    ledgers.fold(folder, now=_time_of(folder) + ledgers.KEPT_S + 1)
    assert [entry.process for entry in ledgers.read(folder)] == [
        "here-1-a",
        "there-3-c",
        ledgers.name_of_earlier(folder),
    ]
    assert _total(folder) == before
    assert before.dropped == {"queue full": 1, DIED: 2}


def test_the_number_of_ledgers_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "KEPT", 5)
    for number in range(12):
        dead(folder, f"there-{number}-a", ended=1, sent=1)
        os.utime(book.path_of(folder, f"there-{number}-a"), (number, _time_of(folder) + number))
    ledgers.fold(folder)
    kept = [entry.process for entry in ledgers.read(folder)]
    assert kept == [*(f"there-{number}-a" for number in (10, 11, 7, 8, 9)), ledgers.name_of_earlier(folder)]
    assert _total(folder).ended == 12


def _total(folder: Path) -> Account:
    entries = ledgers.read(folder)
    total = entries[0].account
    for entry in entries[1:]:
        total += entry.account
    return total


def _time_of(folder: Path) -> float:
    return folder.stat().st_mtime


@pytest.mark.parametrize("process", ["here-1-a", "there-2-b"])
def test_an_error_is_kept_without_its_secrets(folder: Path, process: str) -> None:
    """In the own ledger, and in that of another."""
    dead(folder, "there-2-b", ended=1)
    counted = ledger_of(process, "backend") if process == "there-2-b" else Ledger("backend")
    counted.error("POST https://tracing.example/v1?api_key=7h9sKq2LmX0pQzR4tVw8 failed: 503")
    [entry] = [entry for entry in ledgers.read(folder) if entry.process == process]
    assert entry.account.last_error is not None
    assert entry.account.last_error_at is not None
    assert "503" in entry.account.last_error
    assert "7h9sKq2L" not in entry.account.last_error
    assert b"7h9sKq2L" not in book.path_of(folder, process).read_bytes()


def test_only_what_nobody_asked_for_is_lost() -> None:
    counted = Ledger("backend")
    for reason in (LEFT_OUT, LEFT_OUT, "queue full"):
        counted.ended()
        counted.dropped(reason)
    assert counted.account().lost == 1


def test_files_of_others_in_the_folder_are_no_ledgers(folder: Path) -> None:
    (folder / "noise.ledger").write_bytes(os.urandom(20_000))
    (folder / "short.ledger").write_bytes(b"short")
    (folder / "link.ledger").symlink_to("/etc/passwd")
    dead(folder, "there-2-b", ended=1, sent=1)
    assert [entry.process for entry in ledgers.read(folder)] == ["there-2-b"]
    ledgers.fold(folder, now=_time_of(folder) + ledgers.KEPT_S + 1)
    assert _total(folder).ended == 1


@given(exporter=st.text(max_size=300), reasons=st.lists(st.text(max_size=200), max_size=80), error=st.text())
def test_any_text_can_be_kept_and_every_span_is_counted(exporter: str, reasons: list[str], error: str) -> None:
    sheet = Sheet.new(exporter)
    for reason in reasons:
        sheet.numbers[63] += 1
        sheet.dropped(reason, 1)
    account = sheet.account()
    assert sum(account.dropped.values()) == account.ended == len(reasons)
    assert account.waiting == 0
    assert len(account.dropped) <= MOST_REASONS


def test_reasons_beyond_the_bound_go_under_one_name() -> None:
    sheet = Sheet.new("backend")
    for number in range(100):
        sheet.dropped(f"reason {number}", 1)
    dropped = sheet.account().dropped
    assert len(dropped) == MOST_REASONS
    assert dropped[OTHERS] == 100 - (MOST_REASONS - 1)


def test_spans_that_another_process_delivers_are_those_of_the_one_that_ended_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    settings = site(tmp_path)
    settings["EXPORTERS"][0]["QUEUE"] = {"delay": 3600}
    code = f"""
    import django
    django.setup()
    from {MAKING} import span
    from tests.pipeline import exporters
    from opentelemetry.sdk.trace.export import SpanExportResult
    exporters.File.export = lambda *_: SpanExportResult.FAILURE
    for number in range(20):
        span("late")
    """
    run(code, settings)
    [first] = ledgers.read(tmp_path)
    assert (first.account.ended, first.account.sent, first.account.waiting, first.account.spooled) == (20, 0, 20, 20)

    code = f"""
    import django
    from pathlib import Path
    django.setup()
    from {MAKING} import span
    from llmtrace.pipeline import ledgers
    from tests.waiting import until
    folder = Path({str(tmp_path)!r})
    span("own")
    until(lambda: any(entry.account.sent == 20 for entry in ledgers.read(folder)), "what the first has left is sent")
    """
    run(code, settings)
    first, second = sorted(ledgers.read(tmp_path), key=lambda entry: -entry.account.ended)
    for entry, ended in ((first, 20), (second, 1)):
        assert balanced(entry.account)
        assert (entry.account.ended, entry.account.sent, entry.account.dropped) == (ended, ended, {})
    assert len(lines(tmp_path / "spans")) == 21

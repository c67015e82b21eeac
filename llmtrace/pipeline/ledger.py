"""What became of the spans that an exporter was given: each is sent, waiting, or dropped with a reason."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Final

from llmtrace.forking import at_fork
from llmtrace.masking import masked
from llmtrace.pipeline import book, crediting
from llmtrace.pipeline.account import Account
from llmtrace.pipeline.book import Book
from llmtrace.pipeline.folder import spool_folder
from llmtrace.pipeline.process import process_id
from llmtrace.pipeline.sheet import ENDED, FAILED_CLOSED, SENT, SPOOLED, Sheet
from llmtrace.pipeline.testrun import under_test

__all__ = ["Account", "Ledger", "ledger_of"]

RAISED: Final = "filter raised"


class Ledger:
    """Counts for one exporter. Spans that `SPANS` or `SAMPLE` leave out are never entered.

    The numbers lie in the file of this process, in the folder of the spool. Without a folder, and in a test run, they
    are in memory only.
    """

    def __init__(self, exporter: str) -> None:
        """`exporter` is the name of its entry in ``EXPORTERS``."""
        self.exporter = exporter
        self._lock = threading.RLock()
        self._leaving = threading.RLock()  # comes before the other: who counts does not wait for the disk
        self._sheet: Sheet | None = None  # taken when there is something to count
        _live[self] = None

    def ended(self) -> None:
        """A span has ended that this exporter is to get."""
        with self._lock:
            # Nothing is called between the reading and the storing of a number: a signal's handler, in which a span
            # may end as well, can't come in between.
            (self._sheet or self._taken()).numbers[ENDED] += 1

    def handed_on(self) -> None:
        """A span that has ended goes to the pipe that settings have put in this one's place, whose ledger has it."""
        with self._lock:
            (self._sheet or self._taken()).numbers[ENDED] -= 1

    def sent(self, count: int) -> None:
        """The exporter has taken `count` spans."""
        with self._lock:
            (self._sheet or self._taken()).numbers[SENT] += count

    def dropped(self, reason: str, count: int = 1) -> None:
        """`count` spans go nowhere. `reason` is a short fixed phrase, never one that holds data of a span."""
        with self._lock:
            (self._sheet or self._taken()).dropped(reason, count)

    def failed_closed(self) -> None:
        """A filter raised, so that its span went nowhere."""
        with self._lock:
            sheet = self._sheet or self._taken()
            sheet.numbers[FAILED_CLOSED] += 1
            sheet.dropped(RAISED, 1)

    def spooled(self, count: int) -> None:
        """`count` spans went from memory to disk, where they wait on.

        What a process has on disk when it dies still waits; what it has in memory is lost.
        """
        with self._lock:
            (self._sheet or self._taken()).numbers[SPOOLED] += count

    def left_disk(self, count: int, sent: int, file: str, end: int, note: Callable[[], None]) -> None:
        """`count` spans left the disk. The exporter took `sent` of them; `dropped` is told of the others next.

        Args:
            count: of spans.
            sent: of these.
            file: the name of the one that they were in, in the folder of the spool.
            end: the offset in it up to which all is settled then.
            note: writes that offset into the file, or deletes it; called once. Should the process be killed, who reads
                the numbers sees by the file whether these are among them.
        """
        with self._leaving:
            with self._lock:
                (self._sheet or self._taken()).leaving(count, sent, file, end)
            try:
                note()
            finally:
                with self._lock:
                    (self._sheet or self._taken()).left(count, sent)

    def error(self, text: str) -> None:
        """Keep what went wrong last; secrets in it are masked first."""
        text, at = masked(text), datetime.now(UTC)
        with self._lock:
            (self._sheet or self._taken()).error(text, at)

    def account(self) -> Account:
        """The numbers as they stand."""
        with self._lock:
            return (self._sheet or Sheet.new(self.exporter)).account()

    def _taken(self) -> Sheet:
        with _taking:  # until it is known whose sheet it is: none is moved while somebody counts in it
            sheet = _sheet(self.exporter)
            if self._sheet is None:  # else a span has ended in a signal's handler, in between
                self._sheet = sheet
        return self._sheet

    def _leave_to_parent(self) -> None:
        """Begin anew in a forked child: the numbers so far are its parent's."""
        sheet, self._sheet, self._lock, self._leaving = self._sheet, None, threading.RLock(), threading.RLock()
        if sheet is not None:
            sheet.release()


class _DeadLedger(Ledger):
    """The ledger of a process that is no more, for the one who delivers what it has left on disk.

    Each change is written at once, and by one process at a time. Where the file has gone, the sum of earlier processes
    is changed in its place.
    """

    def __init__(self, process: str, exporter: str) -> None:
        super().__init__(Sheet.new(exporter).exporter)  # as it stands in the file: a long one is cut off
        self.process = process

    def ended(self) -> None:
        self._change(lambda sheet: _add(sheet, ENDED, 1))

    def sent(self, count: int) -> None:
        self._change(lambda sheet: _add(sheet, SENT, count))

    def dropped(self, reason: str, count: int = 1) -> None:
        self._change(lambda sheet: sheet.dropped(reason, count))

    def failed_closed(self) -> None:
        def change(sheet: Sheet) -> None:
            _add(sheet, FAILED_CLOSED, 1)
            sheet.dropped(RAISED, 1)

        self._change(change)

    def spooled(self, count: int) -> None:
        self._change(lambda sheet: _add(sheet, SPOOLED, count))

    def left_disk(self, count: int, sent: int, file: str, end: int, note: Callable[[], None]) -> None:
        notes = [note]

        def change(sheet: Sheet) -> None:
            sheet.leaving(count, sent, file, end)
            while notes:
                notes.pop()()
            sheet.left(count, sent)

        self._change(change)
        while notes:  # it is counted later, or nowhere: the spans must not be sent again for that
            notes.pop()()

    def error(self, text: str) -> None:
        text, at = masked(text), datetime.now(UTC)
        self._change(lambda sheet: sheet.error(text, at))

    def account(self) -> Account:
        folder = spool_folder()
        found = {} if folder is None else book.accounts(book.path_of(folder, self.process))
        return found.get(self.exporter, Sheet.new(self.exporter).account()).of_the_dead()

    def _change(self, change: Callable[[Sheet], None]) -> None:
        if (folder := spool_folder()) is not None:
            crediting.note(folder, self.process, self.exporter, change)


def ledger_of(origin: str, exporter: str) -> Ledger:
    """The ledger of the process `origin` (see `process_id`), to be credited with what becomes of its spans."""
    if origin != process_id():
        return _DeadLedger(origin, exporter)
    with _taking:  # spans of a pipe that settings have replaced
        return _replaced.setdefault(exporter, Ledger(exporter))


def _add(sheet: Sheet, place: int, count: int) -> None:
    sheet.numbers[place] += count


_live: Final[weakref.WeakKeyDictionary[Ledger, None]] = weakref.WeakKeyDictionary()
_replaced: Final[dict[str, Ledger]] = {}
_taking = threading.RLock()
_book: Book | None = None


def _all() -> list[Ledger]:
    """Those that there are. To go through them one by one would fail where another thread makes one meanwhile."""
    return [ledger for reference in _live.keyrefs() if (ledger := reference()) is not None]


def _sheet(exporter: str) -> Sheet:
    """A new sheet in the file of this process. Only with `_taking`."""
    global _book
    if _book is None:
        _book = Book(None if under_test() else spool_folder(), process_id())
    return _book.sheet(exporter)


def keep_on_disk() -> None:
    """Make the file of this process anew where somebody has deleted it; what was counted goes into the new one.

    Likewise what was counted in memory while there was no room on disk.

    Raises:
        OSError: it can't be made or written; the numbers are in memory until it can.
    """
    if _book is None or _book.is_whole:
        return
    with ExitStack() as held:
        ledgers = [ledger for ledger in _all() if ledger._sheet is not None]
        for ledger in ledgers:
            held.enter_context(ledger._lock)  # before the other lock, as who counts takes them
        held.enter_context(_taking)
        if all(ledger in ledgers for ledger in _all() if ledger._sheet is not None):  # else the next time
            if _book.is_gone:
                _book.renew()
            _book.take_in()


def _after_fork_in_child() -> None:
    global _book, _taking
    _taking = threading.RLock()
    _replaced.clear()
    for ledger in _all():
        ledger._leave_to_parent()
    if _book is not None:
        _book.close()
        _book = None


at_fork(after_in_child=_after_fork_in_child)

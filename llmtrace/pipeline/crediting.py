"""Writing in the files of processes that are no more: what became of the spans that they have left, and their sum."""

from __future__ import annotations

import errno
import mmap
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from llmtrace.forking import at_fork
from llmtrace.pipeline.book import EARLIER, MOST_SHEETS, NO_LINK, STRIDE, copies, path_of, sheets
from llmtrace.pipeline.folder import HAS_LOCKS, PRIVATE_FILE
from llmtrace.pipeline.segment import settled
from llmtrace.pipeline.sheet import SIZE, Sheet

if HAS_LOCKS:
    import fcntl

TURN_S: Final = 1.0  # how long one process waits for another
AGAIN_S: Final = 0.001

_owed: Final[deque[tuple[str, str, Callable[[Sheet], None]]]] = deque()
"""Process, exporter and change."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Be the only one who writes what dead processes have left: waits for others, who take a millisecond.

    Raises:
        TimeoutError: another one has taken more than `TURN_S`: it is stopped, or its disk hangs.
    """
    descriptor = os.open(folder / ".ledger-lock", os.O_CREAT | os.O_RDWR | NO_LINK, PRIVATE_FILE)
    try:
        _wait_for(descriptor)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that was forked meanwhile has the descriptor as well
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int) -> None:
    deadline = time.monotonic() + TURN_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
        time.sleep(AGAIN_S)


def note(folder: Path, process: str, exporter: str, change: Callable[[Sheet], None]) -> None:
    """Change the sheet of `exporter` in the file of `process` or, where that has gone, in the sum of earlier ones.

    What can't be written now, since another process is stopped in its turn, is written by the next `catch_up`.
    """
    _owed.append((process, exporter, change))
    catch_up(folder)


def catch_up(folder: Path) -> None:
    """Write what has been noted and is not written yet."""
    if not _owed:
        return
    with suppress(OSError), only_one(folder):
        while _owed:
            process, exporter, change = _owed.popleft()
            with suppress(OSError):  # a full or read-only disk: the spans are delivered all the same
                try:
                    credit(path_of(folder, process), exporter, change)
                except FileNotFoundError:
                    credit_earlier(folder, exporter, change)


def credit(path: Path, exporter: str, change: Callable[[Sheet], None]) -> None:
    """Change the sheet of `exporter` in the file of a process that is no more. Only for `only_one`.

    Raises:
        OSError: the file can't be written, or there is none.
    """
    descriptor = os.open(path, os.O_RDWR | NO_LINK)
    try:
        _resolve(descriptor, exporter, path.parent)
        number, begun = _place_of(descriptor, exporter)
        with _mapped(descriptor, number) as memory:
            sheet = Sheet(memory) if begun else Sheet.new(exporter, memory)
            try:
                change(sheet)
                known = [each for each in sheets(path) if each.exporter == sheet.exporter]
                sheet.balance(sum(each.spooled for each in known), sum(each.in_memory for each in known))
            finally:
                sheet.release()
    finally:
        os.close(descriptor)


@contextmanager
def _mapped(descriptor: int, number: int) -> Iterator[memoryview]:
    with closing(mmap.mmap(descriptor, SIZE, offset=number * STRIDE)) as mapped:
        yield memoryview(mapped)


def _resolve(descriptor: int, exporter: str, folder: Path) -> None:
    """See by the files what was noted of them by one that was killed: they are settled further from now on."""
    for number, sheet in enumerate(copies(descriptor)):
        if sheet.is_whole and sheet.is_leaving and sheet.exporter == exporter:
            with _mapped(descriptor, number) as memory:
                noted = Sheet(memory)
                try:
                    noted.resolve(partial(settled, folder))
                finally:
                    noted.release()


def _place_of(descriptor: int, exporter: str) -> tuple[int, bool]:
    """The number of the first sheet of `exporter`, and whether there is one; made where there is none."""
    for number in range(MOST_SHEETS):
        copy = os.pread(descriptor, SIZE, number * STRIDE)
        sheet = Sheet(memoryview(bytearray(copy.ljust(SIZE, b"\0"))))
        if sheet.is_whole and sheet.exporter == exporter:
            return number, True
        if not sheet.is_whole:
            os.pwrite(descriptor, bytes(SIZE), number * STRIDE)
            return number, False
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def credit_earlier(folder: Path, exporter: str, change: Callable[[Sheet], None]) -> None:
    """The same for the sum of earlier processes, which is made when there is none."""
    path = path_of(folder, EARLIER)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | NO_LINK, PRIVATE_FILE))
    credit(path, exporter, change)


def _after_fork_in_child() -> None:
    _owed.clear()  # its parent writes it


at_fork(after_in_child=_after_fork_in_child)

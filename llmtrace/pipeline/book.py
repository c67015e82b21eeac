"""The file that a process keeps its ledgers in, one sheet for each, and how others read it.

A process holds a lock on its file for as long as it lives: who can lock it knows that the process is no more. What is
counted lies in memory that is mapped to the file, so that SIGKILL takes nothing away.
"""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from llmtrace.pipeline.account import Account
from llmtrace.pipeline.folder import HAS_LOCKS, PRIVATE_FILE, private
from llmtrace.pipeline.opening import opening
from llmtrace.pipeline.segment import settled
from llmtrace.pipeline.sheet import SIZE, Sheet

if HAS_LOCKS:
    import fcntl

SUFFIX: Final = ".ledger"
STRIDE: Final = 65536  # from one sheet to the next: memory is mapped in steps of as many bytes on some machines
MOST_SHEETS: Final = 1024
NO_LINK: Final = os.O_CLOEXEC | os.O_NOFOLLOW if HAS_LOCKS else 0
EARLIER: Final = "earlier"
"""The file in which the numbers of processes are summed up that are gone for long."""


class Book:
    """The file of this process, made for its first sheet.

    Without a folder, and where a file can't be made, sheets are in memory.
    """

    def __init__(self, folder: Path | None, process: str) -> None:
        self._folder = folder
        self._process = process
        self._file: tuple[int, int] | None = None  # descriptors; the first needs nothing but the lock, to be set free
        self._numbers = itertools.count()  # of places for sheets
        self._missed: list[int] = []  # offsets of places that there was no room for
        self._maps: list[mmap.mmap] = []
        self._sheets: list[Sheet] = []  # that lie in them
        self._homeless: list[Sheet] = []  # in memory until there is room for them

    def sheet(self, exporter: str) -> Sheet:
        """A new sheet."""
        if self._folder is None or len(self._sheets) + len(self._homeless) >= MOST_SHEETS:
            return Sheet.new(exporter)
        try:
            if self._file is None:
                self._begin(self._folder)
            sheet = Sheet.new(exporter, self._mapped())
        except (OSError, ValueError):  # no space, no right, no such kind of file
            sheet = Sheet.new(exporter)
            self._homeless.append(sheet)
            return sheet
        self._sheets.append(sheet)
        return sheet

    @property
    def is_whole(self) -> bool:
        """Whether all sheets are where others can read them, as far as they can be."""
        return not self._homeless and not self.is_gone

    @property
    def is_gone(self) -> bool:
        """Whether somebody has deleted the file, or all of its folder."""
        if self._folder is None or self._file is None:
            return False
        try:
            path_of(self._folder, self._process).stat()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return False

    def renew(self) -> None:
        """Make the file anew, with all that was counted. Nobody may count meanwhile.

        Raises:
            OSError: it can't be made; the numbers stay where they are.
        """
        assert self._folder is not None
        with opening():
            new = Book(self._folder, self._process)
            try:
                new._begin(self._folder)
                places = [new._mapped() for _ in self._sheets]
            except BaseException:
                new.close()
                raise
            for sheet, place in zip(self._sheets, places, strict=True):
                sheet.move(place)
            new._sheets, self._sheets = self._sheets, []
            new._homeless, self._homeless = self._homeless, []
            before = dict(vars(self))
            vars(self).update(vars(new))
            vars(new).update(before)
            new.close()

    def take_in(self) -> None:
        """Bring to the file what is in memory. Nobody may count meanwhile.

        Raises:
            OSError: there is still no room for it.
        """
        assert self._folder is not None
        with opening():
            while self._homeless:
                if self._file is None:
                    self._begin(self._folder)
                sheet = self._homeless[-1]
                sheet.move(self._mapped())
                self._homeless.remove(sheet)
                self._sheets.append(sheet)

    def _begin(self, folder: Path) -> None:
        """Make the file, which gets its name when it is locked: nobody shall take this process for a dead one."""
        if not folder.exists():  # somebody clears the temporary directory of what is old
            private(folder)
        unlocked = folder / f".{self._process}.{secrets.token_hex(4)}.new"
        with opening():
            lock = os.open(unlocked, os.O_CREAT | os.O_EXCL | os.O_RDWR | NO_LINK, PRIVATE_FILE)
            file: int | None = None
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file = os.open(unlocked, os.O_RDWR | NO_LINK)
                # Nothing is called between looking and storing: a signal's handler, in which a span may end and make
                # the file as well, can't come in between.
                if self._file is None:
                    self._file = lock, file
                    unlocked.rename(path_of(folder, self._process))
                    return
            except OSError:
                if self._file == (lock, file):
                    self._file = None
                _let_go(lock, file, unlocked)
                raise
            _let_go(lock, file, unlocked)

    def _mapped(self) -> memoryview:
        """Memory for one sheet. Zeros are written first, since a page that the disk has no room for would be fatal."""
        assert self._file is not None
        _, file = self._file
        try:
            offset = self._missed.pop()
        except IndexError:
            offset = next(self._numbers) * STRIDE
        try:
            if os.pwrite(file, bytes(SIZE), offset) != SIZE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            mapped = mmap.mmap(file, SIZE, offset=offset)
        except (OSError, ValueError):
            self._missed.append(offset)
            raise
        self._maps.append(mapped)
        return memoryview(mapped)

    def close(self) -> None:
        """Set the lock free and let go of the memory, all sheets of which are released."""
        for descriptor in self._file or ():
            os.close(descriptor)
        self._file = self._folder = None
        for mapped in self._maps:
            try:
                mapped.close()
            except BufferError:  # somebody still looks at a sheet: it goes when nobody does
                continue
        self._maps, self._sheets, self._homeless = [], [], []


def _let_go(lock: int, file: int | None, path: Path) -> None:
    os.close(lock)
    if file is not None:
        os.close(file)
    path.unlink(missing_ok=True)


def path_of(folder: Path, process: str) -> Path:
    """The file of a process."""
    return folder / f"{process}{SUFFIX}"


def processes(folder: Path) -> list[str]:
    """The ids of all processes that have a file, the sum of earlier ones excepted."""
    names = sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"[!.]*{SUFFIX}"))
    return [name for name in names if name != EARLIER]


def is_alive(path: Path) -> bool:
    """Whether the process whose file this is still runs."""
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def accounts(path: Path) -> dict[str, Account]:
    """The numbers in a file by exporter, as its process counted them; none where there is no such file."""
    found: dict[str, Sheet] = {}
    for sheet in sheets(path):
        try:
            sheet.account()
            if sheet.exporter in found:
                found[sheet.exporter].join(sheet)
            else:
                found[sheet.exporter] = sheet
        except (ValueError, OverflowError, OSError):  # not written by us
            continue
    return {exporter: sheet.account() for exporter, sheet in found.items()}


def sheets(path: Path) -> Iterator[Sheet]:
    """Copies of the sheets in a file, with what is noted in them counted; none where there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError:  # it has gone, or is none of ours
        return
    try:
        for sheet in copies(descriptor):
            if sheet.is_whole:
                sheet.resolve(partial(settled, path.parent))
                yield sheet
    finally:
        os.close(descriptor)


def copies(descriptor: int) -> Iterator[Sheet]:
    """Copies of the sheets in an open file as they are, also of those that are not whole."""
    for number in range(MOST_SHEETS):
        copy = os.pread(descriptor, SIZE, number * STRIDE)
        if len(copy) < SIZE:
            return
        yield Sheet(memoryview(bytearray(copy)))


def touch(path: Path) -> None:
    """Note that the process is still at work: memory that is mapped to a file does not change the file's time."""
    try:
        os.utime(path)
    except OSError:  # it has gone and is made anew, or could never be made: whoever counts sees to that
        return

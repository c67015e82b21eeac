"""A file of records on disk that one process at a time holds: it writes them, or settles what another has left.

The file begins with a mark and the offset up to which all is settled; then come frames: a first one that says whose
records these are, then the records. Who holds the file has it locked (`flock`), so that a free lock tells of a dead
process. A child that is forked inherits the lock, and lets go of it at once.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import struct
import time
import weakref
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, Self

from pydantic_core import from_json, to_json

from llmtrace.forking import at_fork
from llmtrace.pipeline.frames import Frame, framed, frames
from llmtrace.pipeline.opening import opening
from llmtrace.pipeline.process import base36, boot_id, process_id

MARK: Final = b"llmtrace spool 1"
_OFFSET: Final = struct.Struct(">Q")
_BEGINNING: Final = len(MARK) + _OFFSET.size
_LONGEST_BEGINNING: Final = 64 * 1024
SUFFIX: Final = ".spool"
BEGUN_S: Final = 60.0  # after that long a file that is not complete will never be
NEW: Final = ".new"  # until it is locked, so that nobody takes it for one that a dead process has left


class Batch(NamedTuple):
    """Records that were read in a row."""

    records: Sequence[Frame]
    end: int  # the offset that settles them
    damaged: int  # how many in between cannot be read
    following: int | None  # number of the next record; None when that is not known


class Segment:
    """A file that this process holds."""

    def __init__(
        self, path: Path, descriptor: int, exporter: str, origin: str, begins: int, settled: int, begun: float
    ) -> None:
        self.path = path
        self.exporter = exporter
        self.origin = origin  # the process that wrote it
        self.is_aside = False  # whether this process puts spans into it that hold others up
        self._begun = begun  # in seconds of `time.monotonic`
        self._descriptor = descriptor
        self._settled = settled
        self._end = os.lseek(descriptor, 0, os.SEEK_END)
        self._numbers = itertools.count()
        self._following: int | None = 0 if settled == begins else None  # number of the next record to be read
        _held.add(self)

    @classmethod
    def create(cls, folder: Path, exporter: str, origin: str | None = None) -> Self:
        """A new file, for what this process writes or, where `origin` names another, what that one has left.

        Raises:
            OSError: it can't be made.
        """
        stamp = base36(time.time_ns() // 1_000_000).rjust(9, "0")
        path = folder / f"{stamp}-{secrets.token_hex(4)}-{digest(exporter)}{SUFFIX}"
        new = path.with_suffix(NEW)
        with opening():
            descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                if not _lock(descriptor):
                    raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))
                begun = time.monotonic()
                origin = origin or process_id()
                names = {"exporter": _written(exporter), "process": origin, "boot": boot_id(), "begun": begun}
                whose = framed(to_json(names), 0, int(time.time()))
                begins = _BEGINNING + len(whose)
                _write(descriptor, b"".join((MARK, _OFFSET.pack(begins), whose)))
                new.rename(path)
            except BaseException:
                os.close(descriptor)
                with contextlib.suppress(OSError):
                    new.unlink()
                raise
            return cls(path, descriptor, exporter, origin, begins, begins, begun)

    @classmethod
    def adopt(cls, path: Path, exporter: str | None = None) -> Self | None:
        """The file that a process has left, now held by this one; None when it is held, gone, or not of `exporter`.

        Raises:
            ValueError: its beginning cannot be read, so that nobody knows whose it is.
        """
        with opening():
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                return None
            found = None
            try:
                if _lock(descriptor) and os.fstat(descriptor).st_nlink:
                    found = cls._read_beginning(path, descriptor, exporter)
            except OSError:
                return None
            finally:
                if found is None:
                    os.close(descriptor)
            return found

    @classmethod
    def _read_beginning(cls, path: Path, descriptor: int, exporter: str | None) -> Self | None:
        beginning = os.pread(descriptor, _LONGEST_BEGINNING, 0)
        whose = next(frames(beginning[_BEGINNING:]), None)
        if not beginning.startswith(MARK) or whose is None or whose.record is None:
            raise ValueError(f"{path} does not begin as a file of the spool does")
        names = from_json(whose.record)
        if exporter is not None and names["exporter"] != _written(exporter):
            return None
        (settled,) = _OFFSET.unpack_from(beginning, len(MARK))
        begins = _BEGINNING + whose.end
        boot, begun = names.get("boot"), time.monotonic()
        if boot is not None and boot == boot_id():
            begun = names["begun"]
        return cls(path, descriptor, names["exporter"], names["process"], begins, max(begins, settled), begun)

    def age(self, written_at: int) -> float:
        """How many seconds old a record is at least that was written at `written_at`, in seconds since 1970.

        That clock is set by people and by other machines, and may jump by days. So the file's own age counts as well,
        by a clock that nobody sets: since it was made or, if the machine was started anew since then, since it was
        taken over.
        """
        return min(time.time() - written_at, time.monotonic() - self._begun)

    @property
    def size(self) -> int:
        return self._end

    @property
    def has_more(self) -> bool:
        """Whether there are records that are not settled."""
        return self._settled < self._end

    def is_settled(self, end: int) -> bool:
        """Whether all records before the offset `end` are settled."""
        return self._settled >= end

    @property
    def is_held(self) -> bool:
        return self._descriptor >= 0

    @property
    def has_name(self) -> bool:
        """Whether others could find the file: somebody may have cleared the folder."""
        return os.fstat(self._descriptor).st_nlink > 0

    def append(self, records: Sequence[bytes], group: int, written_at: int | None = None) -> None:
        """Write records, all of them or none, in one call of `write(2)`: then they outlive this process.

        Args:
            records: JSON, or any other text in UTF-8.
            group: a number of 32 bits; only records of one group are read together.
            written_at: when they were first written, in seconds since 1970; now, if it is left out.

        Raises:
            OSError: they can't be written, since the disk is full, say.
        """
        now, descriptor = int(time.time()) if written_at is None else written_at, self._descriptor
        _write(descriptor, b"".join(framed(record, next(self._numbers), now, group) for record in records))
        self._end = os.lseek(descriptor, 0, os.SEEK_CUR)

    def read(self, count: int, size: int, *, mixed: bool = False) -> Batch:
        """The next records that are not settled: one at least, `count` at most, and from two on `size` bytes at most.

        They are of one group, unless they may be `mixed`.
        """
        found: list[Frame] = []
        start = end = self._settled
        last = self._end  # what others append meanwhile is for the next time
        held, damaged, following, gap = 0, 0, self._following, False
        for frame in frames(os.pread(self._descriptor, last - start, start)):
            if frame.record is None:
                gap = gap or not frame.cut_off
                continue
            held += len(frame.record)
            other = not mixed and bool(found) and frame.group != found[0].group
            if other or (found and (len(found) >= count or held > size)):
                return Batch(found, end, damaged, following)
            if gap:
                damaged, gap = damaged + _missing(following, frame.number), False
            following = max(following or 0, frame.number + 1)
            found.append(frame)
            end = start + frame.end
        return Batch(found, last if gap or start == end else end, damaged + gap, following)

    def settle(self, batch: Batch) -> None:
        """Never read `batch` again in this process."""
        self._settled, self._following = batch.end, batch.following

    def note(self, batch: Batch) -> None:
        """Have nobody read `batch` who holds the file after this process.

        Raises:
            OSError: it can't be written down, so that others would read it.
        """
        if self._descriptor >= 0:
            # Not by the descriptor of the writer, whose writes all go to the end of the file.
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, _OFFSET.pack(batch.end), len(MARK))
            finally:
                os.close(descriptor)

    def remaining(self) -> int:
        """How many records are not settled, also those that cannot be read any more."""
        batch = self.read(self._end, self._end, mixed=True)
        return len(batch.records) + batch.damaged

    def delete(self) -> None:
        """Delete the file, and hold it still."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def remove(self) -> None:
        """Delete the file, and let go of it."""
        self.delete()
        self.release()

    def release(self) -> None:
        """Let go of the file: another process may take it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _missing(following: int | None, number: int) -> int:
    """How many records were in a damaged stretch in front of record `number`."""
    return 1 if following is None else max(1, number - following)


def _written(exporter: str) -> str:
    """An exporter's name as JSON can hold it."""
    return exporter.encode(errors="replace").decode()


def digest(exporter: str) -> str:
    """What stands for an exporter's name in names of files."""
    return sha256(exporter.encode(errors="replace")).hexdigest()[:12]


def settled(folder: Path, name: str) -> int | None:
    """The offset up to which a file that anybody may hold is settled; None when it has gone."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            (offset,) = _OFFSET.unpack(os.pread(descriptor, _OFFSET.size, len(MARK)))
        finally:
            os.close(descriptor)
    except (OSError, ValueError, struct.error):
        return None
    return int(offset)


def clear_up(folder: Path, exporter: str) -> None:
    """Delete files of `exporter` that a process had begun when it was killed."""
    for path in folder.glob(f"*-{digest(exporter)}{NEW}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > BEGUN_S:
                path.unlink()


def _lock(descriptor: int) -> bool:
    import fcntl  # not on Windows, where there is no folder for segments

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int, data: bytes) -> None:
    """Write all of `data` at the end of the file, or leave the file as it was."""
    before = os.lseek(descriptor, 0, os.SEEK_END)
    written = os.write(descriptor, data)
    if written != len(data):
        os.ftruncate(descriptor, before)
        os.lseek(descriptor, before, os.SEEK_SET)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


_held: Final[weakref.WeakSet[Segment]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for segment in tuple(_held):
        segment.release()


at_fork(after_in_child=_after_fork_in_child)

"""Spans of one exporter that wait on disk: written by this process, or left by another that has died."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final
from zlib import crc32

from llmtrace.masking import get_logger
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.folder import private, size_of
from llmtrace.pipeline.frames import SIZE as FRAME_BYTES
from llmtrace.pipeline.ledger import Ledger, ledger_of
from llmtrace.pipeline.preparing import UNREADY
from llmtrace.pipeline.record import all_packed
from llmtrace.pipeline.segment import SUFFIX, Segment, clear_up, digest
from llmtrace.pipeline.waiting import Waiting, read_back

logger = get_logger("llmtrace.pipeline")

SEGMENT_BYTES: Final = 4 * 1024 * 1024
PARTS: Final = 8  # of the size that is allowed, at least: the oldest part goes when it is reached
MOST_TAKEN: Final = 32  # files of the dead that are open at a time: the host needs descriptors too
BEGINNING_BYTES: Final = 512  # of a file, about: whose it is
REST_S: Final = 30.0  # until a disk that could not be written is tried again

FULL: Final = "spool full"
DAMAGED: Final = "damaged in the spool"
CLEARED: Final = "deleted in the spool"

Mark = Sequence[tuple[Segment, int]]
"""Files, and the offsets up to which they were written."""


def _nothing() -> None:
    """Nothing became of them."""


class Spool:
    """What one pipe keeps on disk. Any thread may write; one reads."""

    def __init__(self, exporter: str, ledger: Ledger, folder: Path, max_bytes: int) -> None:
        """`max_bytes` bounds the whole folder, of all exporters and processes."""
        self._exporter = exporter
        self._ledger = ledger
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = min(SEGMENT_BYTES, max(1, max_bytes // PARTS))
        self._lock = threading.RLock()
        self._current: Segment | None = None  # is written to
        self._others: deque[Segment] = deque()
        self._own: set[Path] = set()  # of this ledger
        self._reading: Segment | None = None
        self._leaves_some = False  # whether there was more from the dead than may be taken at a time
        self._rests_until = 0.0
        self._told = False
        self._closed = False

    # Writing

    def write(self, spans: Iterable[EndedSpan], destination: str | None) -> bool:
        """Put spans on disk, all of them or none; False when that can't be done now, which is told once."""
        if self._rests_until > time.monotonic():
            return False
        records, mistakes = all_packed(spans, destination)
        try:
            with self._lock:
                if self._closed:
                    return False
                if records:
                    size = sum(FRAME_BYTES + len(record) for record in records)
                    self._writable(size).append(records, crc32((destination or "").encode(errors="replace")))
        except OSError as error:
            self._rest(error)
            return False
        self._ledger.spooled(len(records))
        if mistakes:
            self._ledger.dropped(UNREADY, len(mistakes))
            logger.error("Spans of the exporter %s have no form on disk.", self._exporter, exc_info=mistakes[0])
        return True

    def try_again(self) -> None:
        """Let the next span be written although the disk could not be a moment ago: there is no later time."""
        self._rests_until = 0.0

    def _writable(self, size: int) -> Segment:
        """A file in which there is room for `size` bytes, or a new one."""
        current = self._current
        if current is not None and current.size + size <= self._segment_bytes and current.has_name:
            return current
        if current is not None:
            self._others.append(current)
            self._current = None
        self._make_room(max(self._segment_bytes, BEGINNING_BYTES + size))
        try:
            current = Segment.create(self._folder, self._exporter)
        except FileNotFoundError:  # somebody clears the temporary directory of what is old
            current = Segment.create(private(self._folder), self._exporter)
        self._current = current
        self._own.add(current.path)
        return current

    def _rest(self, error: OSError) -> None:
        self._rests_until = time.monotonic() + REST_S
        self._ledger.error(f"the spool can't be written: {error.strerror}")
        if not self._told:
            self._told = True
            logger.warning(
                "Spans that the exporter %s cannot send wait in memory only: %s can't be written: %s.",
                self._exporter,
                self._folder,
                error.strerror,
            )

    def _make_room(self, needed: int) -> None:
        """Delete the oldest files until one of `needed` bytes fits, but for those that other processes hold."""
        sizes = {path: size_of(path) for path in sorted(self._folder.glob(f"*{SUFFIX}"))}
        over = sum(sizes.values()) + needed - self._max_bytes
        for path, size in sizes.items():
            if over > 0 and self._evict(path):
                over -= size

    def _evict(self, path: Path) -> bool:
        segment = next((each for each in self._others if each.path == path), None)
        if segment is None:
            try:
                segment = Segment.adopt(path)
            except ValueError as error:
                logger.warning("%s: it is deleted.", error)
                path.unlink(missing_ok=True)
                return True
        if segment is None or segment is self._reading:
            return False
        count = segment.remaining()
        if count:
            self._drop(segment, FULL, count)
            logger.error("The spool is full: %d spans of the exporter %s are dropped.", count, segment.exporter)
        self._finish(segment)
        return True

    # Reading

    def has_more(self, *, newest: bool = False) -> bool:
        """Whether there are spans that wait here, or in the file that is written now."""
        with self._lock:
            return any(segment.has_more for segment in self._segments(newest)) or (self._leaves_some and not newest)

    def mark(self) -> Mark:
        """How far this process has written, for `passed`."""
        with self._lock:
            return [(each, each.size) for each in self._segments() if each.path in self._own and each.has_more]

    def passed(self, mark: Mark) -> bool:
        """Whether all that was written before `mark` was made is settled."""
        return all(segment.is_settled(end) or not segment.is_held for segment, end in mark)

    def _segments(self, newest: bool = False) -> list[Segment]:
        current = [] if self._current is None else [self._current]
        if newest:
            return current
        return sorted([*self._others, *current], key=attrgetter("is_aside"))

    def next(self, count: int, size: int, *, newest: bool = False) -> Waiting | None:
        """Spans that wait, of one destination, in the order of their file; None when there are none.

        Args:
            count: of spans, at most.
            size: bytes, at most, unless one span alone is larger.
            newest: from the file that is written now, rather than from the oldest one.
        """
        with self._lock:
            segment = self._reading = self._next_segment(newest)
        if segment is None and self._leaves_some and not newest and self.sweep():
            with self._lock:
                segment = self._reading = self._next_segment(newest)
        if segment is None:
            return None
        try:
            waiting = read_back(segment, count, size, self._ledger_for(segment))
        except OSError:
            if segment.is_held:
                raise
            return None  # `close` has let go of it meanwhile, and another process may have it
        return waiting if segment.is_held else None  # else by its descriptor another file may have been read

    def _next_segment(self, newest: bool) -> Segment | None:
        for segment in self._segments(newest):
            if segment.has_more:
                return segment
            if segment is not self._current:
                self._finish(segment)
        return None

    def settle(self, waiting: Waiting, count: Callable[[], None]) -> None:
        """Never read these again.

        Args:
            waiting: what `next` gave.
            count: notes what became of them, before anybody sees that they are settled. It is not called when another
                process has them by now, which then counts them.
        """
        with self._lock:
            self._reading = None
            segment = waiting.segment
            if not segment.is_held:
                return
            count()
            try:
                segment.settle(waiting.batch)
            except OSError as error:
                logger.debug("%s can't be written: %s.", segment.path, error)
            waiting.ledger.spooled(-len(waiting.spans))
            lost = waiting.batch.damaged + waiting.unreadable
            if lost:
                self._drop(segment, DAMAGED, lost)
                logger.error("%d spans of the exporter %s were damaged in the spool.", lost, self._exporter)
            if segment is not self._current and not segment.has_more:
                self._finish(segment)

    def put_back(self, waiting: Waiting) -> None:
        """They could not be exported: let other files have their turn before."""
        with self._lock:
            self._reading = None
            if waiting.segment in self._others:
                self._others.remove(waiting.segment)
                self._others.append(waiting.segment)

    def set_aside(self, waiting: Waiting) -> bool:
        """Let what comes after these pass: they go to a file of what was set aside, which is read after all others.

        False when they stay where they are, since nothing comes after them yet, or the disk can't be written.
        """
        with self._lock:
            segment = waiting.segment
            if not segment.is_held or (waiting.is_last and segment is self._current):
                return False
            if waiting.is_last:
                segment.is_aside = True
                self.put_back(waiting)
                return True
            try:
                for frame in waiting.batch.records:
                    record = frame.record or b""
                    self._beside(segment, FRAME_BYTES + len(record)).append([record], frame.group, frame.written_at)
            except OSError:
                return False
            waiting.ledger.spooled(len(waiting.spans))  # before they are settled here: a crash makes two, not none
            self.settle(waiting, _nothing)
            return True

    def _beside(self, segment: Segment, size: int) -> Segment:
        """The file of what is set aside of the process that wrote `segment`, or a new one; it has room for `size`."""
        for aside in self._others:
            is_one = aside.is_aside and aside.origin == segment.origin
            if is_one and aside.size + size <= self._segment_bytes and aside.has_name:
                return aside
        self._make_room(BEGINNING_BYTES + size)
        aside = Segment.create(self._folder, self._exporter, segment.origin)
        aside.is_aside = True
        self._others.append(aside)
        if segment.path in self._own:
            self._own.add(aside.path)
        return aside

    def _ledger_for(self, segment: Segment) -> Ledger:
        return self._ledger if segment.path in self._own else ledger_of(segment.origin, segment.exporter)

    def _drop(self, segment: Segment, reason: str, count: int) -> None:
        ledger = self._ledger_for(segment)
        ledger.spooled(-count)
        ledger.dropped(reason, count)

    def _finish(self, segment: Segment) -> None:
        if segment in self._others:
            self._others.remove(segment)
        self._own.discard(segment.path)
        segment.remove()

    # Between processes

    def sweep(self) -> bool:
        """Take over what dead processes have left for this exporter; True when there was something."""
        found = False
        try:
            left = sorted(self._folder.glob(f"*-{digest(self._exporter)}{SUFFIX}"))
        except OSError:  # the folder is not there any more, or no folder
            return False
        clear_up(self._folder, self._exporter)
        self._leaves_some = False
        for path in left:
            with self._lock:
                if self._closed or any(path == segment.path for segment in self._segments()):
                    continue
                if self._taken() >= MOST_TAKEN:
                    self._leaves_some = True
                    break
                found = self._take_over(path) or found
        return found

    def _taken(self) -> int:
        return sum(segment.path not in self._own and not segment.is_aside for segment in self._others)

    def _take_over(self, path: Path) -> bool:
        try:
            segment = Segment.adopt(path, self._exporter)
        except ValueError:  # goes when there is need of room
            return False
        if segment is None:
            return False
        if not segment.has_more:
            segment.remove()
            return False
        self._others.append(segment)
        return True

    def close(self) -> None:
        """Let go of all files, so that others can take over what waits in them."""
        with self._lock:
            self._closed = True
            for segment in self._segments():
                if segment.is_held and segment.has_more and not segment.has_name:
                    count = segment.remaining()
                    self._drop(segment, CLEARED, count)
                    logger.error("%d spans of the exporter %s were deleted on disk.", count, self._exporter)
                segment.release() if segment.has_more else segment.remove()

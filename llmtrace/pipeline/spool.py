"""Spans of one exporter that wait on disk: written by this process, or left by another that has died."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final
from zlib import crc32

from llmtrace.masking import get_logger
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.frames import SIZE as FRAME_BYTES
from llmtrace.pipeline.ledger import Ledger
from llmtrace.pipeline.preparing import UNREADY
from llmtrace.pipeline.record import all_packed
from llmtrace.pipeline.room import Room
from llmtrace.pipeline.segment import Segment
from llmtrace.pipeline.segments import Segments
from llmtrace.pipeline.takeover import take_over
from llmtrace.pipeline.waiting import Waiting, read_back

logger = get_logger("llmtrace.pipeline")

REST_S: Final = 30.0  # until a disk that could not be written is tried again

DAMAGED: Final = "damaged in the spool"
CLEARED: Final = "deleted in the spool"

Mark = Sequence[tuple[Segment, int]]
"""Files, and the offsets up to which they were written."""


def _nothing() -> None:
    """All were sent, or are somewhere else."""


class Spool:
    """What one pipe keeps on disk. Any thread may write; one reads."""

    def __init__(self, exporter: str, ledger: Ledger, folder: Path, max_bytes: int) -> None:
        """`max_bytes` bounds the whole folder, of all exporters and processes."""
        self._exporter = exporter
        self._ledger = ledger
        self._folder = folder
        self._segments = Segments(exporter, ledger, folder)
        self._room = Room(self._segments, max_bytes)
        self._more_left = False  # whether there was more from the dead than may be taken at a time
        self._rests_until = 0.0
        self._told = False

    # Writing

    def write(self, spans: Iterable[EndedSpan], destination: str | None) -> bool:
        """Put spans on disk, all of them or none; False when that can't be done now, which is told once."""
        if self._rests_until > time.monotonic():
            return False
        segments = self._segments
        records, mistakes = all_packed(spans, destination)
        try:
            with segments.lock:
                if segments.closed:
                    return False
                if records:
                    size = sum(FRAME_BYTES + len(record) for record in records)
                    self._room.to_write(size).append(records, crc32((destination or "").encode(errors="replace")))
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

    # Reading

    def has_more(self, *, newest: bool = False) -> bool:
        """Whether there are spans that wait here, or in the file that is written now."""
        with self._segments.lock:
            segments = self._segments.in_order(newest=newest)
            return any(segment.has_more for segment in segments) or (self._more_left and not newest)

    def mark(self) -> Mark:
        """How far this process has written, for `passed`."""
        segments = self._segments
        with segments.lock:
            return [(each, each.size) for each in segments.in_order() if segments.is_own(each) and each.has_more]

    def passed(self, mark: Mark) -> bool:
        """Whether all that was written before `mark` was made is settled."""
        return all(segment.is_settled(end) or not segment.is_held for segment, end in mark)

    def next(self, count: int, size: int, *, newest: bool = False) -> Waiting | None:
        """Spans that wait, of one destination, in the order of their file; None when there are none.

        Args:
            count: of spans, at most.
            size: bytes, at most, unless one span alone is larger.
            newest: from the file that is written now, rather than from the oldest one.
        """
        with self._segments.lock:
            segment = self._segments.reading = self._next_segment(newest)
        if segment is None and self._more_left and not newest and self.sweep():
            with self._segments.lock:
                segment = self._segments.reading = self._next_segment(newest)
        if segment is None:
            return None
        try:
            waiting = read_back(segment, count, size, self._segments.ledger_for(segment))
        except OSError:
            if segment.is_held:
                raise
            return None  # `close` has let go of it meanwhile, and another process may have it
        return waiting if segment.is_held else None  # else by its descriptor another file may have been read

    def _next_segment(self, newest: bool) -> Segment | None:
        for segment in self._segments.in_order(newest=newest):
            if segment.has_more:
                return segment
            if segment is not self._segments.current:
                self._segments.remove(segment)
        return None

    def settle(self, waiting: Waiting, sent: int, count_others: Callable[[], None] = _nothing) -> None:
        """Never read these again.

        Args:
            waiting: what `next` gave.
            sent: how many of them the exporter has taken.
            count_others: notes what became of the others. It is not called when another process has them by now, which
                then counts them.
        """
        with self._segments.lock:
            self._segments.reading = None
            if waiting.segment.is_held:
                self._settle(waiting, len(waiting.spans), sent, count_others)

    def _settle(self, waiting: Waiting, count: int, sent: int, count_others: Callable[[], None]) -> None:
        segment, batch, lost = waiting.segment, waiting.batch, waiting.batch.damaged + waiting.unreadable
        waiting.ledger.left_disk(count + lost, sent, segment.path.name, batch.end, partial(self._note, waiting))
        count_others()
        if lost:
            waiting.ledger.dropped(DAMAGED, lost)
            logger.error("%d spans of the exporter %s were damaged in the spool.", lost, self._exporter)
        segment.settle(batch)  # last: who waits for that finds all counted
        if segment is not self._segments.current and not segment.has_more:
            self._segments.remove(segment)

    @staticmethod
    def _note(waiting: Waiting) -> None:
        try:
            waiting.segment.note(waiting.batch)
        except OSError as error:
            logger.debug("%s can't be written: %s.", waiting.segment.path, error)

    def put_back(self, waiting: Waiting) -> None:
        """They could not be exported: let other files have their turn before."""
        with self._segments.lock:
            self._segments.reading = None
            if waiting.segment in self._segments.others:
                self._segments.others.remove(waiting.segment)
                self._segments.others.append(waiting.segment)

    def set_aside(self, waiting: Waiting) -> bool:
        """Let what comes after these pass: they go to a file of what was set aside, which is read after all others.

        False when they stay where they are, since nothing comes after them yet, or the disk can't be written.
        """
        with self._segments.lock:
            segment = waiting.segment
            if not segment.is_held or (waiting.is_last and segment is self._segments.current):
                return False
            if waiting.is_last:
                segment.is_aside = True
                self.put_back(waiting)
                return True
            try:
                for frame in waiting.frames:
                    record = frame.record or b""
                    aside = self._room.beside(segment, FRAME_BYTES + len(record))
                    aside.append([record], frame.group, frame.written_at)
            except OSError:
                return False
            self._segments.reading = None
            self._settle(waiting, 0, 0, _nothing)  # after they are written there: a crash makes two, not none
            return True

    # Between processes

    def sweep(self) -> bool:
        """Take over what dead processes have left for this exporter; True when there was something."""
        found, self._more_left = take_over(self._segments)
        return found

    def close(self) -> None:
        """Let go of all files, so that others can take over what waits in them."""
        with self._segments.lock:
            self._segments.closed = True
            for segment in self._segments.in_order():
                if segment.is_held and segment.has_more and not segment.has_name:
                    count = segment.remaining()
                    self._segments.drop(segment, CLEARED, count)
                    logger.error("%d spans of the exporter %s were deleted on disk.", count, self._exporter)
                segment.release() if segment.has_more else segment.remove()

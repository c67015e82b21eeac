"""Room on disk for spans that have to wait: in a file that has some, or in a new one, for which the oldest go."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from llmtrace.masking import get_logger
from llmtrace.pipeline.folder import private, size_of
from llmtrace.pipeline.segment import SUFFIX, Segment
from llmtrace.pipeline.segments import Segments

logger = get_logger("llmtrace.pipeline")

SEGMENT_BYTES: Final = 4 * 1024 * 1024
PARTS: Final = 8  # of the size that is allowed, at least: the oldest part goes when it is reached
BEGINNING_BYTES: Final = 512  # of a file, about: whose it is

FULL: Final = "spool full"


class Room:
    """What one exporter may write to. Who asks for some holds the lock of its files."""

    def __init__(self, segments: Segments, max_bytes: int) -> None:
        """`max_bytes` bounds the whole folder, of all exporters and processes."""
        self._segments = segments
        self._max_bytes = max_bytes
        self._segment_bytes = min(SEGMENT_BYTES, max(1, max_bytes // PARTS))

    def to_write(self, size: int) -> Segment:
        """The file that is written, with room for `size` bytes.

        Raises:
            OSError: a new one is needed, and can't be made.
        """
        segments = self._segments
        current = segments.current
        if current is not None and current.size + size <= self._segment_bytes and current.has_name:
            return current
        if current is not None:
            segments.others.append(current)
            segments.current = None
        self._make(max(self._segment_bytes, BEGINNING_BYTES + size))
        try:
            current = Segment.create(segments.folder, segments.exporter)
        except FileNotFoundError:  # somebody clears the temporary directory of what is old
            current = Segment.create(private(segments.folder), segments.exporter)
        segments.current = current
        segments.own(current)
        return current

    def beside(self, segment: Segment, size: int) -> Segment:
        """A file for what is set aside of the process that wrote `segment`, with room for `size` bytes.

        Raises:
            OSError: a new one is needed, and can't be made.
        """
        segments = self._segments
        for aside in segments.others:
            is_one = aside.is_aside and aside.origin == segment.origin
            if is_one and aside.size + size <= self._segment_bytes and aside.has_name:
                return aside
        self._make(BEGINNING_BYTES + size)
        aside = Segment.create(segments.folder, segments.exporter, segment.origin)
        aside.is_aside = True
        segments.others.append(aside)
        if segments.is_own(segment):
            segments.own(aside)
        return aside

    def _make(self, needed: int) -> None:
        """Delete the oldest files until one of `needed` bytes fits, but for those that other processes hold."""
        sizes = {path: size_of(path) for path in sorted(self._segments.folder.glob(f"*{SUFFIX}"))}
        over = sum(sizes.values()) + needed - self._max_bytes
        for path, size in sizes.items():
            if over > 0 and self._is_evicted(path):
                over -= size

    def _is_evicted(self, path: Path) -> bool:
        """Delete a file and count what was in it; False when another process holds it, or it is being read."""
        segments = self._segments
        segment = next((each for each in segments.others if each.path == path), None)
        if segment is None:
            try:
                segment = Segment.adopt(path)
            except ValueError as error:
                logger.warning("%s: it is deleted.", error)
                path.unlink(missing_ok=True)
                return True
        if segment is None or segment is segments.reading:
            return False
        count = segment.remaining()
        if count:
            segments.drop(segment, FULL, count)
            logger.error("The spool is full: %d spans of the exporter %s are dropped.", count, segment.exporter)
        segments.remove(segment)
        return True

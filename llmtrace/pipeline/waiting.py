"""Spans that were read back from a file of the spool, on their way to the exporter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.frames import Frame
from llmtrace.pipeline.ledger import Ledger
from llmtrace.pipeline.record import unpacked
from llmtrace.pipeline.segment import Batch, Segment


class Waiting(NamedTuple):
    """Spans of one destination, to be exported and then settled."""

    spans: Sequence[EndedSpan]
    destination: str | None
    written_at: int  # the oldest of them, in seconds since 1970
    ledger: Ledger  # of the process in which they ended
    segment: Segment
    batch: Batch
    frames: Sequence[Frame]  # of these spans
    unreadable: int

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after them in their file."""
        return self.batch.end >= self.segment.size


def read_back(segment: Segment, count: int, size: int, ledger: Ledger) -> Waiting:
    """The next spans of a file.

    Args:
        segment: the file.
        count: of spans, at most.
        size: bytes, at most, unless one span alone is larger.
        ledger: of the process that wrote it.

    Raises:
        OSError: it can't be read.
    """
    batch = segment.read(count, size)
    spans, frames, destination = [], [], None
    for frame in batch.records:
        try:
            span, destination = unpacked(frame.record or b"")
        except Exception:  # it is counted below
            continue
        spans.append(span)
        frames.append(frame)
    oldest = batch.records[0].written_at if batch.records else 0
    return Waiting(spans, destination, oldest, ledger, segment, batch, frames, len(batch.records) - len(spans))

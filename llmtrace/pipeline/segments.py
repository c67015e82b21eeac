"""The files of one exporter's spool that this process holds: those that it writes, and what others have left."""

from __future__ import annotations

import threading
from collections import deque
from operator import attrgetter
from pathlib import Path

from llmtrace.pipeline.ledger import Ledger, ledger_of
from llmtrace.pipeline.segment import Segment


class Segments:
    """Which these are, in what order they are read, and who counts what is in them.

    Who changes something here, or relies on several things, holds `lock`.
    """

    def __init__(self, exporter: str, ledger: Ledger, folder: Path) -> None:
        self.exporter = exporter
        self._ledger = ledger
        self.folder = folder
        self.lock = threading.RLock()
        self.current: Segment | None = None  # is written to
        self.others: deque[Segment] = deque()
        self.reading: Segment | None = None
        self.closed = False
        self._own: set[Path] = set()  # of this ledger

    def in_order(self, *, newest: bool = False) -> list[Segment]:
        """All of them in the order in which they are read, or only the `newest`, the one that is written now."""
        current = [] if self.current is None else [self.current]
        return current if newest else sorted([*self.others, *current], key=attrgetter("is_aside"))

    def own(self, segment: Segment) -> None:
        """Count what becomes of it in the ledger of this process."""
        self._own.add(segment.path)

    def is_own(self, segment: Segment) -> bool:
        """Whether the spans in it ended in this process."""
        return segment.path in self._own

    def ledger_for(self, segment: Segment) -> Ledger:
        """The ledger of the process in which the spans in it ended."""
        return self._ledger if segment.path in self._own else ledger_of(segment.origin, segment.exporter)

    def drop(self, segment: Segment, reason: str, count: int) -> None:
        """Delete the file, and count the spans that were in it and are no more."""
        ledger = self.ledger_for(segment)
        ledger.left_disk(count, 0, segment.path.name, segment.size, segment.delete)
        ledger.dropped(reason, count)

    def remove(self, segment: Segment) -> None:
        """Delete the file: nothing in it is needed any more."""
        if segment in self.others:
            self.others.remove(segment)
        self._own.discard(segment.path)
        segment.remove()

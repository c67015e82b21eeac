"""The queue in front of an exporter: bounded in spans and in bytes, and quick for the one who appends."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.conf import QueueConfig
from llmtrace.pipeline.bell import Bell
from llmtrace.pipeline.ended import Content, EndedSpan, bare
from llmtrace.pipeline.filtering import Filter, Filters, Lost, passed
from llmtrace.pipeline.lineage import Kin

SPAN_BYTES: Final = 1024  # what a span without texts takes in memory, about
NUMBER_BYTES: Final = 8
BATCH_BYTES: Final = 4 * 1024 * 1024  # about; what a collector takes at once by default over gRPC


class Item:
    """An ended span on its way, shared by all queues that it is in."""

    __slots__ = ("span", "content", "kin", "size", "_lock", "_common", "_shared")

    def __init__(self, span: ReadableSpan, content: Content | None, kin: Kin | None) -> None:
        self.span = span
        self.content = content
        self.kin = kin
        self.size = SPAN_BYTES + _texts_of(span) + (0 if content is None else content.size())
        self._lock = threading.Lock()
        self._common: Sequence[Filter] | None = None  # whose outcome `_shared` is
        self._shared: EndedSpan | Lost = Lost.LEFT_OUT

    def filtered(self, filters: Filters) -> EndedSpan | Lost:
        """The span with its content as `filters` leave it. The common ones run in the first thread that asks."""
        with self._lock:
            if self._common is not filters.common:
                self._shared = passed(EndedSpan.of(self.span, self.content), filters.common)
                self._common = filters.common
            shared = self._shared
        return passed(shared, filters.own) if isinstance(shared, EndedSpan) else shared


def _texts_of(span: ReadableSpan) -> int:
    """About how many bytes the texts of a span take: other instrumentations have what was said among attributes."""
    size = _texts(span._attributes)
    for event in bare(span._events):
        size += _texts(event.attributes)
    return size


def _texts(attributes: Any) -> int:
    known, size = bare(attributes), 0
    if known:
        for value in known.values():
            kind = type(value)
            if kind is str or kind is bytes:
                size += len(value)
            elif kind is tuple:
                size += sum([len(each) if type(each) is str else NUMBER_BYTES for each in value])
    return size


Entry = tuple[Item, str | None]
"""An item, and its destination where the exporter's may change."""


class SpanQueue:
    """First in, first out. What does not fit is refused: the spans that are already in are not given up for it.

    The lock is re-entrant since a span may end in a signal handler or in garbage collection, on the thread that holds
    it.
    """

    def __init__(self, bounds: QueueConfig) -> None:
        self._bounds = bounds
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._lock = threading.RLock()
        self.filled = Bell()  # there is something
        self.due = Bell()  # a batch is full, or somebody waits for all of it
        self.slot: int | None = None  # on the slate of this process
        self.accepted = 0  # ever; it begins with another number where those before it on the slate have ended
        self.taken = 0
        self.closed = False

    def put(self, item: Item, destination: str | None) -> bool:
        """Append and return True, or return False when a bound is reached or the queue is closed."""
        with self._lock:
            full = len(self._entries) >= self._bounds.size or self._bytes + item.size > self._bounds.bytes
            if full or self.closed:
                return False
            self._entries.append((item, destination))
            self._bytes += item.size
            self.accepted += 1
            due = len(self._entries) >= self._bounds.batch or self._bytes >= BATCH_BYTES
        if not self.filled.is_set():
            self.filled.set()
        if due and not self.due.is_set():
            self.due.set()
        return True

    @property
    def is_filling(self) -> bool:
        """Whether more than half of what it may hold is in it."""
        return len(self._entries) * 2 > self._bounds.size or self._bytes * 2 > self._bounds.bytes

    def take(self) -> Sequence[Entry]:
        """The next batch: spans of one destination, at most `batch` of them and about `BATCH_BYTES`."""
        batch: list[Entry] = []
        size = 0
        with self._lock:
            while self._entries and len(batch) < self._bounds.batch:
                item, destination = self._entries[0]
                size += item.size
                if batch and (destination != batch[0][1] or size > BATCH_BYTES):
                    break
                batch.append(self._entries.popleft())
                self._bytes -= item.size
            self.taken += len(batch)
            if not self._entries:
                self.filled.clear()
            if len(self._entries) < self._bounds.batch and self._bytes < BATCH_BYTES:
                self.due.clear()
        return batch

    def close(self) -> None:
        """Accept no more. What is in can still be taken."""
        with self._lock:
            self.closed = True
        self.filled.set()

    def __len__(self) -> int:
        return len(self._entries)

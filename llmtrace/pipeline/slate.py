"""The spans that a child process has open, and those that have ended and are not exported yet, in memory that it shares
with its parent: what is left of them when the child is killed.

The memory has no name and no file, so that nothing is on disk that no filter has seen. It holds what a span began with,
without the content that travels beside it, and when it ended.
"""

from __future__ import annotations

import mmap
from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import count
from typing import Final
from zlib import crc32

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.pipeline.opened import BARE, Ended, Opened, read, written
from llmtrace.pipeline.queue import SpanQueue

logger = get_logger("llmtrace.pipeline")

# Places, each for one span. Memory that nothing was written to takes none of the machine's.
LARGE: Final = 128  # the first ones, with room for what a span began with
SMALL: Final = 8192  # for when all of these are taken
LARGE_BYTES: Final = 4096

PID, SAVED, RUNS, TOUCHED = range(4)  # numbers of 8 bytes each; the last is how many places have ever been taken
QUEUES: Final = 8  # of exporters, that are followed
NAMES: Final = 4  # what stands for an exporter's name, for each of them
SETTLED: Final = NAMES + QUEUES  # up to which span of its queue everything is settled
ROWS: Final = SETTLED + QUEUES  # a row for each place:
STAMP: Final = 0  # 0 while it is free, and else what span is there and its length
END: Final = 1  # 0 while the span is open, and else when it ended; below 0 until all queues have been given it
MARKS: Final = 2  # how many spans each queue had accepted by then
ROW: Final = MARKS + QUEUES
FIRST: Final = 8 * (ROWS + ROW * (LARGE + SMALL))
FIRST_SMALL: Final = FIRST + LARGE * LARGE_BYTES
SIZE: Final = FIRST_SMALL + SMALL * BARE
LENGTH_BITS: Final = 16
LONGEST: Final = (1 << LENGTH_BITS) - 1

FULL: Final = (
    "More than %d spans are open in this process. If it is killed, those that began first are missing in their trace, "
    "and what has ended below them has no parent there."
)


class Slate:
    """Written by the child, read by its parent. A stamp is written after what it stands for, so that a child may be
    killed at any moment."""

    def __init__(self) -> None:
        memory = memoryview(mmap.mmap(-1, SIZE))
        self._numbers = memory[:FIRST].cast("q")
        self._memory = memory
        self._numbers[TOUCHED] = LARGE
        self._large = list(reversed(range(LARGE)))  # free ones
        self._small: list[int] = []  # free ones that had been taken
        self._untouched = iter(range(LARGE, LARGE + SMALL))
        self._taken: OrderedDict[int, int] = OrderedDict()  # places by the span's id, while it is open
        self._ended: deque[int] = deque()  # places of spans that have ended, in that order
        self._queues: list[SpanQueue] = []
        self._begun = count(1)
        self._run: SpanContext | None = None  # of the job
        self._waiting: ReadableSpan | None = None  # the same while no span has begun inside
        self._run_place: int | None = None
        self._told_full = False

    # In the child

    def begin(self, pid: int) -> None:
        """Say whose it is."""
        self._numbers[PID] = pid

    def follow(self, name: str, queue: SpanQueue) -> None:
        """Have a span stay until this queue, which is new and an exporter's with that name, has settled it.

        That of an exporter beyond `QUEUES` is not followed: what is in it goes with the child.
        """
        slot = next((slot for slot, each in enumerate(self._queues) if self._is_done(slot, each)), len(self._queues))
        if slot == QUEUES:
            return
        queue.slot, queue.accepted, queue.taken = slot, self._numbers[SETTLED + slot], self._numbers[SETTLED + slot]
        self._numbers[NAMES + slot] = number_of(name)
        self._queues[slot : slot + 1] = [queue]

    def _is_done(self, slot: int, queue: SpanQueue) -> bool:
        return queue.closed and self._numbers[SETTLED + slot] >= queue.accepted

    def began(self, span: ReadableSpan) -> None:
        """Note a span, and before the first span inside a job's run that run.

        Until then nothing is below the run, and the parent can tell of it from the message.
        """
        context, parent = span._context, span._parent
        if context is None or not context.trace_flags.sampled:
            return
        if span._kind is SpanKind.CONSUMER and self._run is None and (parent is None or parent.is_remote):
            self._run, self._waiting = context, span  # one inside a run is the host's
            self._numbers[SAVED] = 0  # what is on disk was said of the job before
            self._numbers[RUNS] = 1
            return
        if self._waiting is not None:
            self._note_run()
        place = self._noted(span, context)
        if place is not None:
            self._taken[context.span_id] = place

    def _note_run(self) -> None:
        """Note the run, once: other threads of the job may begin a span or end the run in between."""
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting._context is None:
            return
        place = self._noted(waiting, waiting._context)
        if self._run is waiting._context:  # nothing is called between looking and storing
            self._run_place = place
        elif place is not None:
            self._free(place)

    def _noted(self, span: ReadableSpan, context: SpanContext) -> int | None:
        """The place in which the span is noted; None if that could not be done."""
        try:
            place = (self._large or self._small).pop()
        except IndexError:
            place = self._further()
        try:
            noted = written(span, context, LARGE_BYTES if place < LARGE else BARE)
            at, length = _begin(place), len(noted)
            self._memory[at : at + length] = noted
            self._numbers[ROWS + ROW * place] = next(self._begun) << LENGTH_BITS | length
        except Exception:
            tell(logger, "A span that began could not be noted for the case that the process is killed.")
            self._free(place)
            return None
        return place

    def _further(self) -> int:
        """A place that nothing was written to; else that of a span that has ended, or of the one that began first."""
        place = next(self._untouched, None)
        if place is not None:
            if self._numbers[TOUCHED] <= place:  # nothing is called between looking and storing
                self._numbers[TOUCHED] = place + 1
            return place
        try:
            place = self._ended.popleft()
        except IndexError:
            _, place = self._taken.popitem(last=False)
            if not self._told_full:
                self._told_full = True
                logger.warning(FULL, LARGE + SMALL - 1)
        self._wipe(place)
        return place

    def ended(self, span: ReadableSpan) -> int | None:
        """Note that a span has ended; its place is for `handed_on`."""
        context = span._context
        if context is None:
            return None
        if context is self._run:
            place, self._run_place = self._run_place, None
            self._run = self._waiting = None
            self._numbers[RUNS] = 0
        else:
            place = self._taken.pop(context.span_id, None)
        if place is None:
            return None
        try:
            failed = span._status.status_code is StatusCode.ERROR
            self._numbers[ROWS + ROW * place + END] = -((span._end_time or 1) << 1 | failed)
        except Exception:  # no number, or none of this age
            tell(logger, "A span that ended could not be noted for the case that the process is killed.")
            self._free(place)
            return None
        return place

    def handed_on(self, place: int) -> None:
        """The span of this place is in the queues that want it."""
        numbers, row, waits = self._numbers, ROWS + ROW * place, False
        for slot, queue in enumerate(self._queues):
            numbers[row + MARKS + slot] = accepted = queue.accepted
            if accepted > numbers[SETTLED + slot]:
                waits = True
        if waits:
            numbers[row + END] = -numbers[row + END]
            self._ended.append(place)
        else:
            self._free(place)

    def settled(self, queue: SpanQueue, up_to: int) -> None:
        """All that this queue has held is sent, counted or on disk, up to a place in it."""
        if queue.slot is not None:
            self._numbers[SETTLED + queue.slot] = up_to
            self._give_back()

    def _give_back(self) -> None:
        """Set the places free of what every queue has settled. Any thread may come in between."""
        while True:
            try:
                place = self._ended.popleft()
            except IndexError:
                return
            if self._unsettled(place, len(self._queues)):
                self._ended.appendleft(place)
                return
            self._free(place)

    def _free(self, place: int) -> None:
        self._wipe(place)
        (self._large if place < LARGE else self._small).append(place)

    def _wipe(self, place: int) -> None:
        row = ROWS + ROW * place
        self._numbers[row] = self._numbers[row + END] = 0

    def save(self) -> None:
        """Say that all that has ended is on disk."""
        self._numbers[SAVED] = 1

    # In its parent

    @property
    def pid(self) -> int:
        """Whose it is; 0 of a child that has just been forked."""
        return self._numbers[PID]

    @property
    def is_saved(self) -> bool:
        """Whether the child has brought to disk what has ended in it."""
        return bool(self._numbers[SAVED])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is open, and all that has ended is settled."""
        return next(self._places(), None) is None

    @property
    def runs(self) -> bool:
        """Whether a job runs in the child."""
        return bool(self._numbers[RUNS])

    def noted(self) -> list[Opened]:
        """The spans that are open, or have ended and are not settled, in the order in which they began."""
        found = []
        for place in self._places():
            row = ROWS + ROW * place
            stamp, end, unsettled = self._numbers[row], self._numbers[row + END], self._unsettled(place)
            at = _begin(place)
            noted = bytes(self._memory[at : at + (stamp & LONGEST)])
            if not stamp or self._numbers[row] != stamp:  # it is settled by now, and the bytes may be another's
                continue
            if end > 0 and not unsettled:  # so is this one, whose place is about to be free
                continue
            try:
                opened = read(stamp >> LENGTH_BITS, noted)
            except Exception:
                tell(logger, "What a process that was killed had noted of a span could not be read.")
                continue
            if end:
                names = None if end < 0 else frozenset(self._numbers[NAMES + slot] for slot in unsettled)
                opened = opened._replace(end=Ended(abs(end) >> 1, bool(abs(end) & 1), names))
            found.append(opened)
        return sorted(found, key=lambda opened: opened.number)

    def _places(self) -> Iterator[int]:
        for place in range(self._numbers[TOUCHED]):  # to read memory is to take it as well
            row = ROWS + ROW * place
            if self._numbers[row] and (self._numbers[row + END] <= 0 or self._unsettled(place)):
                yield place

    def _unsettled(self, place: int, queues: int = QUEUES) -> list[int]:
        """Those of the first queues that have not settled the span of this place, which has ended."""
        marks = ROWS + ROW * place + MARKS
        return [slot for slot in range(queues) if self._numbers[marks + slot] > self._numbers[SETTLED + slot]]

    def clear(self) -> None:
        """Forget them all."""
        self._numbers[RUNS] = 0
        for place in range(self._numbers[TOUCHED]):
            self._numbers[ROWS + ROW * place] = 0


def number_of(name: str) -> int:
    """What stands for the name of an exporter."""
    return crc32(name.encode(errors="replace"))


def _begin(place: int) -> int:
    return FIRST + place * LARGE_BYTES if place < LARGE else FIRST_SMALL + (place - LARGE) * BARE

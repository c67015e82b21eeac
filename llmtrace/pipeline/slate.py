"""The spans that a child process has open, in memory that it shares with its parent: what is left of them when the
child is killed.

The memory has no name and no file, so that nothing is on disk that no filter has seen. It holds what a span began with,
without the content that travels beside it.
"""

from __future__ import annotations

import mmap
from collections import OrderedDict
from itertools import count
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind

from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.pipeline.opened import BARE, Opened, read, written

logger = get_logger("llmtrace.pipeline")

# Places, each for one open span. Memory that nothing was written to takes none of the machine's.
LARGE: Final = 32  # the first ones, with room for what a span began with
SMALL: Final = 8192  # for when all of these are taken
LARGE_BYTES: Final = 4096
RUN: Final = 0  # the place that is kept for the job's run

PID, SAVED, RUNS = range(3)  # numbers of 8 bytes each
STAMPS: Final = 3  # one for each place: 0 while it is free, and else what span is there and its length
FIRST: Final = 8 * (STAMPS + LARGE + SMALL)
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
        self._large = list(range(RUN + 1, LARGE))  # free ones
        self._small: list[int] = []  # free ones that had been taken
        self._untouched = iter(range(LARGE, LARGE + SMALL))
        self._taken: OrderedDict[int, int] = OrderedDict()  # places by the span's id
        self._begun = count(1)
        self._run: SpanContext | None = None  # of the job
        self._waiting: ReadableSpan | None = None  # the same while no span has begun inside
        self._told_full = False

    # In the child

    def begin(self, pid: int) -> None:
        """Say whose it is."""
        self._numbers[PID] = pid

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
        waiting = self._waiting
        if waiting is not None and waiting._context is not None:
            self._note(RUN, waiting, waiting._context)
            self._waiting = None
        try:
            place = self._large.pop()
        except IndexError:
            place = self._further()
        self._taken[context.span_id] = place
        if not self._note(place, span, context):
            self.ended(span)

    def _further(self) -> int:
        """A small place; when none is free either, that of the span that has been open for the longest time."""
        try:
            return self._small.pop()
        except IndexError:
            place = next(self._untouched, None)
        if place is None:
            _, place = self._taken.popitem(last=False)
            self._numbers[STAMPS + place] = 0
            if not self._told_full:
                self._told_full = True
                logger.warning(FULL, LARGE + SMALL - 1)
        return place

    def _note(self, place: int, span: ReadableSpan, context: SpanContext) -> bool:
        try:
            noted = written(span, context, LARGE_BYTES if place < LARGE else BARE)
            at, length = _begin(place), len(noted)
            self._memory[at : at + length] = noted
            self._numbers[STAMPS + place] = next(self._begun) << LENGTH_BITS | length
        except Exception:
            tell(logger, "A span that began could not be noted for the case that the process is killed.")
            return False
        return True

    def ended(self, span: ReadableSpan) -> None:
        """Forget a span."""
        context = span._context
        if context is None:
            return
        if context is self._run:
            self._run = self._waiting = None
            self._numbers[STAMPS + RUN] = 0
            self._numbers[RUNS] = 0
            return
        place = self._taken.pop(context.span_id, None)
        if place is not None:
            self._numbers[STAMPS + place] = 0
            (self._large if place < LARGE else self._small).append(place)

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
        """Whether nothing is open."""
        return not any(self._numbers[STAMPS:])

    @property
    def runs(self) -> bool:
        """Whether a job runs in the child."""
        return bool(self._numbers[RUNS])

    def opened(self) -> list[Opened]:
        """The spans that are open, in the order in which they began."""
        found = []
        for place, stamp in enumerate(self._numbers[STAMPS:]):
            if stamp:
                at = _begin(place)
                noted = bytes(self._memory[at : at + (stamp & LONGEST)])
                if self._numbers[STAMPS + place] != stamp:  # the span has ended, and the bytes may be another's
                    continue
                try:
                    found.append(read(stamp >> LENGTH_BITS, noted))
                except Exception:
                    tell(logger, "What a process that was killed had noted of an open span could not be read.")
        return sorted(found)

    def clear(self) -> None:
        """Forget them all."""
        self._numbers[RUNS] = 0
        for place, stamp in enumerate(self._numbers[STAMPS:]):
            if stamp:  # to write to memory is to take it
                self._numbers[STAMPS + place] = 0


def _begin(place: int) -> int:
    return FIRST + place * LARGE_BYTES if place < LARGE else FIRST_SMALL + (place - LARGE) * BARE

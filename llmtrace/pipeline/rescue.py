"""Bringing spans to disk past an exporter that hangs, or can't keep up, or has no time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

from llmtrace.masking import get_logger
from llmtrace.pipeline.delivery import Delivery, Failure
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.hands import Hand, Hands
from llmtrace.pipeline.preparing import Preparing
from llmtrace.pipeline.queue import Entry, SpanQueue
from llmtrace.pipeline.spool import Spool

logger = get_logger("llmtrace.pipeline")

HUNG_S: Final = 5.0  # after that long in the exporter what queues behind goes to disk
TOLD_S: Final = 30.0  # after that long it is told of: what waits for a lock in a database gets no error
ENDED: Final = "not sent before the process ended"


class Rescue:
    """What is done for one pipe from threads that are not its own."""

    def __init__(
        self, queue: SpanQueue, hands: Hands, preparing: Preparing, delivery: Delivery, spool: Spool | None
    ) -> None:
        self._queue = queue
        self._hands = hands
        self._preparing = preparing
        self._delivery = delivery
        self._spool = spool
        self._leaving = threading.Lock()

    def relieve(self, at_once: bool = False) -> None:
        """Bring what is queued to disk, while the exporter hangs or spans come faster than it takes them.

        With `at_once` in any case: all that there is now.
        """
        if self._hangs(TOLD_S):
            self._delivery.note(Failure(f"no answer yet: it was asked more than {TOLD_S:g} s ago"))
        while self._spool is not None and (at_once or self._hangs(HUNG_S) or self._queue.is_filling):
            hand = self._hands.take()
            if hand is None or not self._is_relieved(hand, self._spool):
                return

    def _hangs(self, seconds: float) -> bool:
        offered_at = self._delivery.offered_at
        return offered_at is not None and time.monotonic() - offered_at > seconds

    def _is_relieved(self, hand: Hand, spool: Spool) -> bool:
        prepared = self._preparing.prepared(hand.entries)
        with self._hands.changed:
            if not self._hands.holds(hand):
                return False
            kept = not prepared.spans or spool.write(prepared.spans, hand.destination)
            if kept:
                prepared.count(self._delivery.ledger)
                self._hands.put_down(hand)
            else:
                self._hands.give_back(hand)
            return kept

    def leave(self, deadline: float) -> None:
        """Bring to disk what is queued, and what the exporter is busy with; what can't be is dropped and counted.

        Args:
            deadline: until when spans are still filtered, in seconds of `time.monotonic`.
        """
        with self._leaving:  # who comes second can rely on it that all is done
            self._leave(deadline)

    def _leave(self, deadline: float) -> None:
        lost = 0
        for hand in self._hands.take_all():  # at once, since the exporter's thread may come back and take another one
            lost += self._left_behind(hand, deadline)
        self._hands.note()
        if lost:
            name = self._delivery.name
            self._delivery.ledger.dropped(ENDED, lost)
            logger.error("The exporter %s did not send %d spans before the process ended.", name, lost)

    def _left_behind(self, hand: Hand, deadline: float) -> int:
        """How many spans of a batch can't be brought to disk."""
        if hand.prepared is None:
            spans, late = self._filtered(hand.entries, deadline)
        else:
            spans, late = hand.prepared.spans, 0
            hand.prepared.count(self._delivery.ledger)
        kept = not spans or (self._spool is not None and self._spool.write(spans, hand.destination))
        return late if kept else late + len(spans)

    def _filtered(self, entries: Sequence[Entry], deadline: float) -> tuple[list[EndedSpan], int]:
        """What has passed the filters by `deadline`, and how many spans had not got their turn."""
        spans: list[EndedSpan] = []
        for number, each in enumerate(entries):
            if time.monotonic() >= deadline:
                return spans, len(entries) - number
            prepared = self._preparing.prepared((each,))
            prepared.count(self._delivery.ledger)
            spans += prepared.spans
        return spans, 0

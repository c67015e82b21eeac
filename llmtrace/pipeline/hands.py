"""The batches of a queue that somebody works on, so that one thread can take over what another is stuck with."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from operator import attrgetter

from llmtrace.pipeline.preparing import Prepared
from llmtrace.pipeline.queue import Entry, SpanQueue
from llmtrace.pipeline.slates import slates


class Hand:
    """A batch that was taken from the queue and is not settled yet."""

    __slots__ = ("destination", "entries", "first", "prepared")

    def __init__(self, entries: Sequence[Entry], first: int) -> None:
        self.entries = entries
        self.destination = entries[0][1]
        self.first = first  # place of its first span among all that the queue has ever held
        self.prepared: Prepared | None = None  # once they have passed the filters


class Hands:
    """All such batches of one queue. Who settles one does so under `changed`, if `holds` says that it is still his."""

    def __init__(self, queue: SpanQueue) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._queue = queue
        self._hands: list[Hand] = []
        self._returned: list[Hand] = []  # in the order in which they were taken

    def take(self) -> Hand | None:
        """The next batch; None when the queue is empty."""
        with self.changed:
            if self._returned:
                hand = self._returned.pop(0)
                self._hands.append(hand)
                return hand
            first = self._queue.taken
            entries = self._queue.take()
            if not entries:
                return None
            hand = Hand(entries, first)
            self._hands.append(hand)
            return hand

    def take_all(self) -> list[Hand]:
        """All that is not settled: what others work on, who find that it is theirs no more, and all that is queued.

        Last come batches that are in somebody's filters: it may be that these never come back.
        """
        with self.changed:
            busy, self._hands = self._hands, []
            while self.take() is not None:
                pass
            queued, self._hands = self._hands, []
        prepared = [hand for hand in busy if hand.prepared is not None]
        return [*prepared, *queued, *(hand for hand in busy if hand.prepared is None)]

    def holds(self, hand: Hand) -> bool:
        """Whether the batch is still with the one who took it from the queue."""
        return hand in self._hands

    def put_down(self, hand: Hand) -> None:
        """The batch is settled, or another's."""
        with self.changed:
            if hand in self._hands:
                self._hands.remove(hand)
                self.note()
            self.changed.notify_all()

    def give_back(self, hand: Hand) -> None:
        """Let the batch, which nobody could settle, be the next that is taken."""
        with self.changed:
            self._hands.remove(hand)
            self._returned = sorted([*self._returned, hand], key=attrgetter("first"))
        self._queue.filled.set()

    def note(self) -> None:
        """Have the parent of this process know how far it has come, should it be killed."""
        if slates.own is not None:
            with self.changed:
                slates.own.settled(self._queue, self.settled())

    def settled(self) -> int:
        """Up to which place everything is settled, of all spans that the queue has ever held."""
        with self.changed:
            return min((hand.first for hand in (*self._hands, *self._returned)), default=self._queue.taken)

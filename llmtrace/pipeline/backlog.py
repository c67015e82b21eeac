"""What waits on disk is sent: a batch at a time, in the order of its file."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from llmtrace.conf import QueueConfig
from llmtrace.pipeline.backoff import FIRST_WAIT_S, LONGEST_WAIT_S, Backoff
from llmtrace.pipeline.delivery import Delivery, Failure
from llmtrace.pipeline.portion import Portion
from llmtrace.pipeline.queue import BATCH_BYTES
from llmtrace.pipeline.spool import Spool
from llmtrace.pipeline.waiting import Waiting

FOREIGN_AGE_S: Final = 24 * 3600.0  # how long an exporter that only says FAILURE is offered the same spans
PROBE: Final = 32  # spans that are offered while the exporter fails: calls wait while a batch is read back in vain
LONGEST_OWN_WAIT_S: Final = 300.0  # between two offers of a batch that fails while others are taken


class Backlog:
    """The files of a spool on their way to the exporter."""

    def __init__(self, bounds: QueueConfig, delivery: Delivery, spool: Spool, *, newest: bool = False) -> None:
        """`newest` takes the file that is written now, where spans go to disk first; else it is the older ones."""
        self.backoff = Backoff()
        self._delivery = delivery
        self._spool = spool
        self._newest = newest
        self._failed_at = 0.0
        self._portion = Portion(bounds.batch)

    def left(self) -> float | None:
        """Seconds until there is something to do; None when there is nothing to wait for."""
        return self.backoff.left() if self._spool.has_more(newest=self._newest) else None

    def follow_up(self, deadline: float | None) -> bool:
        """Send a batch; False when there is none, or it can't go now.

        Args:
            deadline: when the process ends, in seconds of `time.monotonic`: old spans may then wait for another one.
        """
        if self.backoff.left() > 0:
            return False
        if deadline is not None and (not self._newest or self.backoff.failing or time.monotonic() > deadline):
            return False
        try:
            count = self._portion.count
            waiting = self._spool.next(
                min(PROBE, count) if self.backoff.failing else count, BATCH_BYTES, newest=self._newest
            )
        except OSError as error:  # the disk fails
            self._delivery.note(Failure(f"the spool can't be read: {error.strerror}"))
            self.backoff.failed(longest=LONGEST_OWN_WAIT_S)
            return False
        return waiting is not None and self._send(waiting)

    def _send(self, waiting: Waiting) -> bool:
        outcome = self._delivery.offer(waiting.spans, waiting.destination) if waiting.spans else None
        if isinstance(outcome, Failure):
            return self._failed(waiting, outcome)
        self.backoff.worked()
        self._portion.worked()
        if outcome is None:
            self._spool.settle(waiting, 0)
        else:
            self._spool.settle(waiting, outcome.sent, partial(self._delivery.took, outcome, waiting.ledger))
        return True

    def _failed(self, waiting: Waiting, failure: Failure) -> bool:
        self._delivery.note(failure)
        others_work = self._delivery.worked_at > self._failed_at > 0
        self._failed_at = time.monotonic()
        longest = LONGEST_OWN_WAIT_S if others_work and not self._newest else LONGEST_WAIT_S
        self.backoff.failed(failure.after, FIRST_WAIT_S if len(waiting.spans) > 1 else longest)
        if failure.foreign and waiting.segment.age(waiting.written_at) > FOREIGN_AGE_S:
            dropped = len(waiting.spans), "exporter failed", failure.problem, waiting.ledger
            self._spool.settle(waiting, 0, partial(self._delivery.drop, *dropped))
        elif self._portion.failed(len(waiting.spans), self._delivery.worked_at, failure.after is not None):
            self._let_others_pass(waiting)
        else:
            self._spool.put_back(waiting)
        return False

    def _let_others_pass(self, waiting: Waiting) -> None:
        was_aside = waiting.segment.is_aside
        if not self._spool.set_aside(waiting):
            self._spool.put_back(waiting)
        elif not was_aside:  # else what is offered next has failed before as well
            self.backoff.worked()

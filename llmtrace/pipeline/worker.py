"""The thread of an exporter: it takes spans from the queue and sees to it that each is sent, on disk, or counted."""

from __future__ import annotations

import threading
import time
from math import inf
from typing import Final, NamedTuple

from opentelemetry.instrumentation.utils import suppress_instrumentation

from llmtrace.conf import ExporterConfig
from llmtrace.masking import get_logger
from llmtrace.pipeline.backlog import Backlog
from llmtrace.pipeline.backoff import Backoff
from llmtrace.pipeline.bell import Bell
from llmtrace.pipeline.delivery import Delivery, Failure
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.hands import Hand, Hands
from llmtrace.pipeline.outcome import Exported
from llmtrace.pipeline.preparing import Preparing
from llmtrace.pipeline.queue import SpanQueue
from llmtrace.pipeline.rescue import ENDED, Rescue
from llmtrace.pipeline.spool import Mark, Spool

logger = get_logger("llmtrace.pipeline")

IDLE_S: Final = 2.0  # an exporter that had nothing to do for this long lets go of its connection
MEMORY_PATIENCE_S: Final = 2.0  # how long a batch that failed is offered again before it goes to disk
FOREIGN_PATIENCE_S: Final = 60.0  # and without a disk, to an exporter that only says FAILURE


class Target(NamedTuple):
    """What a flush waits for."""

    place: int  # in the queue
    mark: Mark  # in the spool, for spans that go to disk first


class Worker:
    """Does the work of one pipe, in its own thread and, where there can be none any more, in another's."""

    def __init__(
        self, config: ExporterConfig, queue: SpanQueue, preparing: Preparing, delivery: Delivery, spool: Spool | None
    ) -> None:
        self.deadline: float | None = None  # set once the process is ending: seconds of `time.monotonic`
        self._config = config
        self._queue = queue
        self._hands = Hands(queue)
        self._rescue = Rescue(queue, self._hands, preparing, delivery, spool)
        self._preparing = preparing
        self._delivery = delivery
        self._spool = spool
        self._ledger = delivery.ledger
        self._backoff = Backoff()
        self._newest: Backlog | None = None
        self._oldest: Backlog | None = None
        if spool is not None:
            self._oldest = Backlog(config.queue, delivery, spool)
            self._newest = Backlog(config.queue, delivery, spool, newest=True) if config.queue.durable else None
        self._exporting = threading.RLock()
        self._hurry = Bell()
        self._down = False  # what ends goes to disk without being offered before
        self._thread: threading.Thread | None = None

    # Its thread

    def start(self) -> bool:
        """Have a thread; False where none can be started, since the interpreter is shutting down."""
        with self._hands.changed:
            if self._thread is not None and self._thread.is_alive():
                return True
            thread = threading.Thread(target=self._run, name=f"llmtrace-{self._config.name}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
            return True

    @property
    def has_thread(self) -> bool:
        return self._thread is not None

    def _run(self) -> None:
        try:
            with suppress_instrumentation():
                while not self._queue.closed:
                    self._wait_for_work()
                    self.drain()
                self.drain()
        finally:
            self._thread = None  # an exporter has ended it with what is no Exception: the next span begins another

    def _wait_for_work(self) -> None:
        left = self._until_follow_up()
        if not self._queue.filled.wait(min(left, IDLE_S)):
            if left <= IDLE_S:
                return
            with self._exporting:
                self._delivery.let_go()
            if not self._queue.filled.wait(None if left == inf else left - IDLE_S):
                return
        self._queue.due.wait(self._config.queue.delay)

    def _until_follow_up(self) -> float:
        """Seconds until something on disk may be sent."""
        lefts = [backlog.left() for backlog in (self._newest, self._oldest) if backlog is not None]
        return min((left for left in lefts if left is not None), default=inf)

    # What it does

    def drain(self) -> None:
        """Settle all that is queued; in between, a batch of what waits on disk after each."""
        with self._exporting:
            while True:
                hand = self._hands.take()
                if hand is not None:
                    try:
                        self._work_off(hand)
                    finally:
                        self._hands.put_down(hand)
                if not self._follow_up() and hand is None:
                    return

    def _work_off(self, hand: Hand) -> None:
        prepared = self._preparing.prepared(hand.entries)
        with self._hands.changed:
            if not self._hands.holds(hand):
                return
            hand.prepared = prepared
            prepared.count(self._ledger)
        try:
            if prepared.spans:
                self._deliver(hand, prepared.spans)
        except BaseException as error:
            logger.exception("The pipe of the exporter %s failed on a batch.", self._config.name)
            self._ledger.error(type(error).__qualname__)
            with self._hands.changed:
                if self._hands.holds(hand):
                    if isinstance(error, Exception) or not self._keep(prepared.spans, hand.destination):
                        self._ledger.dropped("pipe failed", len(prepared.spans))
                    self._hands.put_down(hand)
            if not isinstance(error, Exception):
                raise

    def _deliver(self, hand: Hand, spans: list[EndedSpan]) -> None:
        """Offer the batch until it is sent, on disk, or until nobody can wait any longer."""
        began = time.monotonic()
        if self._is_down():
            with self._hands.changed:
                if not self._hands.holds(hand) or self._keep(spans, hand.destination):
                    self._hands.put_down(hand)
                    return
        while True:
            outcome = self._delivery.offer(spans, hand.destination)
            with self._hands.changed:
                if not self._hands.holds(hand):  # it took so long that another thread has brought the batch to disk
                    return
                if self._is_settled(hand, spans, outcome, began):
                    self._hands.put_down(hand)
                    return
            self._hurry.wait(self._backoff.left())
            self._hurry.clear()

    def _is_settled(self, hand: Hand, spans: list[EndedSpan], outcome: Exported | Failure, began: float) -> bool:
        if isinstance(outcome, Exported):
            self._delivery.settle(outcome, self._ledger)
            self._works()
            return True
        self._delivery.note(outcome)
        self._backoff.failed(outcome.after)
        if self._is_enough(began) and self._keep(spans, hand.destination):
            self._down = True
            if self._oldest is not None:
                self._oldest.backoff.failed(outcome.after)
            return True
        return self._gives_up(spans, outcome, began)

    def _works(self) -> None:
        self._backoff.worked()
        self._hurry.clear()
        if self._down and self._oldest is not None:
            self._oldest.backoff.worked()
        self._down = False

    def _is_down(self) -> bool:
        """Whether to offer a batch would be in vain."""
        if not self._down:
            return False
        if self.deadline is not None:
            return True
        hurried = self._hurry.is_set()
        if hurried:  # else somebody may be in a hurry since then
            self._hurry.clear()
        return self._backoff.left() > 0 and (not hurried or self._backoff.asked)

    def _is_enough(self, began: float) -> bool:
        """Whether a batch has been offered often enough to go to disk."""
        next_at = time.monotonic() + self._backoff.left()
        hurried = self.deadline is not None or self._hurry.is_set() or self._queue.is_filling
        return self._down or hurried or next_at - began > MEMORY_PATIENCE_S

    def _gives_up(self, spans: list[EndedSpan], failure: Failure, began: float) -> bool:
        """Drop a batch that can't go to disk when its time is over."""
        now = time.monotonic()
        if self.deadline is not None and now + self._backoff.left() >= self.deadline:
            reason = ENDED
        elif failure.foreign and now - began > FOREIGN_PATIENCE_S:
            reason = "exporter failed"
        else:
            return False
        self._delivery.drop(len(spans), reason, failure.problem, self._ledger)
        return True

    def _keep(self, spans: list[EndedSpan], destination: str | None) -> bool:
        return self._spool is not None and self._spool.write(spans, destination)

    def _follow_up(self) -> bool:
        """Send a batch of what waits on disk; False when there is none, or it can't go now."""
        done = False
        for backlog in (self._newest, self._oldest):
            if backlog is None:
                continue
            was_failing = backlog.backoff.failing
            if backlog.follow_up(self.deadline):
                done = True
                if was_failing or self._down:
                    self._works()
        if done or self._newest is not None:
            with self._hands.changed:
                self._hands.changed.notify_all()
        return done

    # From other threads

    def hurry(self) -> Target:
        """Offer what failed again now, without waiting for its time; gives what `wait_until_settled` waits for."""
        mark = () if self._newest is None or self._spool is None else self._spool.mark()
        target = Target(self._queue.accepted, mark)
        self._queue.due.set()
        self._hurry.set()
        return target

    @property
    def has_settled_all(self) -> bool:
        """Whether all that has ended is sent, counted, or on disk."""
        return self._hands.settled() >= self._queue.accepted

    def is_settled(self, target: Target) -> bool:
        """Whether all that had ended before `target` was made is sent, counted, or on disk to wait there."""
        if self._hands.settled() < target.place:
            return False
        if self._spool is None or self._newest is None or self._spool.passed(target.mark):
            return True
        return self._newest.backoff.failing or (self._oldest is not None and self._oldest.backoff.failing)

    def wait_until_settled(self, target: Target, deadline: float) -> bool:
        """Wait for `is_settled`; False when it isn't so by `deadline`, in seconds of `time.monotonic`."""
        if self._thread is threading.current_thread():  # it cannot wait for itself
            return self.is_settled(target)
        with self._hands.changed:
            while not self.is_settled(target):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if not self.start():
                    return self._finished_here(target, deadline)
                self._hands.changed.wait(min(0.25, left))
        return True

    def _finished_here(self, target: Target, deadline: float) -> bool:
        """Export in the caller's thread, where no other can be started: at the end of the process, or for now."""
        before, self.deadline = self.deadline, deadline
        try:
            with suppress_instrumentation():
                self.drain()
        finally:
            self.deadline = before
        return self.is_settled(target)

    def relieve(self, at_once: bool = False) -> None:
        """See `Rescue.relieve`."""
        self._rescue.relieve(at_once)

    def leave(self, deadline: float) -> None:
        """See `Rescue.leave`."""
        self._rescue.leave(deadline)

    def come_to_rest(self, deadline: float) -> None:
        """Wait until the exporter has done what it is at, at most until `deadline`: it may be a batch from the disk."""
        if self._exporting.acquire(timeout=max(0.0, deadline - time.monotonic())):
            self._exporting.release()

    def shut_down(self, deadline: float) -> None:
        """Let go of the exporter, if it comes back before `deadline`."""
        if self._exporting.acquire(timeout=max(0.0, deadline - time.monotonic())):
            try:
                self._delivery.shutdown()
            finally:
                self._exporting.release()

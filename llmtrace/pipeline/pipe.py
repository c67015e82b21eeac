"""One exporter's own way: its queue, its filters, its thread. What happens in it never reaches another, or the host."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.conf import ExporterConfig
from llmtrace.masking import get_logger
from llmtrace.pipeline.delivery import Delivery
from llmtrace.pipeline.filtering import Filters
from llmtrace.pipeline.ledger import Account, Ledger
from llmtrace.pipeline.lineage import Kin
from llmtrace.pipeline.outcome import Moving
from llmtrace.pipeline.preparing import Preparing
from llmtrace.pipeline.queue import Item, SpanQueue
from llmtrace.pipeline.reloader import PATIENCE_S, is_reloaded
from llmtrace.pipeline.sampling import Share
from llmtrace.pipeline.slates import slates
from llmtrace.pipeline.spool import Spool
from llmtrace.pipeline.worker import Worker

logger = get_logger("llmtrace.pipeline")

DISK_PATIENCE_S: Final = 1.0  # what bringing to disk may take longer than it should; no backend is waited for then
FILTERING_S: Final = 0.0005  # what the end of a process leaves for a span that has to go to disk


def _nobody() -> None:
    """Where no spool is, none can come and relieve the queue."""


class Pipe:
    """Takes ended spans from any thread and exports them from its own."""

    def __init__(
        self,
        config: ExporterConfig,
        make: Callable[[], SpanExporter],
        filters: Filters,
        llm: bool,
        structured: bool = False,
        folder: Path | None = None,
        max_bytes: int = 0,
    ) -> None:
        """A pipe without a thread so far.

        Args:
            config: its entry in the settings.
            make: makes the exporter, when it is first needed.
            filters: those of all exporters and its own.
            llm: whether only LLM work is exported.
            structured: whether the exporter reads content as structures; others get JSON texts.
            folder: where spans wait on disk that can't be sent; None leaves them in memory.
            max_bytes: what all that waits in the folder may take.
        """
        self.config = config
        self.llm = llm
        self._make = make
        self._preparing = Preparing(config.name, filters, llm, structured)
        self._folder = folder if config.queue.spool else None
        self._max_bytes = max_bytes
        self._share = Share(config.sample)
        self._destination: Callable[[], str] | None = None
        self.relief: Callable[[], None] = _nobody  # called when the queue is filling up
        self._fresh()

    def _fresh(self) -> None:
        """The state of a process that has ended no span yet: also that of a forked child."""
        config = self.config
        self.ledger = Ledger(config.name)
        self._queue = SpanQueue(config.queue)
        if slates.own is not None:
            slates.own.follow(config.name, self._queue)
        self._spool = Spool(config.name, self.ledger, self._folder, self._max_bytes) if self._folder else None
        delivery = Delivery(config.name, self._make, self.ledger)
        self._worker = Worker(config, self._queue, self._preparing, delivery, self._spool)
        self._is_durable = config.queue.durable and self._spool is not None
        self._logged_full = False

    def after_fork(self) -> None:
        """Begin anew in a child: queue, thread, locks, files and connection belong to the parent."""
        self._fresh()

    def watch_destination(self, exporter: Moving) -> None:
        """Ask `exporter` where each span belongs from now on."""
        self._destination = exporter.destination

    # On the path of the call

    def wants(self, item: Item) -> bool:
        """Whether a span that ended is among those of this exporter."""
        return not (self.llm and (item.kin is None or not item.kin.kept)) and self._share.has(item.span)

    def put(self, item: Item) -> bool:
        """Append a span that ended, if this exporter wants it. False when it was closed in the meantime."""
        if not self.wants(item):
            return True
        if self._queue.closed:
            return False
        destination = self._destination and self._destination()
        self.ledger.ended()
        if self._is_durable and self._is_on_disk(item, destination):
            return True
        if self._queue.put(item, destination):
            if not self._worker.has_thread:
                self._worker.start()
            if self._queue.is_filling:
                self.relief()
            return True
        if self._queue.closed:
            self.ledger.handed_on()
            return False
        self.ledger.dropped("queue full")
        if not self._logged_full:
            self._logged_full = True
            logger.warning("The queue of the exporter %s is full: spans are dropped and counted.", self.config.name)
        return True

    def _is_on_disk(self, item: Item, destination: str | None) -> bool:
        """Filter a span and write it; False when that can't be done, so that it goes the way of others."""
        if self._spool is None:
            return False
        prepared = self._preparing.prepared(((item, destination),))
        if prepared.spans and not self._spool.write(prepared.spans, destination):
            return False
        prepared.count(self.ledger)
        if prepared.exited is not None:  # in a thread of the host's, whose time limit or end it may be
            raise prepared.exited
        self._queue.filled.set()
        if not self._worker.has_thread:
            self._worker.start()
        return True

    # From any thread

    def preview(self, span: ReadableSpan, kin: Kin) -> ReadableSpan | None:
        """A span as the exporter would get it if it ended now; None where it would not."""
        if (self.llm and not kin.kept) or not self._share.has(span):
            return None
        prepared = self._preparing.prepared([(Item(span, None, kin), None)])
        return prepared.spans[0] if prepared.spans else None

    def begin_flush(self) -> Callable[[float], bool]:
        """Hurry the exporter's thread on.

        The function that it returns waits until all that had ended before is sent or on disk, and returns False when it
        isn't by its argument, a time in seconds of `time.monotonic`.
        """
        return partial(self._worker.wait_until_settled, self._worker.hurry())

    @property
    def has_spool(self) -> bool:
        return self._spool is not None

    def sweep(self) -> None:
        """Take over what dead processes have left for this exporter."""
        if self._spool is not None and self._spool.sweep() and not self._queue.closed:
            self._worker.start()
            self._queue.due.set()
            self._queue.filled.set()

    def relieve(self) -> None:
        """Bring to disk what queues behind an exporter that can't keep up."""
        self._worker.relieve()

    def save(self) -> bool:
        """Bring to disk at once what is queued, and have the exporter's thread send it from there.

        False when not all that has ended is there or sent: the rest is in memory, some of it in the exporter's hands.
        """
        self._worker.relieve(at_once=True)
        saved = self._worker.has_settled_all
        if self._worker.start():
            self._queue.filled.set()
            self._worker.hurry()
        return saved

    @property
    def patience(self) -> float:
        """How many seconds it may take to close, at most."""
        return PATIENCE_S if self._is_durable and is_reloaded() else inf

    def close(self, deadline: float) -> None:
        """Take no more, send what can be sent before `deadline`, bring the rest to disk, let go of the spool."""
        left = max(0.0, deadline - time.monotonic())
        kept_back = 0.0 if self._spool is None else min(left / 2, 0.1 + FILTERING_S * len(self._queue))
        self._worker.deadline = deadline - kept_back
        self._queue.close()
        if self._spool is not None:
            self._spool.try_again()
        self.begin_flush()(deadline - kept_back)
        self._worker.leave(deadline if self._spool is None else deadline + DISK_PATIENCE_S)
        self._worker.come_to_rest(deadline)
        if self._spool is not None:
            self._spool.close()

    def shut_down(self, deadline: float) -> None:
        """Let go of the exporter, whose own mistakes cost no span any more: it may hang."""
        self._worker.shut_down(deadline)

    def abandon(self) -> None:
        """Bring to disk at once what is queued, and what the exporter is busy with: `close` is not waited for."""
        self._queue.close()
        self._worker.leave(time.monotonic() + DISK_PATIENCE_S)

    def account(self) -> Account:
        """The numbers of this exporter in this process."""
        return self.ledger.account()

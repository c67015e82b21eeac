"""One exporter's own way: its queue, its filters, its thread. What happens in it never reaches another, or the host."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.conf import ExporterConfig
from llmtrace.pipeline.delivery import Delivery
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filter, Lost, passed
from llmtrace.pipeline.ledger import Account, Ledger
from llmtrace.pipeline.lineage import adopted
from llmtrace.pipeline.outcome import Moving
from llmtrace.pipeline.queue import Entry, Item, SpanQueue
from llmtrace.pipeline.sampling import Share

logger = logging.getLogger("llmtrace.pipeline")

IDLE_S: Final = 2.0  # an exporter that had nothing to do for this long lets go of its connection


class Pipe:
    """Takes ended spans from any thread and exports them from its own."""

    def __init__(
        self,
        config: ExporterConfig,
        make: Callable[[], SpanExporter],
        filters: Sequence[Filter],
        llm: bool,
        structured: bool = False,
    ) -> None:
        """`structured` says that the exporter reads content as structures; others get JSON texts."""
        self.config = config
        self.llm = llm
        self._make = make
        self._filters = filters
        self._structured = structured
        self._share = Share(config.sample)
        self._destination: Callable[[], str] | None = None
        self._fresh()

    def _fresh(self) -> None:
        """The state of a process that has ended no span yet: also that of a forked child."""
        self.ledger = Ledger(self.config.name)
        self._queue = SpanQueue(self.config.queue)
        self._delivery = Delivery(self.config.name, self._make, self.ledger)
        self._exporting = threading.RLock()
        self._settled = threading.Condition(threading.RLock())
        self._done = 0  # entries of the queue that are settled, in the order in which they came
        self._thread: threading.Thread | None = None
        self._logged: set[str] = set()

    def after_fork(self) -> None:
        """Begin anew in a child: queue, thread, locks and connection belong to the parent."""
        self._fresh()

    def watch_destination(self, exporter: Moving) -> None:
        """Ask `exporter` where each span belongs from now on."""
        self._destination = exporter.destination

    # On the path of the call

    def put(self, item: Item) -> bool:
        """Append a span that ended, if this exporter wants it. False when it was closed in the meantime."""
        if self.llm and (item.kin is None or not item.kin.kept):
            return True
        if not self._share.has(item.span):
            return True
        destination = self._destination and self._destination()
        self.ledger.ended()
        if self._queue.put(item, destination):
            if self._thread is None:
                self._start()
            return True
        if self._queue.closed:
            self.ledger.dropped("the pipe was closed")
            return False
        self.ledger.dropped("queue full")
        if self._is_first("full"):
            logger.warning("The queue of the exporter %s is full: spans are dropped and counted.", self.config.name)
        return True

    def _is_first(self, what: str) -> bool:
        """Whether this has not been logged yet."""
        first = what not in self._logged
        self._logged.add(what)
        return first

    def _start(self) -> bool:
        with self._settled:
            if self._thread is not None and self._thread.is_alive():
                return True
            thread = threading.Thread(target=self._run, name=f"llmtrace-{self.config.name}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down: `flush` exports in the caller's thread
                return False
            self._thread = thread
            return True

    # In the exporter's thread

    def _run(self) -> None:
        try:
            with suppress_instrumentation():
                while not self._queue.closed:
                    if not self._queue.filled.wait(IDLE_S):
                        self._let_go()
                        self._queue.filled.wait()
                    self._queue.due.wait(self.config.queue.delay)
                    self._drain()
                self._drain()
        finally:
            self._thread = None  # an exporter has ended it with what is no Exception: the next span begins another

    def _let_go(self) -> None:
        with self._exporting:
            self._delivery.let_go()

    def _drain(self) -> None:
        with self._exporting:
            while entries := self._queue.take():
                try:
                    self._export(entries)
                finally:
                    with self._settled:
                        self._done += len(entries)
                        self._settled.notify_all()

    def _export(self, entries: Sequence[Entry]) -> None:
        spans = self._filtered(entries)
        if not spans:
            return
        try:
            self._delivery.deliver(spans, entries[0][1])
        except BaseException as error:
            logger.exception("The pipe of the exporter %s failed on a batch.", self.config.name)
            self.ledger.error(type(error).__qualname__)
            self.ledger.dropped("pipe failed", len(spans))
            if not isinstance(error, Exception):
                raise

    def _filtered(self, entries: Sequence[Entry]) -> list[EndedSpan]:
        spans = []
        for item, _ in entries:
            try:
                span = passed(item.ended(), self._filters)
                if isinstance(span, EndedSpan):
                    spans.append(self._adopted(span, item))
                    continue
            except Exception:
                if self._is_first("not ready"):
                    logger.exception("A span could not be made ready for the exporter %s.", self.config.name)
                self.ledger.dropped("could not be made ready")
                continue
            if span is Lost.RAISED:
                self.ledger.failed_closed()
            else:
                self.ledger.dropped("left out by a filter")
        return spans

    def _adopted(self, span: EndedSpan, item: Item) -> EndedSpan:
        """The span with its nearest kept ancestor as parent, in the form that the exporter reads."""
        if self.llm:
            span = adopted(span, item.kin)
        return span if self._structured else span.for_export()

    # From any thread

    def begin_flush(self) -> int:
        """Hurry the exporter's thread on; returns what `flushed` waits for."""
        target = self._queue.accepted
        self._queue.due.set()
        self._delivery.hurry()
        return target

    def flushed(self, target: int, deadline: float) -> bool:
        """Wait until all that was accepted before `begin_flush` is settled; False when it isn't by `deadline`.

        Args:
            target: what `begin_flush` returned.
            deadline: seconds of `time.monotonic`.
        """
        if self._done >= target:
            return True
        if self._thread is threading.current_thread():  # it cannot wait for itself
            return False
        with self._settled:
            while self._done < target:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if not self._start():
                    return self._finished_here(target, deadline)
                self._settled.wait(min(0.25, left))
        return True

    def _finished_here(self, target: int, deadline: float) -> bool:
        """Export in the caller's thread, where no other can be started any more."""
        self._delivery.deadline = deadline
        with suppress_instrumentation():
            self._drain()
        return self._done >= target

    def close(self, deadline: float) -> None:
        """Take no more, send what can be sent before `deadline`, then let go of the exporter."""
        self._delivery.deadline = deadline
        self._queue.close()
        self.flushed(self.begin_flush(), deadline)
        if self._exporting.acquire(timeout=max(0.0, deadline - time.monotonic())):
            try:
                self._delivery.shutdown()
            finally:
                self._exporting.release()
        self._abandon()

    def _abandon(self) -> None:
        """Count what is left: what still waits, and what the exporter is busy with, as no one will see it come back."""
        while entries := self._queue.take():
            self.ledger.dropped("not sent before the process ended", len(entries))
        left = self._queue.accepted - self._done
        if left:
            logger.error("The exporter %s did not send %d spans before the process ended.", self.config.name, left)

    def account(self) -> Account:
        """The numbers of this exporter in this process."""
        return self.ledger.account()

"""One exporter's own way: its queue, its filters, its thread. What happens in it never reaches another, or the host."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from llmtrace.conf import ExporterConfig
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filter, Lost, passed
from llmtrace.pipeline.ledger import Account, Ledger
from llmtrace.pipeline.outcome import Closing, Exported, Moving, Outcome, RetryLater
from llmtrace.pipeline.queue import Entry, Item, SpanQueue

logger = logging.getLogger("llmtrace.pipeline")

IDLE_S: Final = 2.0  # an exporter that had nothing to do for this long lets go of its connection
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 10.0
FOREIGN_PATIENCE_S: Final = 60.0  # how long a batch is offered to an exporter that only says FAILURE


class Pipe:
    """Takes ended spans from any thread and exports them from its own."""

    def __init__(
        self, config: ExporterConfig, make: Callable[[], SpanExporter], filters: Sequence[Filter], llm: bool
    ) -> None:
        self.config = config
        self.llm = llm
        self._make = make
        self._filters = filters
        self._sample_bound = round(config.sample * (1 << 64))
        self._fresh()

    def _fresh(self) -> None:
        """The state of a process that has ended no span yet: also that of a forked child."""
        self.ledger = Ledger()
        self._queue = SpanQueue(self.config.queue)
        self._exporting = threading.RLock()
        self._settled = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None  # set once the process is ending: monotonic seconds
        self._hurry = threading.Event()
        self._failing = False
        self._exporter: SpanExporter | None = None
        self._destination: Callable[[], str] | None = None
        self._full_logged = False

    def after_fork(self) -> None:
        """Begin anew in a child: queue, thread, locks and connection belong to the parent."""
        self._fresh()

    def watch_destination(self, exporter: Moving) -> None:
        """Ask `exporter` where each span belongs from now on."""
        self._destination = exporter.destination

    # On the path of the call

    def put(self, item: Item) -> None:
        """Append a span that ended, if this exporter wants it."""
        if self.llm and (item.kin is None or not item.kin.kept):
            return
        if self.config.sample < 1.0 and not self._sampled(item.span):
            return
        if self._thread is None:
            self._start()
        self.ledger.ended()
        if not self._queue.put(item, self._destination and self._destination()):
            self.ledger.dropped("queue full")
            if not self._full_logged:
                self._full_logged = True
                logger.warning("The queue of the exporter %s is full: spans are dropped and counted.", self.config.name)

    def _sampled(self, span: ReadableSpan) -> bool:
        # The low 64 bits are random in every id generator in use (W3C trace context, level 2).
        return span.context is not None and span.context.trace_id & ((1 << 64) - 1) < self._sample_bound

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
        with suppress_instrumentation():
            while self._deadline is None:
                if not self._queue.filled.wait(IDLE_S):
                    self._let_go()
                    self._queue.filled.wait()
                self._queue.due.wait(self.config.queue.delay)
                self._drain()

    def _let_go(self) -> None:
        if isinstance(self._exporter, Closing):
            with self._exporting:
                self._guarded(self._exporter.close)

    def _drain(self) -> None:
        with self._exporting:
            while entries := self._queue.take():
                self._export(entries)
                with self._settled:
                    self._settled.notify_all()

    def _export(self, entries: Sequence[Entry]) -> None:
        try:
            spans = self._filtered(entries)
            if spans:
                self._deliver(spans, entries[0][1])
        except Exception as error:
            logger.exception("The pipe of the exporter %s failed on a batch.", self.config.name)
            self.ledger.error(type(error).__qualname__)
            self.ledger.dropped("pipe failed", len(entries))

    def _filtered(self, entries: Sequence[Entry]) -> list[EndedSpan]:
        spans = []
        for item, _ in entries:
            try:
                span = passed(item.ended(), self._filters)
                if isinstance(span, EndedSpan):
                    spans.append(self._adopted(span, item))
                    continue
            except Exception:
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
        if self.llm and item.kin is not None:
            parent = item.kin.kept_parent()
            if parent != span.parent:
                span = span.edited(parent=parent)
        return span if getattr(self.exporter(), "structured_content", False) else span.for_export()

    def exporter(self) -> SpanExporter:
        """The exporter, made when it is first needed: some open sockets or threads that must not cross a fork."""
        if self._exporter is None:
            self._exporter = self._make()
        return self._exporter

    def _deliver(self, spans: Sequence[EndedSpan], destination: str | None) -> None:
        """Offer the batch until it is settled, or until nobody can wait any longer."""
        began, wait = time.monotonic(), FIRST_WAIT_S
        while True:
            problem, foreign = self._offer(spans, destination)
            if problem is None:
                return None
            now = time.monotonic()
            if self._deadline is not None and now + wait >= self._deadline:
                return self._give_up(spans, "not sent before the process ended", problem)
            if foreign and now - began > FOREIGN_PATIENCE_S:
                return self._give_up(spans, "exporter failed", problem)
            self._note_failure(problem)
            self._hurry.wait(wait * random.uniform(0.8, 1.2))
            self._hurry.clear()
            wait = min(wait * 2, LONGEST_WAIT_S)

    def _offer(self, spans: Sequence[EndedSpan], destination: str | None) -> tuple[str | None, bool]:
        """What went wrong, if the batch is to be offered again, and whether an exporter of others said so."""
        try:
            outcome = self._export_to(destination, spans)
        except RetryLater as later:
            return later.reason, False
        except Exception as error:
            return f"{type(error).__qualname__} was raised by the exporter", True
        if outcome is SpanExportResult.FAILURE:
            return "the exporter answered FAILURE", True
        self._settle(outcome if isinstance(outcome, Exported) else Exported(len(spans)))
        return None, False

    def _export_to(self, destination: str | None, spans: Sequence[EndedSpan]) -> Outcome:
        exporter = self.exporter()
        if destination is not None and isinstance(exporter, Moving):
            return exporter.export(spans, destination)
        return exporter.export(spans)

    def _settle(self, outcome: Exported) -> None:
        self.ledger.sent(outcome.sent)
        for reason, count in outcome.refused.items():
            self.ledger.dropped(reason, count)
            logger.error("The exporter %s refused %d spans: %s.", self.config.name, count, reason)
        if self._failing:
            self._failing = False
            logger.info("The exporter %s works again.", self.config.name)

    def _note_failure(self, problem: str) -> None:
        self.ledger.error(problem)
        if not self._failing:
            self._failing = True
            logger.warning("The exporter %s fails and is tried again: %s", self.config.name, problem)

    def _give_up(self, spans: Sequence[EndedSpan], reason: str, problem: str) -> None:
        self.ledger.error(problem)
        self.ledger.dropped(reason, len(spans))
        logger.error("The exporter %s dropped %d spans: %s (%s).", self.config.name, len(spans), reason, problem)

    # From any thread

    def flush(self, deadline: float) -> bool:
        """Wait until all that was in the queue is settled; `deadline` is in seconds of `time.monotonic`."""
        target = self.ledger.account().ended
        if not self._queue and self._is_settled(target):
            return True
        if not self._start() or self._thread is threading.current_thread():
            self._finish_here(deadline)
            return self._is_settled(target)
        self._queue.due.set()
        self._hurry.set()
        with self._settled:
            while not self._is_settled(target):
                if (
                    not self._settled.wait(max(0.0, min(0.25, deadline - time.monotonic())))
                    and time.monotonic() >= deadline
                ):
                    return False
                if not self._queue.due.is_set() and self._queue:
                    self._queue.due.set()
        return True

    def _finish_here(self, deadline: float) -> None:
        self._deadline = deadline
        with suppress_instrumentation():
            self._drain()

    def _is_settled(self, target: int) -> bool:
        account = self.ledger.account()
        return account.ended - account.waiting >= target

    def close(self, deadline: float) -> None:
        """Send what can be sent before `deadline`, then let go of the exporter."""
        self._deadline = deadline
        self._queue.filled.set()
        self._hurry.set()
        self.flush(deadline)
        if self._exporter is not None and self._exporting.acquire(timeout=max(0.0, deadline - time.monotonic())):
            try:
                self._guarded(self._exporter.shutdown)
            finally:
                self._exporting.release()
        if self._queue:
            self._abandon()

    def _abandon(self) -> None:
        while entries := self._queue.take():
            self.ledger.dropped("not sent before the process ended", len(entries))
        logger.error("The exporter %s did not send all spans before the process ended.", self.config.name)

    def _guarded(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception:
            logger.exception("The exporter %s raised while it was closed.", self.config.name)

    def account(self) -> Account:
        """The numbers of this exporter in this process."""
        return self.ledger.account()

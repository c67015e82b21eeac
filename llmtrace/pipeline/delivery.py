"""Bringing batches to one exporter: offered again while it fails, given up when nobody can wait any longer."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from llmtrace.pipeline.bell import Bell
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.ledger import Ledger
from llmtrace.pipeline.outcome import Closing, Exported, Moving, Outcome, RetryLater

logger = logging.getLogger("llmtrace.pipeline")

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 10.0
FOREIGN_PATIENCE_S: Final = 60.0  # how long a batch is offered to an exporter that only says FAILURE


class Delivery:
    """What the thread of a pipe does with spans that have passed its filters."""

    def __init__(self, name: str, make: Callable[[], SpanExporter], ledger: Ledger) -> None:
        self.name = name
        self.deadline: float | None = None  # set once the process is ending: monotonic seconds
        self._make = make
        self._ledger = ledger
        self._hurry = Bell()
        self._failing = False
        self._exporter: SpanExporter | None = None

    def exporter(self) -> SpanExporter:
        """The exporter, made when it is first needed: some open sockets or threads that must not cross a fork."""
        if self._exporter is None:
            self._exporter = self._make()
        return self._exporter

    def deliver(self, spans: Sequence[EndedSpan], destination: str | None) -> None:
        """Offer the batch until it is settled, or until nobody can wait any longer."""
        began, wait = time.monotonic(), FIRST_WAIT_S
        while True:
            problem, foreign = self._offer(spans, destination)
            if problem is None:
                return None
            now = time.monotonic()
            if self.deadline is not None and now + wait >= self.deadline:
                return self._give_up(spans, "not sent before the process ended", problem)
            if foreign and now - began > FOREIGN_PATIENCE_S:
                return self._give_up(spans, "exporter failed", problem)
            self._note_failure(problem)
            self._hurry.wait(wait * random.uniform(0.8, 1.2))
            self._hurry.clear()
            wait = min(wait * 2, LONGEST_WAIT_S)

    def hurry(self) -> None:
        """Offer a batch that failed again now, without waiting for its time."""
        self._hurry.set()

    def _offer(self, spans: Sequence[EndedSpan], destination: str | None) -> tuple[str | None, bool]:
        """What went wrong, if the batch is to be offered again, and whether an exporter of others said so."""
        try:
            outcome = self._export(destination, spans)
        except RetryLater as later:
            return later.reason, False
        except Exception as error:
            return f"{type(error).__qualname__} was raised by the exporter", True
        if outcome is SpanExportResult.FAILURE:
            return "the exporter answered FAILURE", True
        self._settle(outcome if isinstance(outcome, Exported) else Exported(len(spans)))
        return None, False

    def _export(self, destination: str | None, spans: Sequence[EndedSpan]) -> Outcome:
        exporter = self.exporter()
        if destination is not None and isinstance(exporter, Moving):
            return exporter.export(spans, destination)
        return exporter.export(spans)

    def _settle(self, outcome: Exported) -> None:
        self._ledger.sent(outcome.sent)
        for reason, count in outcome.refused.items():
            self._ledger.dropped(reason, count)
            logger.error("The exporter %s refused %d spans: %s.", self.name, count, reason)
        if self._failing:
            self._failing = False
            logger.info("The exporter %s works again.", self.name)

    def _note_failure(self, problem: str) -> None:
        self._ledger.error(problem)
        if not self._failing:
            self._failing = True
            logger.warning("The exporter %s fails and is tried again: %s", self.name, problem)

    def _give_up(self, spans: Sequence[EndedSpan], reason: str, problem: str) -> None:
        self._ledger.error(problem)
        self._ledger.dropped(reason, len(spans))
        logger.error("The exporter %s dropped %d spans: %s (%s).", self.name, len(spans), reason, problem)

    def let_go(self) -> None:
        """Close the connection of an exporter that has nothing to do."""
        if isinstance(self._exporter, Closing):
            self._guarded(self._exporter.close)

    def shutdown(self) -> None:
        """Let go of the exporter for good."""
        if self._exporter is not None:
            self._guarded(self._exporter.shutdown)

    def _guarded(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception:
            logger.exception("The exporter %s raised while it was closed.", self.name)

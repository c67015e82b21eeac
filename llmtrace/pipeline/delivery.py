"""Bringing batches to one exporter: what it answered, what that means for the ledger, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.forking import awaited_by_forks
from llmtrace.masking import get_logger, masked
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.ledger import Ledger
from llmtrace.pipeline.outcome import Closing, Exported, Moving, Outcome, RetryLater, says_no, says_yes

logger = get_logger("llmtrace.pipeline")

UNTOLD: Final = "the exporter did not say what became of them"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a batch did not go, and may be offered again."""

    problem: str
    foreign: bool = False  # an exporter of others failed: that may mean as well that these spans will never go
    after: float | None = None  # seconds that the backend has asked for


class Delivery:
    """The exporter of a pipe, and its way to say yes or no."""

    def __init__(self, name: str, make: Callable[[], SpanExporter], ledger: Ledger) -> None:
        self.name = name
        self.offered_at: float | None = None  # since when the exporter is busy, in seconds of `time.monotonic`
        self.worked_at = 0.0  # when it last took a batch
        self._make = make
        self.ledger = ledger
        self._failing = False
        self._told_of_answer = False
        self._exporter: SpanExporter | None = None

    def exporter(self) -> SpanExporter:
        """The exporter, made when it is first needed: some open sockets or threads that must not cross a fork."""
        if self._exporter is None:
            with awaited_by_forks():
                self._exporter = self._make()
        return self._exporter

    def offer(self, spans: Sequence[EndedSpan], destination: str | None) -> Exported | Failure:
        """Give the exporter a batch, once."""
        self.offered_at = time.monotonic()
        try:
            outcome = self._export(destination, spans)
        except RetryLater as later:
            return Failure(later.reason, after=later.after)
        except KeyboardInterrupt:  # in the main thread, where there can be no other any more: it is a person's
            raise
        except BaseException as error:  # a library that exits, a time limit of gevent's: no reason to lose spans
            return Failure(f"{type(error).__qualname__} was raised by the exporter", foreign=True)
        finally:
            self.offered_at = None
        return self._understood(outcome, len(spans))

    def _understood(self, outcome: Any, count: int) -> Exported | Failure:
        """What the exporter's answer to `count` spans means.

        One that is no answer counts as yes: OpenTelemetry's own processors ask no exporter what became of a batch,
        and to offer a batch again that has arrived would make spans twice.
        """
        if isinstance(outcome, Exported) and _adds_up(outcome, count):
            return _whole(outcome, count)
        if says_no(outcome):
            return Failure("the exporter answered FAILURE", foreign=True)
        if not says_yes(outcome) and not self._told_of_answer:
            self._told_of_answer = True
            logger.warning(
                "The exporter %s does not say whether spans have arrived: %s.export returned %s in place of a "
                "SpanExportResult. They are counted as sent.",
                self.name,
                type(self._exporter).__qualname__,
                _in_words(outcome),
            )
        return Exported(count)

    def _export(self, destination: str | None, spans: Sequence[EndedSpan]) -> Outcome:
        exporter = self.exporter()
        if destination is not None and isinstance(exporter, Moving):
            return exporter.export(spans, destination)
        return exporter.export(spans)

    def settle(self, outcome: Exported, ledger: Ledger) -> None:
        """Enter what arrived of spans from memory, and what was refused."""
        ledger.sent(outcome.sent)
        self.took(outcome, ledger)

    def took(self, outcome: Exported, ledger: Ledger) -> None:
        """Enter what was refused into the ledger of the process in which the spans ended."""
        self.worked_at = time.monotonic()
        for reason, count in outcome.refused.items():
            reason = masked(reason)  # an exporter of others may quote what its backend said
            ledger.dropped(reason, count)
            logger.error("The exporter %s refused %d spans: %s.", self.name, count, reason)
        if self._failing:
            self._failing = False
            logger.info("The exporter %s works again.", self.name)

    def note(self, failure: Failure) -> None:
        """Tell of a failure: in the log when it is the first since the exporter worked, in the ledger always."""
        self.ledger.error(failure.problem)
        if not self._failing:
            self._failing = True
            logger.warning("The exporter %s fails and is tried again: %s", self.name, failure.problem)

    def drop(self, count: int, reason: str, problem: str, ledger: Ledger) -> None:
        """Give `count` spans up, for `reason`; `problem` is the last that was heard."""
        self.ledger.error(problem)
        ledger.dropped(reason, count)
        logger.error("The exporter %s dropped %d spans: %s (%s).", self.name, count, reason, problem)

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


def _in_words(outcome: Any) -> str:
    if isinstance(outcome, Exported):
        return "numbers that do not add up"
    return "None" if outcome is None else f"an object of {type(outcome).__qualname__}"


def _adds_up(outcome: Exported, count: int) -> bool:
    """Whether no span was invented: who counts by himself makes mistakes."""
    numbers: list[Any] = [outcome.sent, *outcome.refused.values()]
    return all(isinstance(each, int) and each >= 0 for each in numbers) and sum(numbers) <= count


def _whole(outcome: Exported, count: int) -> Exported:
    """`outcome` with all of `count` spans in it: of some, an exporter of one's own may have said nothing."""
    untold = count - outcome.sent - sum(outcome.refused.values())
    return replace(outcome, refused={**outcome.refused, UNTOLD: untold}) if untold > 0 else outcome

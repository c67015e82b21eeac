"""What an exporter of ours tells its pipe beyond SUCCESS and FAILURE, and what it may offer beyond `SpanExporter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult


@dataclass(frozen=True, slots=True)
class Exported:
    """A batch that is settled: nothing of it is to be tried again.

    `sent` spans arrived (those that had arrived before are among them); `refused` counts those that never will, by
    reason. A reason is a short fixed phrase, fit to be a key of the ledger: never a text that holds data of a span.
    """

    sent: int
    refused: Mapping[str, int] = field(default_factory=dict)


class RetryLater(Exception):
    """Nothing is wrong with the spans, but they cannot go now: keep the whole batch and try it again later.

    Parts of it may have arrived already; the exporter that raises this bears to see them twice.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        """What keeps the batch, and for how long at least.

        Args:
            reason: one line for people, fit for `last_error`: no secrets, no data of a span.
            after: seconds to wait before the batch is offered again, where the destination has asked for that or where
                a person has to do something first; None leaves it to the pipe.
        """
        super().__init__(reason)
        self.reason = reason
        self.after = after


Outcome = Exported | SpanExportResult
"""What `export()` may return. Exporters of others return the SDK's enum, which speaks for the whole batch."""


def says_no(outcome: Any) -> bool:
    """Whether an exporter has answered that it did not take the batch."""
    return outcome is SpanExportResult.FAILURE or outcome is False


def says_yes(outcome: Any) -> bool:
    """Whether it has answered that it took the whole batch. Some answer neither: None, above all."""
    return outcome is SpanExportResult.SUCCESS or outcome is True


@runtime_checkable
class Moving(Protocol):
    """An exporter whose destination can change under it, as a database's does when a test run begins or ends.

    The pipe asks for the destination when a span ends, never mixes two in one batch, keeps it with what it spools, and
    gives it back with the batch.
    """

    def destination(self) -> str:
        """Where a span that ends now belongs. Runs on the path of the call: a look-up, on any thread, never raises."""
        ...

    def export(self, spans: Sequence[ReadableSpan], destination: str | None = None) -> Outcome:
        """Write `spans` if `destination` is still the one, else refuse them. None is whatever is current."""
        ...


@runtime_checkable
class Closing(Protocol):
    """An exporter that holds a connection which should not be kept open while there is nothing to do."""

    def close(self) -> None:
        """Let go of the connection; the next `export` opens another. Called on the exporter's thread when it idles."""
        ...

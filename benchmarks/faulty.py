"""Span exporters that do not work, to see what they cost those beside them."""

import threading
import time
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class Slow(SpanExporter):
    """Takes three seconds for a batch."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        time.sleep(3)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """There is nothing to let go of."""


class Hanging(SpanExporter):
    """Does not come back for a second."""

    def __init__(self) -> None:
        self._never = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._never.wait(1)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """There is nothing to let go of."""


class Raising(SpanExporter):
    """Raises."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise ConnectionError("nobody there")

    def shutdown(self) -> None:
        """There is nothing to let go of."""

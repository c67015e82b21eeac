"""The exporter that keeps spans in a database of the project."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.pipeline.outcome import Exported
from llmtrace.pipeline.testrun import under_test
from llmtrace.store.connection import StoreConnection
from llmtrace.store.writer import Writer


class Database(SpanExporter):
    """Writes spans and their content where the admin reads them."""

    structured_content = True
    default_spans = "llm"

    def __init__(self, alias: str | None = None) -> None:
        """`alias` is a key of ``DATABASES``; None is ``LLMTRACE["DATABASE"]``.

        Raises:
            llmtrace.exceptions.ConfigurationError: there is no such database.
        """
        self._connection = StoreConnection(alias)
        self._writer = Writer(self._connection)

    def destination(self) -> str:
        """The database that is configured now; see `llmtrace.pipeline.outcome.Moving`."""
        return self._connection.name()

    def export(self, spans: Sequence[ReadableSpan], destination: str | None = None) -> Exported:  # type: ignore[override]
        """Write `spans`, each once.

        Raises:
            llmtrace.pipeline.outcome.RetryLater: not now, but later.
        """
        with self._connection.lock, suppress_instrumentation():
            try:
                return self._writer.write(spans, self.destination() if destination is None else destination)
            finally:
                if under_test():  # a test database can't be dropped while somebody is connected to it
                    self._connection.close()

    def close(self) -> None:
        """Let go of the connection until the next batch."""
        with self._connection.lock:
            self._connection.close()

    def shutdown(self) -> None:
        """Close the connection."""
        self.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits in here."""
        return True

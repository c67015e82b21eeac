"""A writer on an empty database, once on each engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.models import Span
from llmtrace.pipeline.outcome import Exported
from llmtrace.store.connection import StoreConnection
from llmtrace.store.writer import Writer


class Store:
    """A database with a writer of its own."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.connection = StoreConnection(alias)
        self.writer = Writer(self.connection)

    def write(self, *spans: ReadableSpan) -> Exported:
        """Write into the database that is configured."""
        return self.writer.write(spans, self.connection.name())

    def spans(self) -> Sequence[Span]:
        """All that is there, content included, in the order in which it began."""
        return list(Span.objects.using(self.alias).with_content().order_by("started_at", "id"))


@pytest.fixture
def store(fresh_database: str) -> Iterator[Store]:
    made = Store(fresh_database)
    yield made
    made.connection.close()

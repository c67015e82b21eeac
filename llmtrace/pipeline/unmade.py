"""An entry of ``EXPORTERS`` that could not be made: nothing is exported, and all that should have been is counted."""

from __future__ import annotations

from opentelemetry.sdk.trace import SpanProcessor

from llmtrace.conf import ExporterConfig
from llmtrace.pipeline.account import UNMADE
from llmtrace.pipeline.direct import DirectPipe
from llmtrace.pipeline.filtering import Filters
from llmtrace.pipeline.queue import Item


class UnmadePipe(DirectPipe):
    """Stands in the place of an exporter without which a process does."""

    def __init__(self, config: ExporterConfig, llm: bool) -> None:
        super().__init__(config, SpanProcessor, Filters(()), llm)

    def put(self, item: Item) -> bool:
        """Count a span that this exporter should have had."""
        if self.wants(item):
            self.ledger.ended()
            self.ledger.dropped(UNMADE)
        return True

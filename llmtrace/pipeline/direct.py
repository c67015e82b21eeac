"""A span processor of the settings list: it is called where the span begins and ends, without a queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from llmtrace.conf import ExporterConfig
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filter, Lost, passed
from llmtrace.pipeline.ledger import Account, Ledger
from llmtrace.pipeline.queue import Item

logger = logging.getLogger("llmtrace.pipeline")


class DirectPipe:
    """Filters on the path of the call, then a `SpanProcessor`: the price of a processor that wants live spans."""

    def __init__(
        self, config: ExporterConfig, make: Callable[[], SpanProcessor], filters: Sequence[Filter], llm: bool
    ) -> None:
        self.config = config
        self.llm = llm
        self.ledger = Ledger()
        self._processor = make()
        self._filters = filters

    def began(self, span: Span, context: Context | None) -> None:
        """Tell the processor of a live span, which has no content yet."""
        self._processor.on_start(span, context)

    def put(self, item: Item) -> None:
        """Give the processor a span that ended, filtered."""
        if self.llm and (item.kin is None or not item.kin.kept):
            return
        self.ledger.ended()
        span = passed(item.ended(), self._filters)
        if isinstance(span, EndedSpan):
            self._processor.on_end(span.for_export())
            self.ledger.sent(1)
        elif span is Lost.RAISED:
            self.ledger.failed_closed()
        else:
            self.ledger.dropped("left out by a filter")

    def after_fork(self) -> None:
        """Count anew in a child; the processor looks after itself, as the SDK asks of it."""
        self.ledger = Ledger()

    def flush(self, deadline: float) -> bool:
        """Ask the processor to send what it holds until `deadline`, in seconds of `time.monotonic`."""
        return self._processor.force_flush(max(1, int((deadline - time.monotonic()) * 1000)))

    def close(self, deadline: float) -> None:
        """Flush and shut the processor down."""
        try:
            self.flush(deadline)
            self._processor.shutdown()
        except Exception:
            logger.exception("The span processor %s raised while it was closed.", self.config.name)

    def account(self) -> Account:
        """The numbers of this processor in this process."""
        return self.ledger.account()

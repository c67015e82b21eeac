"""A span processor of the settings list: it is called where the span begins and ends, without a queue."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from llmtrace.conf import ExporterConfig
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filters, Lost
from llmtrace.pipeline.ledger import Account, Ledger
from llmtrace.pipeline.lineage import adopted
from llmtrace.pipeline.queue import Item
from llmtrace.pipeline.sampling import Share

logger = logging.getLogger("llmtrace.pipeline")


class DirectPipe:
    """Filters on the path of the call, then a `SpanProcessor`: the price of a processor that wants live spans."""

    def __init__(self, config: ExporterConfig, make: Callable[[], SpanProcessor], filters: Filters, llm: bool) -> None:
        self.config = config
        self.llm = llm
        self.ledger = Ledger(config.name)
        self._processor = make()
        self._filters = filters
        self._share = Share(config.sample)
        self._raised = False

    def began(self, span: Span, context: Context | None) -> None:
        """Tell the processor of a live span, which has no content yet."""
        if not self._share.has(span):
            return
        try:
            self._processor.on_start(span, context)
        except Exception:
            self._tell("raised when a span began")

    def put(self, item: Item) -> bool:
        """Give the processor a span that ended, filtered. Always True, as it is never closed on the way."""
        if (self.llm and (item.kin is None or not item.kin.kept)) or not self._share.has(item.span):
            return True
        self.ledger.ended()
        try:
            self._give(item.filtered(self._filters), item)
        except BaseException as error:
            self.ledger.error(type(error).__qualname__)
            self.ledger.dropped("processor raised")
            if not isinstance(error, Exception):  # it may be the host's, whose thread this is
                raise
            self._tell("raised when a span ended")
        return True

    def _give(self, span: EndedSpan | Lost, item: Item) -> None:
        if isinstance(span, EndedSpan):
            if self.llm:
                span = adopted(span, item.kin)
            self._processor.on_end(span.for_export())
            self.ledger.sent(1)
        elif span is Lost.RAISED:
            self.ledger.failed_closed()
        else:
            self.ledger.dropped("left out by a filter")

    def _tell(self, what: str) -> None:
        """Log the first of its exceptions; the others are counted."""
        if not self._raised:
            self._raised = True
            logger.error("The span processor %s %s.", self.config.name, what, exc_info=sys.exc_info())

    def after_fork(self) -> None:
        """Count anew in a child; the processor looks after itself, as the SDK asks of it."""
        self.ledger = Ledger(self.config.name)

    def begin_flush(self) -> Callable[[float], bool]:
        """Nothing can be begun without waiting for it: gives what asks the processor then."""
        return self.flushed

    def flushed(self, deadline: float) -> bool:
        """Ask the processor to send what it holds until `deadline`, in seconds of `time.monotonic`."""
        return self._processor.force_flush(max(1, int((deadline - time.monotonic()) * 1000))) is not False

    def close(self, deadline: float) -> None:
        """Flush and shut the processor down."""
        try:
            self.flushed(deadline)
            self._processor.shutdown()
        except Exception:
            logger.exception("The span processor %s raised while it was closed.", self.config.name)

    def account(self) -> Account:
        """The numbers of this processor in this process."""
        return self.ledger.account()

"""A span processor of the settings list: it is called where the span begins and ends, without a queue."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Final

from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import Span, SpanProcessor

from llmtrace.conf import ExporterConfig
from llmtrace.masking import get_logger
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filters, Lost
from llmtrace.pipeline.ledger import Account, Ledger
from llmtrace.pipeline.lineage import adopted
from llmtrace.pipeline.queue import Item
from llmtrace.pipeline.sampling import Share

logger = get_logger("llmtrace.pipeline")


class DirectPipe:
    """Filters on the path of the call, then a `SpanProcessor`: the price of a processor that wants live spans."""

    patience: Final = inf  # seconds that it may take to close: as many as there are

    def __init__(self, config: ExporterConfig, make: Callable[[], SpanProcessor], filters: Filters, llm: bool) -> None:
        self.config = config
        self.llm = llm
        self.ledger = Ledger(config.name)
        self._processor = make()
        self._filters = filters
        self._share = Share(config.sample)
        self._raised = False
        self._at_work: threading.Thread | None = None  # flushes, or shuts down

    def began(self, span: Span, context: Context | None) -> None:
        """Tell the processor of a live span, which has no content yet."""
        if not self._share.has(span):
            return
        try:
            self._processor.on_start(span, context)
        except Exception:
            self._tell("raised when a span began")

    def wants(self, item: Item) -> bool:
        """Whether a span that ended is among those of this processor."""
        return not (self.llm and (item.kin is None or not item.kin.kept)) and self._share.has(item.span)

    def put(self, item: Item) -> bool:
        """Give the processor a span that ended, filtered. Always True, as it is never closed on the way."""
        if not self.wants(item):
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
        self._at_work = None

    def begin_flush(self) -> Callable[[float], bool]:
        """Nothing can be begun before it is known how long it may take: gives what asks the processor then."""
        return self.flushed

    def flushed(self, deadline: float) -> bool:
        """Ask the processor to send what it holds until `deadline`, in seconds of `time.monotonic`.

        It is told how long it may take, and not believed: OpenTelemetry's `BatchSpanProcessor` takes as long as its
        exporter does.
        """
        return self._done(partial(self._flush, deadline), deadline)

    def close(self, deadline: float) -> None:
        """Flush and shut the processor down. One that does not come back in time is left to itself."""
        if not self._done(partial(self._shut_down, deadline), deadline):
            logger.warning(
                "The span processor %s was not closed in time: what it still holds may be lost.", self.config.name
            )

    def shut_down(self, deadline: float) -> None:
        """It is shut down when it is closed."""

    def abandon(self) -> None:
        """There is nothing to bring to disk: what it was given is the processor's own."""

    def _done(self, work: Callable[[], bool], deadline: float) -> bool:
        """Have it done in a thread: whether it was, in time. One thread at most is stuck in the processor."""
        before = self._at_work
        if before is threading.current_thread():  # it cannot wait for itself
            return False
        if before is not None:
            before.join(max(0.0, deadline - time.monotonic()))
            if before.is_alive():
                return False
        done: list[bool] = []
        name = f"llmtrace-{self.config.name}"
        thread = threading.Thread(target=lambda: done.append(work()), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down, and has no more threads
            return work()
        self._at_work = thread
        thread.join(max(0.0, deadline - time.monotonic()))
        return done == [True]

    def _flush(self, deadline: float) -> bool:
        left_ms = max(1, int((deadline - time.monotonic()) * 1000))
        try:
            with suppress_instrumentation():
                return self._processor.force_flush(left_ms) is not False
        except BaseException:  # an exit in a thread of ours is a mistake like others
            self._tell("raised when it was flushed")
            return False

    def _shut_down(self, deadline: float) -> bool:
        self._flush(deadline)
        try:
            with suppress_instrumentation():
                self._processor.shutdown()
        except BaseException:
            logger.exception("The span processor %s raised while it was closed.", self.config.name)
        return True

    def account(self) -> Account:
        """The numbers of this processor in this process."""
        return self.ledger.account()

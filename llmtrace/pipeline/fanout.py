"""The one processor that llmtrace puts into a tracer provider: it hands each ended span to all pipes."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from django.core.signals import setting_changed
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext

from llmtrace.conf import ROOT, get_config
from llmtrace.forking import at_fork
from llmtrace.masking import get_logger
from llmtrace.mistakes import guarded, tell
from llmtrace.pipeline.build import AnyPipe
from llmtrace.pipeline.ended import Content
from llmtrace.pipeline.lineage import MOST_OPEN, Lineage, forget_oldest
from llmtrace.pipeline.pipe import Pipe
from llmtrace.pipeline.pipes import Pipes
from llmtrace.pipeline.queue import Item
from llmtrace.pipeline.reporter import Reporter
from llmtrace.pipeline.rescue import ENDED as TOO_LATE
from llmtrace.pipeline.running import running
from llmtrace.pipeline.slates import slates

logger = get_logger("llmtrace.pipeline")

UNSENT: Final = "the span is not exported"


class FanOut(Pipes, SpanProcessor):
    """Stays in the provider for good, since processors cannot be taken out; the pipes behind it can be replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.mark: Callable[[Span], None] | None = None  # puts trace attributes on a span that begins
        self._content: OrderedDict[int, Content] = OrderedDict()
        self._lineage = Lineage()
        self._early: deque[tuple[Item, str | None]] = deque()  # what ends in the making of pipes, for whom
        self._finishing = False
        self._left = 0.0  # seconds that spans may take which end later still
        self._reporter = Reporter(self.accounts, self.running)

    def attach(self, span_id: int, content: Content) -> None:
        """Let `content` travel beside the span until it ends."""
        self._content[span_id] = content
        if len(self._content) > MOST_OPEN:
            forget_oldest(self._content)

    @guarded("A span that began was not seen.", UNSENT)
    def keep(self, context: SpanContext) -> None:
        """Have exporters with ``"SPANS": "llm"`` keep this open span: spans of another process will be below it."""
        self._lineage.keep(context)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        pipes = self._pipes
        if pipes is None:
            pipes = self.pipes()
        if pipes or self._makes_them:
            self._lineage.began(span)
        elif not get_config().enabled:
            return
        if self.mark is not None:
            self.mark(span)
        if slates.own is not None:
            slates.own.began(span)
        for pipe in self._direct:
            pipe.began(span, parent_context)

    @guarded("A span that ended was not handed on.", UNSENT)
    def on_end(self, span: ReadableSpan) -> None:
        context = span.context
        if context is None:
            return
        content = self._content.pop(context.span_id, None)
        kin = self._lineage.ended(span)
        slate = slates.own
        place = None if slate is None else slate.ended(span)
        if self._finishing and sys.is_finalizing():
            self._came_too_late(Item(span, content, kin))
            return
        try:
            pipes = self._pipes
            if pipes is None:
                pipes = self.pipes()
            if pipes and context.trace_flags.sampled:
                item = Item(span, content, kin)
                for pipe in pipes:
                    self._put(pipe, item)
                if self._finishing:
                    self._send_late()
            elif self._makes_them and context.trace_flags.sampled:
                self._early.append((Item(span, content, kin), None))
        finally:
            if slate is not None and place is not None:
                slate.handed_on(place)

    def began_elsewhere(self, span: ReadableSpan) -> None:
        """Know of a span that has ended in a child which was killed, and may have others below it."""
        self._lineage.began(span)

    @guarded("A span that had ended in a child was not handed on.", UNSENT)
    def ended_elsewhere(self, span: ReadableSpan, is_lacking: Callable[[str], bool]) -> None:
        """Hand it to the exporters by whose names `is_lacking` says that the child has not brought it to them."""
        item = Item(span, None, self._lineage.ended(span))
        for pipe in self.pipes():
            if isinstance(pipe, Pipe) and is_lacking(pipe.config.name):
                self._put(pipe, item)

    @guarded("A span that ended was not handed to one exporter.", UNSENT)
    def _put(self, pipe: AnyPipe, item: Item) -> None:
        taken = pipe.put(item)
        while not taken:  # the settings have changed under it: its successor takes the span, if they don't change again
            successors = [each for each in self.pipes() if each.config.name == pipe.config.name]
            if self._makes_them:
                self._early.append((item, pipe.config.name))
                return
            if not successors:
                pipe.ledger.ended()
                pipe.ledger.dropped("no longer in the settings")
                return
            taken = any(each.put(item) for each in successors)

    def _send_late(self) -> None:
        """Send what has ended after the end, or bring it to disk where ``EXIT_TIMEOUT`` is over: nothing follows."""
        began = time.monotonic()
        if not self.flush(self._left):
            self.close(0)
        self._left = max(0.0, self._left - (time.monotonic() - began))

    def _came_too_late(self, item: Item) -> None:
        """Count a span that something has ended which Python throws away as the very last.

        There are no threads any more by then, modules are gone in part, and nothing can be imported.
        """
        with suppress(Exception):
            for pipe in self.known() if item.span.context.trace_flags.sampled else ():
                if pipe.wants(item):
                    pipe.ledger.ended()
                    pipe.ledger.dropped(TOO_LATE)

    def made(self, pipes: Sequence[AnyPipe]) -> None:
        """Begin to keep their numbers, and hand on what has ended meanwhile in this thread."""
        if pipes:
            self._reporter.begin()
        while self._early:
            item, name = self._early.popleft()
            for pipe in pipes:
                if name is None or name == pipe.config.name:
                    self._put(pipe, item)

    def running(self) -> list[ReadableSpan]:
        """Spans of this process that have been open for long, as the database exporter would get them now."""
        return running(self.known(), self._lineage)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return once every exporter has sent what there was, or False when that takes longer than `timeout_millis`."""
        return self.flush(timeout_millis / 1000)

    def flush(self, timeout: float) -> bool:
        """The same, in seconds. The exporters work side by side."""
        deadline = time.monotonic() + timeout
        flushed = True
        for finish in [pipe.begin_flush() for pipe in self._pipes or ()]:
            try:
                flushed = finish(deadline) and flushed
            except Exception:
                flushed = False
                tell(logger, "An exporter was not flushed.")
        return flushed

    def save(self) -> None:
        """Bring to disk at once what has ended, for exporters that have a place there; others are only hurried."""
        saved = [pipe.save() for pipe in self._pipes or () if isinstance(pipe, Pipe)]
        if slates.own is not None and all(saved):
            slates.own.save()

    def shutdown(self) -> None:
        """Send what there is and close the exporters. A span that ends later builds them anew."""
        self.close()

    def close(self, timeout: float | None = None) -> None:
        """Replace the pipes: those in use send what they hold for at most `timeout` seconds, together.

        The time is ``EXIT_TIMEOUT`` of the settings that they were made from, if it is left out.
        """
        deadline = time.monotonic() + (self._patience if timeout is None else timeout)
        if self.retire(deadline) and slates.own is not None:
            slates.own.save()
        self._reporter.last_word(deadline)

    def finish(self, timeout: float | None = None) -> None:
        """Close for good, as the process ends. A span that ends later still is exported before its `end` returns."""
        began = time.monotonic()
        self._finishing = True
        self._left = self._patience if timeout is None else timeout
        self.close(timeout)
        self._left = max(0.0, self._left - (time.monotonic() - began))

    def after_fork(self) -> None:
        """Begin anew in a child process."""
        self._early.clear()
        self._content = OrderedDict()
        self._reporter.after_fork()
        super().after_fork()


fanout = FanOut()
"""The processor of this process."""


def _before_fork() -> None:
    fanout.before_fork()


def _after_fork_in_parent() -> None:
    fanout.after_fork_in_parent()


def _after_fork_in_child() -> None:
    fanout.after_fork()


def _settings_changed(*, setting: str, **_: Any) -> None:
    if setting == ROOT:
        fanout.close()


at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
setting_changed.connect(_settings_changed, dispatch_uid="llmtrace.pipeline")

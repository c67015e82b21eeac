"""Spans that a killed child process had open, or had ended and not brought to the exporters: its parent tells of them.

They keep their ids, so that what the child had sent of their descendants stays below them. What was said in a call,
which travels beside its span, has gone with the child, and so has what a span was given after its begin.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanKind, StatusCode

from llmtrace import semconv
from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.lineage import is_llm
from llmtrace.pipeline.opened import Ended, Opened
from llmtrace.pipeline.slate import Slate, number_of
from llmtrace.pipeline.slates import slates
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import connect

JOB_KINDS: Final = (SpanKind.CONSUMER, SpanKind.PRODUCER)


_claiming: Final = threading.Lock()
"""A worker's threads hear of a child's end each in its own way: one of them tells of what it had."""


def watch_children() -> None:
    """Have children that are forked from now on note what they have open."""
    slates.watch()


class CutOff:
    """What a child has open, which is about to be killed or has been, and what it begins until then."""

    def __init__(self, pid: Any) -> None:
        """`pid` is the child's number; that of one without a slate will do, or None."""
        self._slate: Slate | None = slates.of(pid)
        noted: Sequence[Opened] = () if self._slate is None else self._slate.noted()
        self._open: dict[int, Opened] = {}
        self._runs = False
        self._take(noted)

    def _take(self, noted: Iterable[Opened]) -> None:
        self._open.update((each.context.span_id, each) for each in noted if each.end is None)
        self._runs = self._runs or (self._slate is not None and self._slate.runs)

    @classmethod
    def idle(cls) -> Iterator[CutOff]:
        """Of each child that has gone without saying goodbye, while no job ran in it."""
        return (cls(slate.pid) for slate in slates.gone() if not slate.runs)

    @property
    def is_in_child(self) -> bool:
        """Whether it is a child that this process has forked."""
        return self._slate is not None

    @property
    def is_saved(self) -> bool:
        """Whether the child has ended it by now, and brought it to disk."""
        return self._slate is not None and self._slate.is_saved

    def leaves_out(self, task_id: str) -> bool:
        """Whether a job runs whose run is not among it, as no span has begun inside."""
        return self._runs and not self.has_run_of(task_id)

    def has_run_of(self, task_id: str) -> bool:
        """Whether the run of a job is among it. The run of another instrumentation begins without an id."""
        runs = (each for each in self._open.values() if _is_run(each))
        return task_id in (each.attributes.get(semconv.MESSAGING_MESSAGE_ID, task_id) for each in runs)

    def end(self, error: BaseException | None = None, on_run: Mapping[str, Any] | None = None) -> None:
        """End it now that the child is dead, and tell of what it had ended and not brought to all exporters.

        Nothing is done if the child has brought all to disk before.

        Args:
            error: why the child was killed: the error of the job that it ran.
            on_run: more attributes for that job's run.
        """
        if self._slate is None:
            return
        with _claiming:
            noted = [] if self.is_saved else self._slate.noted()
            self._take(noted)  # a job may have begun its run when its time was up
            self._slate.clear()
        if noted:
            self._tell(noted, error, on_run or {})

    def _tell(self, noted: Sequence[Opened], error: BaseException | None, on_run: Mapping[str, Any]) -> None:
        told = _Told(noted)
        for each, span in reversed([(each, told.begin(each)) for each in noted]):
            if each.end is not None:
                span.set_attribute(semconv.INCOMPLETE, True)
            if each.end is None or each.context.span_id in self._open:
                self._cut_off(each, span, error, on_run)
            else:
                span.set_status(StatusCode.ERROR if each.end.failed else StatusCode.UNSET)
                span.end(each.end.at)

    def _cut_off(
        self, opened: Opened, span: trace.Span, error: BaseException | None, on_run: Mapping[str, Any]
    ) -> None:
        if _is_run(opened):
            span.set_attributes(on_run)
            if error is not None:
                record(span, error)
        elif opened.kind not in JOB_KINDS and isinstance(span, Span) and is_llm(span):
            span.set_attribute(semconv.STREAM_OUTCOME, "cancelled")
        span.end()


class _Told(SpanProcessor):
    """Gives the spans to the exporters that lack them."""

    def __init__(self, noted: Iterable[Opened]) -> None:
        self._ends = {each.context.span_id: each.end for each in noted}
        self._ids = _Known()
        resource = getattr(connect(), "resource", None)
        self._provider = TracerProvider(ALWAYS_ON, resource, False, id_generator=self._ids)
        self._provider.add_span_processor(self)

    def begin(self, opened: Opened) -> trace.Span:
        """Start a span once more, below the same parent."""
        return self._ids.begin(self._provider, opened)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self._end_of(span) is None:
            fanout.on_start(span, parent_context)
        else:
            fanout.began_elsewhere(span)

    def on_end(self, span: ReadableSpan) -> None:
        end = self._end_of(span)
        if end is None:
            fanout.on_end(span)
        else:
            fanout.ended_elsewhere(span, lambda name: end.lacking is None or number_of(name) in end.lacking)

    def _end_of(self, span: ReadableSpan) -> Ended | None:
        return None if span.context is None else self._ends[span.context.span_id]


class _Known(IdGenerator):
    """Gives a span the id that it has had before."""

    def __init__(self) -> None:
        self._trace_id = self._span_id = 0

    def begin(self, provider: TracerProvider, opened: Opened) -> trace.Span:
        """Start the span once more, below the same parent."""
        self._trace_id, self._span_id = opened.context.trace_id, opened.context.span_id
        above = Context()
        if opened.parent is not None:
            above = trace.set_span_in_context(NonRecordingSpan(opened.parent), above)
        tracer = provider.get_tracer(opened.scope, opened.version)
        return tracer.start_span(
            opened.name, above, opened.kind, opened.attributes, opened.links, start_time=opened.started_at
        )

    def generate_trace_id(self) -> int:
        return self._trace_id

    def generate_span_id(self) -> int:
        return self._span_id


def _is_run(opened: Opened) -> bool:
    return opened.kind is SpanKind.CONSUMER

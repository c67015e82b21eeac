"""Spans that a killed child process had open: its parent ends them in its stead.

They keep their ids, so that what the child had sent of their descendants stays below them. What was said in a call,
which travels beside its span, has gone with the child.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanKind

from llmtrace import semconv
from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.lineage import is_llm
from llmtrace.pipeline.opened import Opened
from llmtrace.pipeline.slate import Slate
from llmtrace.pipeline.slates import slates
from llmtrace.tracing.failure import record
from llmtrace.tracing.setup import connect

JOB_KINDS: Final = (SpanKind.CONSUMER, SpanKind.PRODUCER)


def watch_children() -> None:
    """Have children that are forked from now on note what they have open."""
    slates.watch()


class CutOff:
    """What a child has open at this moment, which is about to be killed or has been."""

    def __init__(self, pid: Any) -> None:
        """`pid` is the child's number; that of one without a slate will do, or None."""
        self._slate: Slate | None = slates.of(pid)
        self._opened: Sequence[Opened] = () if self._slate is None else self._slate.opened()
        self._runs = self._slate is not None and self._slate.runs

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
        ids = (each.attributes.get(semconv.MESSAGING_MESSAGE_ID, task_id) for each in self._opened if _is_run(each))
        return task_id in ids

    def end(self, error: BaseException, on_run: Mapping[str, Any]) -> None:
        """End it now, unless the child has ended it and brought it to disk before it was killed.

        Args:
            error: why the child was killed: the error of the job that it ran.
            on_run: more attributes for that job's run.
        """
        if self._slate is None or not self._opened or self.is_saved:
            return
        ids = _Known()
        provider = TracerProvider(ALWAYS_ON, getattr(connect(), "resource", None), False, id_generator=ids)
        provider.add_span_processor(fanout)
        for each, span in reversed([(each, ids.begin(provider, each)) for each in self._opened]):
            if _is_run(each):
                span.set_attributes(on_run)
                record(span, error)
            elif each.kind not in JOB_KINDS and isinstance(span, Span) and is_llm(span):
                span.set_attribute(semconv.STREAM_OUTCOME, "cancelled")
            span.end()
        self._slate.clear()


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

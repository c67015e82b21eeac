"""Spans that have been open for some seconds: what the admin shows as running."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.conf import DATABASE_BACKEND
from llmtrace.pipeline.build import AnyPipe
from llmtrace.pipeline.lineage import Kin, Lineage
from llmtrace.pipeline.pipe import Pipe

LONG_S: Final = 5.0
MOST: Final = 100  # of one process: more at once are a mistake, of spans that nobody ends


def running(pipes: Sequence[AnyPipe], lineage: Lineage) -> list[ReadableSpan]:
    """The newest of the spans that began `LONG_S` ago or earlier, as the database exporter would get them now.

    They have passed its filters. There are none where no entry of ``EXPORTERS`` is the database.
    """
    pipe = next((each for each in pipes if isinstance(each, Pipe) and each.config.backend == DATABASE_BACKEND), None)
    return [] if pipe is None else list(islice(_running(pipe, lineage), MOST))


def _running(pipe: Pipe, lineage: Lineage) -> Iterator[ReadableSpan]:
    now = time.time_ns()
    for kin in reversed(lineage.open()):
        span = kin.span
        if span is None or span.start_time is None or now - span.start_time < LONG_S * 1e9:
            continue
        try:
            found = _previewed(pipe, span, kin, now)
        except Exception:  # an attribute was set in the meantime: the next time will do
            continue
        if found is not None:
            yield found


def _previewed(pipe: Pipe, span: ReadableSpan, kin: Kin, now: int) -> ReadableSpan | None:
    """The span as if it ended now."""
    if span.context is None or not span.context.trace_flags.sampled:
        return None
    snapshot = ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.resource,
        dict(span.attributes or ()),
        kind=span.kind,
        start_time=span.start_time,
        end_time=now,
        instrumentation_scope=span.instrumentation_scope,
    )
    return pipe.preview(snapshot, kin)

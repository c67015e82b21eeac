"""Whatever an exporter and its filters do: each span that ended is sent, waiting, or dropped with a reason."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from llmtrace.conf import ExporterConfig, QueueConfig
from llmtrace.pipeline import backoff
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filters
from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.pipeline.pipe import Pipe
from llmtrace.pipeline.queue import Item
from tests.pipeline.exporters import Scripted
from tests.pipeline.making import balanced, span

ACTS = st.sampled_from(["success", "failure", "later", "raise", "refuse some", "refuse all"])
FILTERED = st.sampled_from(["keep", "keep", "leave out", "raise"])


def answered(act: str, spans: Sequence[ReadableSpan]) -> Any:
    """What the exporter does with a batch."""
    if act == "failure":
        return SpanExportResult.FAILURE
    if act == "later":
        raise RetryLater("not now")
    if act == "raise":
        raise ConnectionError("refused")
    if act == "refuse some":
        return Exported(len(spans) - 1, {"too large": 1})
    if act == "refuse all":
        return Exported(0, {"no such project": len(spans)})
    return SpanExportResult.SUCCESS


@given(acts=st.lists(ACTS, max_size=6), filtered=st.lists(FILTERED, max_size=20), size=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_the_ledger_is_balanced(acts: list[str], filtered: list[str], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "FIRST_WAIT_S", 0.0005)
        patch.setattr(backoff, "LONGEST_WAIT_S", 0.001)
        pipe = played(acts, filtered, size)
    numbers = pipe.account()
    assert balanced(numbers)
    assert numbers.ended == len(filtered)
    assert numbers.waiting == 0
    assert numbers.failed_closed == numbers.dropped.get("filter raised", 0)


def played(acts: list[str], filtered: list[str], size: int) -> Pipe:
    """A pipe with an exporter that goes through `acts` and then works, closed after it was given all the spans."""
    left = list(acts)

    def export(spans: Sequence[ReadableSpan]) -> Any:
        return answered(left.pop(0) if left else "success", spans)

    def sift(ended: EndedSpan) -> EndedSpan | None:
        what = filtered[int(ended.name)]
        if what == "raise":
            raise ValueError("a filter's own mistake")
        return None if what == "leave out" else ended

    queue = QueueConfig(size=size, batch=4, delay=0.0)
    config = ExporterConfig("tests.Scripted", {}, "here", "scripted", queue=queue)
    pipe = Pipe(config, lambda: Scripted(export), Filters([], [sift]), llm=False)
    for number in range(len(filtered)):
        made: Any = span(str(number))
        assert pipe.put(Item(made, None, None))
    pipe.close(time.monotonic() + 60)
    return pipe

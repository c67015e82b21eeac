"""The queue is bounded in spans and in bytes, first in first out, and gives one destination at a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from opentelemetry.sdk.trace import Event, ReadableSpan

from llmtrace.conf import QueueConfig
from llmtrace.pipeline import queue
from llmtrace.pipeline.queue import SPAN_BYTES, Item, SpanQueue

BOUNDS = QueueConfig(size=5, bytes=8 * SPAN_BYTES, batch=3)
MOST_BYTES = 5 * SPAN_BYTES


class Sized:
    """Content of a size."""

    def __init__(self, size: int) -> None:
        self._size = size

    def size(self) -> int:
        return self._size


def item(size: int) -> Item:
    made: Any = Sized(size)
    return Item(ReadableSpan("one"), made, None)


class Queueing(RuleBasedStateMachine):
    """The queue beside a plain list that is told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = SpanQueue(BOUNDS)
        self.model: list[tuple[Item, str | None]] = []
        self.accepted = 0
        self.closed = False

    @rule(size=st.integers(0, 10 * SPAN_BYTES), destination=st.sampled_from(["one", "two", None]))
    def put(self, size: int, destination: str | None) -> None:
        new = item(size)
        held = sum(each.size for each, _ in self.model)
        fits = not self.closed and len(self.model) < BOUNDS.size and held + new.size <= BOUNDS.bytes
        assert self.queue.put(new, destination) is fits
        if fits:
            self.accepted += 1
            self.model.append((new, destination))

    @rule()
    def take(self) -> None:
        batch = self.queue.take()
        expected = self.model[: BOUNDS.batch]
        while any(each[1] != expected[0][1] for each in expected) or (
            len(expected) > 1 and sum(each.size for each, _ in expected) > MOST_BYTES
        ):
            expected.pop()
        assert list(batch) == expected
        del self.model[: len(batch)]

    @rule()
    def close(self) -> None:
        self.queue.close()
        self.closed = True

    @invariant()
    def is_the_same(self) -> None:
        assert len(self.queue) == len(self.model)
        assert self.queue.accepted == self.accepted
        if self.model:
            assert self.queue.filled.is_set()
        if len(self.model) >= BOUNDS.batch:
            assert self.queue.due.is_set()


class TestQueueing(Queueing.TestCase):  # type: ignore[misc,valid-type]
    """With batches that are small enough to be full."""

    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queue, "BATCH_BYTES", MOST_BYTES)


def test_texts_count_wherever_another_instrumentation_has_put_them() -> None:
    attributes: dict[str, Any] = {
        "prompt": "x" * 1000,
        "parts": ("x" * 100, "x" * 100),
        "vector": (1.0, 2.0),
        "number": 7,
    }
    span = ReadableSpan("one", attributes=attributes, events=[Event("said", {"text": "x" * 1000})])
    assert Item(span, None, None).size == SPAN_BYTES + 2200 + 16

"""Calls that are over leave nothing in memory, however they ended."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, Final

import pytest

from llmtrace import LLM
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.queue import Item
from llmtrace.providers.base import Answer
from llmtrace.tracing.call_span import CallSpan
from llmtrace.tracing.content import CallContent
from llmtrace.tracing.setup import flush
from tests.pipeline.making import entry, exporting

KINDS: Final = (CallSpan, CallContent, EndedSpan, Item, Answer)


def alive() -> int:
    """How many objects of a call there are."""
    gc.collect()
    return sum(isinstance(each, KINDS) for each in gc.get_objects())


def abandoned() -> None:
    stream = LLM().stream("Hello there, you all")
    next(stream)


def failing() -> None:
    with pytest.raises(ZeroDivisionError):
        LLM(provider="failing").chat("Hello")


WAYS: Final[dict[str, Callable[[], Any]]] = {
    "whole": lambda: LLM().chat("Hello"),
    "streamed": lambda: list(LLM().stream("Hello there")),
    "abandoned": abandoned,
    "failing": failing,
    "not captured": lambda: LLM().chat("Hello", capture_content=False),
}


@pytest.mark.parametrize("way", WAYS)
def test_calls_that_are_over_leave_nothing(way: str) -> None:
    fake = {"BACKEND": "llmtrace.providers.Fake"}
    failing = {**fake, "OPTIONS": {"replies": lambda request: ZeroDivisionError()}}
    settings = {"PROVIDERS": {"default": fake, "failing": failing}}
    with exporting(entry("Scripted", act=lambda spans: None), **settings):
        WAYS[way]()
        assert flush(10)
        before, open_before = alive(), set(fanout._lineage._live)
        for _ in range(50):
            WAYS[way]()
        assert flush(10)
        assert alive() - before <= len(KINDS)
        assert fanout._content == {}
        assert set(fanout._lineage._live) <= open_before  # a host may leave spans of its own open

"""Filters on the way of a span: each returns the span, an edited copy, or None; one that raises fails closed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from enum import Enum

from llmtrace.pipeline.ended import EndedSpan

logger = logging.getLogger("llmtrace.pipeline")

Filter = Callable[[EndedSpan], EndedSpan | None]

_reported: set[str] = set()


class Lost(Enum):
    """Why a span goes nowhere."""

    LEFT_OUT = "a filter returned None"
    RAISED = "a filter raised"


def passed(span: EndedSpan, filters: Iterable[Filter]) -> EndedSpan | Lost:
    """The span as the filters leave it. One that raises is logged once, without its message: that may hold text."""
    for each in filters:
        made = getattr(each, "func", each)  # of a function with options
        name = getattr(made, "__qualname__", type(made).__qualname__)
        try:
            result = each(span)
        except Exception as error:
            if name not in _reported:
                _reported.add(name)
                logger.error("The filter %s raised %s: its spans go nowhere.", name, type(error).__qualname__)
            return Lost.RAISED
        if result is None:
            return Lost.LEFT_OUT
        span = result
    return span

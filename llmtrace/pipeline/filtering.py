"""Filters on the way of a span: each returns the span, an edited copy, or None; one that raises fails closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from llmtrace.masking import get_logger
from llmtrace.pipeline.ended import EndedSpan

logger = get_logger("llmtrace.pipeline")

Filter = Callable[[EndedSpan], EndedSpan | None]

_reported: set[str] = set()


class Filters(NamedTuple):
    """The filters of one exporter, in order: those of all exporters, which run once for each span, and its own."""

    common: Sequence[Filter]
    own: Sequence[Filter] = ()


class Lost(Enum):
    """Why a span goes nowhere."""

    LEFT_OUT = "a filter returned None"
    RAISED = "a filter raised"


def passed(span: EndedSpan, filters: Iterable[Filter]) -> EndedSpan | Lost:
    """The span as the filters leave it. One that raises, or returns what is no span, is logged once.

    Raises:
        BaseException: one raised what is no `Exception`.
    """
    for each in filters:
        try:
            result = each(span)
        except BaseException as error:
            _report(each, f"raised {type(error).__qualname__}")  # without its message, which may hold text
            if not isinstance(error, Exception):
                raise  # who asks knows whether it is the host's: an exit, a time limit
            return Lost.RAISED
        if result is None:
            return Lost.LEFT_OUT
        if not isinstance(result, EndedSpan):
            _report(each, f"returned a {type(result).__qualname__} in place of a span")
            return Lost.RAISED
        span = result
    return span


def _report(each: Filter, what: str) -> None:
    made = getattr(each, "func", each)  # of a function with options
    name = getattr(made, "__qualname__", type(made).__qualname__)
    if name not in _reported:
        _reported.add(name)
        logger.error("The filter %s %s: its spans go nowhere.", name, what)

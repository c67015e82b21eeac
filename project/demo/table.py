"""Traces as text: one line a span, indented as the tree is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from llmtrace.dashboard import figures
from llmtrace.models import Span
from project.demo.trace import Trace

HEADINGS: Final = ("span", "kind", "model", "tokens", "cost", "duration", "status")
WIDTHS: Final = (58, 8, 24, 13, 12, 8, 0)
RIGHT: Final = frozenset({"tokens", "cost", "duration"})


def lines(trace: Trace) -> Iterator[str]:
    """The headings, then every span below its parent."""
    yield _line(HEADINGS)
    for depth, span in trace.walk():
        yield _line(_cells(depth, span))


def _cells(depth: int, span: Span) -> tuple[str, ...]:
    return (
        f"{'  ' * depth}{span.name}",
        span.kind,
        span.model or "",
        figures.tokens(span.input_tokens, span.output_tokens),
        figures.cost(span.cost_nano_usd),
        figures.duration(span.duration_ms),
        figures.short_class(span.error_type) if span.error_type else span.outcome or "ok",
    )


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(map(_fitted, HEADINGS, cells, WIDTHS)).rstrip()


def _fitted(heading: str, cell: str, width: int) -> str:
    if width and len(cell) > width:
        cell = cell[: width - 1] + "…"
    return cell.rjust(width) if heading in RIGHT else cell.ljust(width)

"""A trace as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmtrace.models import Span
from project.demo import table
from project.demo.trace import Trace


def span(number: int, parent: int | None, name: str, **fields: Any) -> Span:
    known = {"kind": "INTERNAL", "status": "UNSET", "duration_ms": 12.0}
    began = datetime(2026, 11, 1, 12, 0, number, tzinfo=UTC)
    ids = {"span_id": f"{number:016x}", "parent_id": f"{parent:016x}" if parent else None}
    return Span(name=name, started_at=began, **ids, **{**known, **fields})


def test_every_span_is_a_line_below_its_parent() -> None:
    call = {"model": "gpt-4o-mini", "input_tokens": 1200, "output_tokens": 34, "cost_nano_usd": 200_400}
    spans = [
        span(3, 2, "recommend", kind="CLIENT", **call),
        span(1, None, "POST tour/", kind="SERVER", duration_ms=2340.0),
        span(4, 1, "ask", kind="CLIENT", status="ERROR", error_type="openai.NotFoundError"),
        span(2, 1, "run"),
    ]
    headings, *rows = table.lines(Trace(spans))
    assert headings.split() == list(table.HEADINGS)
    assert [row.rstrip().split()[0] for row in rows] == ["POST", "run", "recommend", "ask"]
    assert [len(row) - len(row.lstrip()) for row in rows] == [0, 2, 4, 2]
    assert "2.34 s" in rows[0]
    assert rows[2].split()[1:3] == ["CLIENT", "gpt-4o-mini"]
    assert "→ 34" in rows[2]
    assert "$0.0002" in rows[2]
    assert rows[3].endswith("NotFoundError")


def test_columns_stand_below_each_other_whatever_the_names_are() -> None:
    spans = [span(1, None, "x" * 200, kind="SERVER"), span(2, 1, "y", kind="CLIENT")]
    headings, *rows = table.lines(Trace(spans))
    at = headings.index("kind")
    assert [row[at:].split()[0] for row in rows] == ["SERVER", "CLIENT"]

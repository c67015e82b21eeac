"""Spans that have not ended: those of living processes run, those of dead ones are lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from llmtrace.conf import get_config
from llmtrace.models import RunningSpan, Span
from llmtrace.pipeline import book
from llmtrace.pipeline.folder import spool_folder
from llmtrace.store.health import SILENT

IS_RUNNING: Final = "running"
IS_LOST: Final = "lost"
MOST: Final = 50
SHARED: Final = tuple(
    field.name for field in RunningSpan._meta.fields if field.name not in ("id", "process", "seen_at")
)
"""The columns that a running span has in common with one that has ended."""


def running(trace_id: str | None = None, since: datetime | None = None, limit: int = MOST) -> list[Span]:
    """The newest spans that are open, as spans that are not stored, with `IS_RUNNING` or `IS_LOST` for their outcome.

    Their duration is the time until now, of lost ones until their process was last seen.

    Args:
        trace_id: 32 hex digits, for those of one trace.
        since: leave out those of processes that were last seen before.
        limit: how many at most.
    """
    rows = RunningSpan.objects.using(get_config().database).order_by("-started_at", "-id")
    if trace_id is not None:
        rows = rows.filter(trace_id=trace_id)
    if since is not None:
        rows = rows.filter(seen_at__gte=since)
    found = list(rows[:limit])
    ended, now = _ended(found), timezone.now()
    spans = (_as_span(row, now) for row in found if (row.trace_id, row.span_id) not in ended)
    return list(spans)


def _ended(rows: Iterable[RunningSpan]) -> set[tuple[str, str]]:
    """The ids of those that have ended in the meantime: they are stored before their row here goes."""
    rows = list(rows)
    if not rows:
        return set()
    stored = Span.objects.using(get_config().database).filter(
        trace_id__in={row.trace_id for row in rows}, span_id__in={row.span_id for row in rows}
    )
    return set(stored.values_list("trace_id", "span_id"))


def _as_span(row: RunningSpan, now: datetime) -> Span:
    alive = _is_alive(row, now)
    fields: dict[str, Any] = {name: getattr(row, name) for name in SHARED}
    until = now if alive else row.seen_at
    return Span(
        **fields,
        duration_ms=max(0.0, (until - row.started_at).total_seconds() * 1000),
        status="UNSET",
        outcome=IS_RUNNING if alive else IS_LOST,
    )


def _is_alive(row: RunningSpan, now: datetime) -> bool:
    """By the lock of its process, where that is on this machine; else by when it was last heard of."""
    folder = spool_folder()
    path = None if folder is None else book.path_of(folder, row.process)
    if path is not None and path.exists():
        return book.is_alive(path)
    return now - row.seen_at < SILENT

"""Spans that are open, as the list shows them above those that have ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.contrib.admin import AdminSite
from django.utils import timezone
from django.utils.translation import gettext

from llmtrace.dashboard import figures
from llmtrace.dashboard.addresses import url_of
from llmtrace.dashboard.kinds import LABELS, LOST, OPEN, Kind, kind_of
from llmtrace.dashboard.plaintext import one_line
from llmtrace.dashboard.when import clock, full, local
from llmtrace.models import Span
from llmtrace.store.running import running

MOST: Final = 20
NEWS: Final = timedelta(days=1)


@dataclass(frozen=True)
class Open:
    """A row of the table."""

    url: str
    name: str
    kind: Kind
    label: str
    model: str
    user: str
    lost: bool
    state: str
    duration: str
    started: str
    started_full: str
    started_iso: str


def open_spans(site: AdminSite) -> list[Open]:
    """The newest that run, and those that were lost within a day."""
    return [_row(span, site) for span in running(since=timezone.now() - NEWS, limit=MOST)]


def _row(span: Span, site: AdminSite) -> Open:
    kind = kind_of(span.kind, span.operation)
    return Open(
        url=url_of(site, span.trace_id, span.span_id),
        name=one_line(figures.short_job(span.name) if kind == "job" else span.name, 80) or "–",
        kind=kind,
        label=gettext(LABELS[kind]),
        model=one_line(span.model or "", 60),
        user=one_line(span.user_id or "", 40),
        lost=span.outcome == LOST,
        state=gettext(OPEN[span.outcome or LOST]),
        duration=figures.duration(span.duration_ms),
        started=clock(span.started_at),
        started_full=full(span.started_at),
        started_iso=local(span.started_at).isoformat(),
    )

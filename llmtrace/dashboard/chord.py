"""A chord on the page of a trace: its body names its headers, and each of these its body.

Spans are found by ids that messages carry, not by links: a body is sent with the ids of its group, and not with those
of the spans of its headers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from llmtrace import semconv
from llmtrace.dashboard.plaintext import one_line
from llmtrace.dashboard.trace import Trace, attributes_of
from llmtrace.models import Span

JOB_KINDS: Final = ("PRODUCER", "CONSUMER")
MOST: Final = 100  # jobs of a header that are named


@dataclass(frozen=True, slots=True)
class Related:
    """A span of another job of the chord; `state` as Celery has it, empty of a job that has not run."""

    trace_id: str
    span_id: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Chord:
    """What a span of a chord is to be seen with; `more` jobs are not named."""

    header: list[Related]
    body: list[Related]
    more: int = 0


def chord_of(trace: Trace, span: Span) -> Chord:
    """The others of the chord that `span` is a part of; empty if it is of none."""
    known = attributes_of(span)
    own, body = known.get(semconv.MESSAGING_MESSAGE_ID), known.get(semconv.JOB_CHORD_ID)
    if span.kind not in JOB_KINDS or own is None:
        return Chord([], [])
    jobs = [(each, attributes_of(each)) for each in trace.spans if each.kind in JOB_KINDS]
    header = _told(each for each, its in jobs if its.get(semconv.JOB_CHORD_ID) == own)
    above = _told(each for each, its in jobs if body is not None and its.get(semconv.MESSAGING_MESSAGE_ID) == body)
    return Chord(header[:MOST], above, max(0, len(header) - MOST))


def _told(spans: Iterable[Span]) -> list[Related]:
    """A line for each job: its last attempt, or its message while it has not run."""
    last: dict[str, Span] = {}
    for span in spans:
        job = str(attributes_of(span).get(semconv.MESSAGING_MESSAGE_ID))
        if job not in last or span.kind == "CONSUMER":
            last[job] = span
    return [_related(span) for span in last.values()]


def _related(span: Span) -> Related:
    state = attributes_of(span).get(semconv.CELERY_STATE)
    return Related(span.trace_id, span.span_id, one_line(span.name) or "–", one_line(str(state or ""), 40))

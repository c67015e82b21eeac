"""Jobs that run in traces of their own, put together again with what sent them: several traces as one story."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from llmtrace.dashboard.stored import stored
from llmtrace.dashboard.trace import MAX_SPANS, Trace, node_of
from llmtrace.dashboard.tree import Node
from llmtrace.models import Span

MOST_TRACES: Final = 50
MOST_STEPS: Final = 10  # jobs that send jobs


def whole(trace: Trace) -> Trace:
    """`trace` with the one in which its story began, and those of all jobs that were sent in it.

    What does not fit on a page is left out: its own spans come first, then those that began first.
    """
    others = _story(trace) - {trace.trace_id}
    if not others:
        return trace
    room = max(0, MAX_SPANS - len(trace.spans))
    found = list(stored().filter(trace_id__in=others).order_by("started_at", "id")[: room + 1])
    spans = sorted([*trace.spans, *found[:room]], key=lambda span: (span.started_at, span.pk))
    return Trace(trace.trace_id, spans, trace.more or len(found) > room)


def _story(trace: Trace) -> set[str]:
    """The ids of the traces of the story that `trace` is a part of."""
    sent_by = next((span.linked_trace_id for span in trace.spans if span.linked_trace_id), None)
    origin = trace.trace_id if sent_by is None else _origin(sent_by)
    story, last = {origin}, {origin}
    for _ in range(MOST_STEPS):
        sent = stored().filter(linked_trace_id__in=last).values_list("trace_id", flat=True)
        last = set(sent[:MOST_TRACES]) - story
        story |= last
        if not last or len(story) >= MOST_TRACES:
            break
    return story


def _origin(trace_id: str) -> str:
    """Where the story began that this trace continues; the last one that is known, should links go round in circles."""
    seen = [trace_id]
    while len(seen) < MOST_STEPS:
        found = (
            stored().filter(trace_id=seen[-1], linked_trace_id__isnull=False).values_list("linked_trace_id", flat=True)
        )
        sent_by = found.first()
        if sent_by is None or sent_by in seen:
            break
        seen.append(sent_by)
    return seen[-1]


def nodes_of(spans: Iterable[Span]) -> list[Node]:
    """The nodes of a story: a job in a trace of its own stands below what sent it, if that is there.

    Where it is not, its trace begins when the job was due.
    """
    nodes = [node_of(span) for span in spans]
    here = {node.span_id for node in nodes}
    return [node if node.parent_id else _joined(node, here) for node in nodes]


def _joined(node: Node, here: set[str]) -> Node:
    return replace(node, parent_id=node.link, linked=True) if node.link in here else replace(node, delayed=None)

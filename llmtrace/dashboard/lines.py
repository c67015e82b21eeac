"""The rows of the waterfall: the tree's nodes, and between them the time that jobs waited, ready to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from llmtrace.dashboard import figures
from llmtrace.dashboard.kinds import REMARKABLE, Kind
from llmtrace.dashboard.plaintext import one_line
from llmtrace.dashboard.tree import Placed
from llmtrace.dashboard.waterfall import Bar, Scale, bar_of

DEEPEST: Final = 12  # steps to the right; what is deeper stays there and says its level
SKEW: Final = 1.0  # ms that a child may begin before its parent before it is worth a word
WORTH_A_ROW: Final = 0.01  # of the trace's time: a shorter wait could hardly be seen
NEAR: Final = 20  # rows that are in sight when the page opens


@dataclass(frozen=True, slots=True)
class Line:
    """One row. Of kind ``wait`` it is the time that a job's message waited in the queue `name`, of kind ``delay`` the
    time that it was asked to wait; both belong to the job's span."""

    span_id: str
    name: str
    kind: Kind | str
    depth: int
    bar: Bar
    duration: str
    whole_name: str = ""
    level: int = 1
    failed: bool = False
    selected: bool = False
    orphan: bool = False
    skewed: bool = False
    linked: bool = False
    attempt: int | None = None
    retries: str = ""
    error: str = ""
    outcome: str = ""
    tokens: str = ""
    cost: str = ""
    far: bool = False


def lines_of(placed: Sequence[Placed], scale: Scale, selected: str | None = None) -> list[Line]:
    """A row for each node in the order of the tree, and before each job one for what it waited, where that matters.

    Args:
        placed: the tree.
        scale: the time that the page shows.
        selected: the id of the span that the panel shows.
    """
    runs = Counter(place.node.job_id for place in placed if place.node.attempt is not None)
    lines: list[Line] = []
    for place in placed:
        lines += _waits(place, scale)
        again = runs[place.node.job_id] > 1 or (place.node.attempt or 1) > 1
        lines.append(_line(place, scale, place.node.span_id == selected, again, far=len(lines) >= NEAR))
    return lines


def _line(place: Placed, scale: Scale, selected: bool, again: bool, far: bool) -> Line:
    node = place.node
    return Line(
        span_id=node.span_id,
        name=one_line(figures.short_job(node.name) if node.kind == "job" else node.name) or "–",
        whole_name=one_line(node.name, 255),
        kind=node.kind,
        depth=min(place.depth, DEEPEST),
        level=place.depth + 1,
        bar=bar_of(scale, node.start, node.duration, node.first_chunk),
        duration=figures.duration(node.duration),
        failed=node.failed,
        selected=selected,
        orphan=place.orphan,
        linked=node.linked,
        skewed=place.parent is not None and place.parent.start - node.start > SKEW,
        attempt=node.attempt if again else None,
        retries=counted(node.retries),
        error=one_line(figures.short_class(node.error_type), 60) if node.failed and node.error_type else "",
        outcome=REMARKABLE.get(node.outcome or "", ""),
        tokens=figures.tokens(node.input_tokens, node.output_tokens),
        cost=figures.cost(node.cost_nano_usd),
        far=far,
    )


def _waits(place: Placed, scale: Scale) -> Iterator[Line]:
    """What happened to a job's message before its run: the delay that was asked for, then the queue."""
    node = place.node
    for kind, name, end, length in (
        ("delay", "", node.start - (node.waited or 0.0), node.delayed),
        ("wait", one_line(node.queue or "", 60), node.start, node.waited),
    ):
        if length and length >= scale.length * WORTH_A_ROW:
            yield Line(
                span_id=node.span_id,
                name=name,
                kind=kind,
                depth=min(place.depth, DEEPEST),
                level=place.depth + 1,
                bar=bar_of(scale, end - length, length),
                duration=figures.duration(length),
            )


def counted(reasons: Sequence[str]) -> str:
    """Reasons in their order, equal ones that follow each other counted: ``429 ×2, 503``."""
    return ", ".join(_counted(reasons))


def _counted(reasons: Sequence[str]) -> Iterator[str]:
    for reason, group in groupby(reasons):
        times = len(list(group))
        yield reason if times == 1 else f"{reason} ×{times}"

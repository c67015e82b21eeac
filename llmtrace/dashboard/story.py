"""A trace in a few numbers: how long it took, what the user waited for, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmtrace.dashboard.tree import Node, Placed
from llmtrace.dashboard.waterfall import covered, scale_of


@dataclass(frozen=True, slots=True)
class Story:
    """Durations are in ms. None is what nobody knows, or what did not happen."""

    whole: float
    answer: float | None
    first_chunk: float | None
    calls: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None
    unpriced: int
    waited: float | None


def story_of(placed: Sequence[Placed]) -> Story:
    """The numbers of a trace from its tree."""
    nodes = [place.node for place in placed]
    scale = scale_of(nodes)
    calls = [node for node in nodes if node.kind == "call"]
    chunks = [node.start + node.first_chunk - scale.start for node in calls if node.first_chunk is not None]
    waits = [(node.start - node.waited, node.start) for node in nodes if node.waited is not None]
    return Story(
        whole=scale.end - scale.start,
        answer=_answer(placed),
        first_chunk=min(chunks, default=None),
        calls=len(calls),
        failed=sum(node.failed for node in calls),
        input_tokens=_sum([node.input_tokens for node in calls]),
        output_tokens=_sum([node.output_tokens for node in calls]),
        cost_nano_usd=_sum([node.cost_nano_usd for node in calls]),
        unpriced=sum(_used(node) and node.cost_nano_usd is None for node in calls),
        waited=covered(waits) if waits else None,
    )


def _answer(placed: Sequence[Placed]) -> float | None:
    """What the first request took: jobs go on after it."""
    return next((place.node.duration for place in placed if place.node.kind == "request"), None)


def _used(node: Node) -> bool:
    return node.input_tokens is not None or node.output_tokens is not None


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None

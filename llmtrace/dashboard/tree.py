"""The spans of a trace put in the order of a tree: each below the span that it belongs to, siblings by time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmtrace.dashboard.kinds import Kind


@dataclass(frozen=True, slots=True)
class Node:
    """What the tree and the waterfall need of one span. Times are in ms, `start` since the epoch.

    Of a job: `outcome` is its state, `waited` its time in the `queue`, `delayed` the time before that for which it was
    asked to wait.
    """

    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    start: float
    duration: float
    failed: bool = False
    error_type: str | None = None
    first_chunk: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano_usd: int | None = None
    outcome: str | None = None
    attempt: int | None = None
    job_id: str | None = None
    waited: float | None = None
    delayed: float | None = None
    queue: str | None = None
    link: str | None = None  # the span that a job in a trace of its own was sent by
    linked: bool = False  # whether `parent_id` is that span, and not one of its own trace
    outside: bool = False  # whether the parent is a span of somebody without llmtrace
    retries: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        return self.start + self.duration

    @property
    def sent(self) -> float:
        """When what led to it began: the message of a job, else the span itself."""
        return self.start - (self.waited or 0.0) - (self.delayed or 0.0)


@dataclass(frozen=True, slots=True)
class Placed:
    """A node with its depth in the tree; `parent` is None for a root and for an orphan, whose parent is not here."""

    node: Node
    depth: int
    parent: Node | None = None
    orphan: bool = False


def arrange(nodes: Iterable[Node]) -> list[Placed]:
    """All nodes, each once, parents before children, siblings by start.

    A node whose parent is not among them stands below the first root and is marked as an orphan. Parents that go round
    in a circle are broken at the node that began first.
    """
    by_id = {node.span_id: node for node in sorted(nodes, key=_by_start)}
    children: dict[str, list[Node]] = {}
    roots: list[Node] = []
    for node in by_id.values():
        known = node.parent_id in by_id and node.parent_id != node.span_id
        (children.setdefault(node.parent_id or "", []) if known else roots).append(node)
    walk = _Walk(children)
    for depth, root in _top(roots):
        walk.down(root, depth, orphan=root.parent_id is not None and not root.outside)
    for node in by_id.values():  # what is left goes round in circles
        walk.down(node, 1 if walk.placed else 0, orphan=True)
    return walk.placed


def _by_start(node: Node) -> tuple[float, str]:
    return node.start, node.span_id


def _top(roots: Sequence[Node]) -> list[tuple[int, Node]]:
    """Depth and node of what has no parent here: true roots first, orphans one step in where there is a true root."""
    true = [root for root in roots if root.parent_id is None or root.outside]
    orphans = [root for root in roots if root.parent_id is not None and not root.outside]
    return [*((0, root) for root in true), *((1 if true else 0, orphan) for orphan in orphans)]


class _Walk:
    """Depth first without recursion: a chain may be as long as a trace."""

    def __init__(self, children: dict[str, list[Node]]) -> None:
        self.children = children
        self.placed: list[Placed] = []
        self.seen: set[str] = set()

    def down(self, root: Node, depth: int, *, orphan: bool) -> None:
        stack = [Placed(root, depth, None, orphan)]
        while stack:
            here = stack.pop()
            if here.node.span_id in self.seen:
                continue
            self.seen.add(here.node.span_id)
            self.placed.append(here)
            below = self.children.get(here.node.span_id, ())
            stack.extend(Placed(child, here.depth + 1, here.node) for child in reversed(below))

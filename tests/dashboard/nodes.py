"""Trees to test with: nodes made by hand, and any that a trace can hold."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from llmtrace.dashboard.tree import Node


def node(span_id: str, parent_id: str | None = None, start: float = 0.0, duration: float = 10.0, **more: Any) -> Node:
    """A node that is a step, unless more is said."""
    return Node(span_id, parent_id, more.pop("name", span_id), more.pop("kind", "other"), start, duration, **more)


_ids = st.sampled_from("abcdefgh")
_times = st.integers(0, 10**6).map(float)
_node = st.builds(
    node,
    _ids,
    st.none() | _ids,
    _times,
    _times,
    kind=st.sampled_from(["call", "request", "job"]),
    failed=st.booleans(),
    first_chunk=st.none() | _times,
    attempt=st.none() | st.integers(-1, 3),
    job_id=st.none() | _ids,
    waited=st.none() | _times,
    delayed=st.none() | _times,
)
traces = st.lists(_node, min_size=1, max_size=8, unique_by=lambda node: node.span_id)
"""Nodes with distinct ids; parents may be missing, themselves, or each other."""

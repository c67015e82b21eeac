"""Parameters of a request, as attributes of its span."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from llmtrace import semconv


def as_attributes(body: Mapping[str, Any], names: Mapping[str, str], left_out: Container[str]) -> dict[str, Any]:
    """The plain values of a body by their `names`, and as ``llmtrace.request.<key>`` where they have none there."""
    return {
        names.get(key) or f"{semconv.REQUEST_OTHER}{key}": value
        for key, value in body.items()
        if isinstance(value, (bool, int, float, str)) and key not in left_out
    }

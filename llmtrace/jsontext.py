"""Any value as JSON text, without ever raising."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

MAX_DEPTH: Final = 32


def is_structure(value: Any) -> bool:
    """Whether an attribute's value is more than a scalar or a sequence of scalars."""
    if isinstance(value, (str, bool, int, float, bytes)):
        return False
    if isinstance(value, (list, tuple)):
        return any(not isinstance(item, (str, bool, int, float)) for item in value)
    return True


def as_json(value: Any) -> str:
    """`value` as a JSON text, whatever it is: what has no JSON form is written as its `str()`."""
    try:
        return to_json(value, serialize_unknown=True).decode()
    except (ValueError, UnicodeError, RecursionError):  # lone surrogates, cycles, depth
        return json.dumps(plain(value))


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON types only, with cycles and depth cut."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {str(plain(str(key))): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    try:
        return plain(str(value))
    except Exception:
        return f"<{type(value).__name__}>"

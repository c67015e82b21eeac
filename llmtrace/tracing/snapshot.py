"""A copy of what a person passed, taken while it still has its value: small, bounded, and without side effects."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Mapping
from typing import Any, Final

SCALARS: Final = (str, bool, int, float, type(None))
PRINTED: Final = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath)
MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 1000


def snapshot(value: Any, depth: int = 0) -> Any:
    """`value` as JSON types.

    Objects of unknown classes are named by their class: their `str()` could run a query, as a Django queryset's does,
    or reveal what its author keeps from logs.
    """
    if type(value) in SCALARS:
        return value
    if isinstance(value, enum.Enum):
        return snapshot(value.value, depth + 1)
    if isinstance(value, PRINTED):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:MAX_ITEMS]
        return {key if isinstance(key, str) else str(snapshot(key)): snapshot(item, depth + 1) for key, item in pairs}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [snapshot(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    if isinstance(value, SCALARS):  # a subclass of str or int, such as a lazy translation's result
        return str(value) if isinstance(value, str) else value
    return f"<{type(value).__module__}.{type(value).__qualname__}>"

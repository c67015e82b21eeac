"""A copy of what a person passed, taken while it still has its value: small, bounded, and without side effects."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Iterable
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

SCALARS: Final = (str, bool, int, float, type(None))
PRINTED: Final = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath)
MAPPINGS: Final[tuple[type, ...]] = (dict, MappingProxyType)
LISTS: Final[tuple[type, ...]] = (list, tuple, set, frozenset)
MAX_DEPTH: Final = 8
LONGEST_KEY: Final = 200  # bytes of a key that is no text
MAX_ITEMS: Final = 1000  # of one list or dict
MAX_VALUES: Final = 10_000  # in all: a table of a thousand rows would take longer to copy than the call to make


def snapshot(value: Any) -> Any:
    """`value` as JSON types.

    Objects of unknown classes are named by their class: their `str()` could run a query, as a Django queryset's does,
    or reveal what its author keeps from logs. Even `isinstance` would run one: it asks a lazy ``request.user`` for its
    ``__class__``.
    """
    if type(value) in SCALARS:
        return value
    try:
        return _Copier().copied(value, 0)
    except Exception:  # what classes of other people's raise
        return _named(type(value))


class _Copier:
    """Counts what it copies."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def copied(self, value: Any, depth: int) -> Any:
        kind = type(value)
        self._left -= 1
        if kind in SCALARS:
            return value
        if issubclass(kind, enum.Enum):
            return self.copied(value.value, depth + 1)
        if issubclass(kind, (*MAPPINGS, *LISTS)):
            return self._inside(value, kind, depth) if depth < MAX_DEPTH and self._left > 0 else "…"
        return _scalar(value, kind)

    def _inside(self, value: Any, kind: type, depth: int) -> Any:
        base: Any = next(each for each in (*MAPPINGS, *LISTS) if issubclass(kind, each))
        count, copy = base.__len__(value), self.copied
        if base in MAPPINGS:
            copied = {_key(key): copy(item, depth + 1) for key, item in self._some(base.items(value))}
            if len(copied) < count:
                copied["…"] = f"{count - len(copied)} more"
            return copied
        items = [copy(item, depth + 1) for item in self._some(base.__iter__(value))]
        if (
            base is tuple
            and kind is not tuple
            and len(items) == count
            and (names := _names(kind)) is not None
            and len(names) == count
        ):
            return dict(zip(names, items, strict=True))
        return items if len(items) == count else [*items, f"… ({count - len(items)} more)"]

    def _some(self, items: Iterable[Any]) -> Iterable[Any]:
        for item in islice(items, MAX_ITEMS):
            if self._left <= 0:
                return
            yield item


def _names(kind: type) -> tuple[str, ...] | None:
    """The names of the values of a named tuple: without them nobody knows later which one is a password."""
    names = getattr(kind, "_fields", None)
    return names if type(names) is tuple and all(type(name) is str for name in names) else None


def _key(key: Any) -> str:
    if type(key) is str:
        return key
    kind = type(key)
    if kind is bytes:
        return str(key[:LONGEST_KEY], "utf-8", "replace")
    if kind is tuple and any(type(part) is str for part in key):
        return ", ".join(str(_scalar(part, type(part))) for part in key[:MAX_DEPTH])
    return str(_scalar(key, kind))


def _scalar(value: Any, kind: type) -> Any:
    """What is no container."""
    if issubclass(kind, PRINTED):
        return str(value)
    if issubclass(kind, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if issubclass(kind, str):  # such as Django's SafeString
        return str.__str__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, int) and kind is not bool:
        return int.__int__(value)
    return value if kind in SCALARS else _named(kind)


def _named(kind: type) -> str:
    return f"<{kind.__module__}.{kind.__qualname__}>"

"""JSON texts that every database takes and every reader can read back, whatever was written into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
MAX_DEPTH: Final = 24  # MariaDB refuses JSON that is nested deeper than 32
LONG: Final = 4000  # Python reads no number of more than 4,300 digits back
INT64: Final = range(-(1 << 63), 1 << 63)


def json_text(value: Any) -> str:
    """`value` as a JSON text for a text column. What has no JSON form becomes its `str()`; never raises."""
    try:
        text = _dumped(value)
    except Exception:  # lone surrogates, keys or values that can't be rendered
        return _dumped(clean(value))
    # Six characters that may also be an escaped backslash before "u0000": cleaning that changes nothing.
    return _dumped(clean(value)) if "\\u0000" in text else text


def json_column(value: Any) -> str:
    """`value` as a JSON text for a column whose content the database itself checks and decodes."""
    text = json_text(value)
    suspect = len(text) > LONG or text.count("[") + text.count("{") > MAX_DEPTH
    return _dumped(clean(value)) if suspect else text


def _dumped(value: Any) -> str:
    return to_json(value, serialize_unknown=True, inf_nan_mode="strings", bytes_mode="base64").decode()


def clean_text(text: str) -> str:
    """`text` with NUL characters and lone surrogates replaced; halves of one character are joined."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", REPLACEMENT)


def clean(value: Any, depth: int = 0) -> Any:
    """`value` as JSON types that every database takes: depth and cycles cut, numbers beyond 64 bits as texts."""
    if value is None or isinstance(value, (bool, float, bytes)):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return int(value) if value in INT64 else shown(value)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {shown(key): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [clean(item, depth + 1) for item in value]
    return shown(value)


def shown(value: Any) -> str:
    """`value` as a harmless text, whatever its own `__str__` does."""
    try:
        return clean_text(str(value))
    except Exception:  # people's own __str__, and whole numbers that are too long to be shown
        return f"<{type(value).__name__}>"

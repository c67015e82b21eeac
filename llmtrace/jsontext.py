"""Any value as JSON text, without ever raising."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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
        return _dumped(value)
    except Exception:  # lone surrogates, bytes that are no text, what classes of other people's raise
        return _dumped(plain(value))


def _dumped(value: Any) -> str:
    from pydantic_core import to_json  # its import would be the longest that starting a process takes

    return to_json(value, serialize_unknown=True, inf_nan_mode="strings").decode()


def plain(value: Any) -> Any:
    """`value` as JSON types only, with cycles and depth cut."""
    return _plain(value, ())


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    """`above` has the ids of the containers around `value`: one that holds itself twice would double at each level."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    try:
        if isinstance(value, str):
            return encodable(value)
        if len(above) > MAX_DEPTH or id(value) in above:
            return "…"
        inside = (*above, id(value))
        if isinstance(value, Mapping):
            return {encodable(str(key)): _plain(item, inside) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, inside) for item in value]
        return encodable(str(value))
    except Exception:  # what classes of other people's raise
        return f"<{type(value).__name__}>"


def printable(text: str) -> str:
    """`text` without the signs that steer a terminal: in their place stands how Python writes them."""
    return text if text.isprintable() else "".join(s if s.isprintable() else repr(s)[1:-1] for s in text)


def encodable(text: str) -> str:
    """`text` as UTF-8 can carry it: lone surrogates replaced, halves of one character joined."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text

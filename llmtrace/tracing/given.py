"""What people mark spans with, as a span and a job's message can carry it: short, and of scalars only.

A value of any class is taken; one that has no place on a span is told by its JSON, or by the name of its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from llmtrace.conf import get_config
from llmtrace.jsontext import as_json, encodable
from llmtrace.masking import masked
from llmtrace.tracing.snapshot import snapshot

Scalar = str | bool | int | float

LONGEST_ID: Final = 255  # characters, what the store has room for
LONGEST: Final = 1_000  # characters of a tag or of a value of the metadata
MOST: Final = 100  # tags, and entries of the metadata
INT64: Final = range(-(2**63), 2**63)  # what OTLP has for a whole number


def id_of(value: Any) -> str | None:
    """The text that names a user, a session or a conversation; None for one that names nobody."""
    if value is None:
        return None
    try:
        text = value if type(value) is str else str(value)
    except Exception:  # what classes of other people's raise
        return None
    return _short(text, LONGEST_ID) or None


def tags_of(given: Any) -> tuple[str, ...]:
    """Words from a list of them, or from one."""
    if isinstance(given, str):
        given = (given,)
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        return ()
    try:
        tags = [str(scalar_of(each)) for each in islice(given, MOST)]
    except Exception:
        return ()
    return tuple(tag for tag in tags if tag)


def metadata_of(given: Any) -> dict[str, Scalar]:
    """Names and values that a span takes; one that is None is left out."""
    if not isinstance(given, Mapping):
        return {}
    try:
        items = [(str(scalar_of(key)), value) for key, value in islice(given.items(), MOST) if value is not None]
    except Exception:
        return {}
    return {key: scalar_of(value) for key, value in items if key}


def scalar_of(value: Any) -> Scalar:
    """The value, or what tells of it."""
    copied = snapshot(value)
    if isinstance(copied, str):
        return _short(copied, LONGEST)
    if isinstance(copied, (bool, float)) or (isinstance(copied, int) and copied in INT64):
        return copied
    return _short(as_json(copied), LONGEST)


def _short(text: str, most: int) -> str:
    text = encodable(text)
    if len(text) <= most:
        return text
    if get_config().redact is not False:
        text = masked(text)  # what is left of a secret that is cut in two, no pattern would know
    return text if len(text) <= most else f"{text[: most - 1]}…"

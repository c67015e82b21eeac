"""When a message was sent and its trace attributes, as one short text for a message header, and back.

Between semicolons: time, user, session, conversation, tags, metadata; what is empty at the end is left out. The text is
ASCII without quotes and backslashes, since most transports wrap headers in JSON, some of them twice. Identifiers in
hexadecimal, as most are, take two thirds of their length.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from llmtrace.tracing.attributes import NONE, TraceAttributes
from llmtrace.tracing.given import Scalar

LONGEST: Final = 4096  # characters that go along, and that are read
LONGEST_TIME: Final = 10
LONGEST_VALUE: Final = 512  # what is longer stays behind: a part of an identifier would name somebody else

_PLAIN: Final = " :/@+()"  # beside letters, digits and "_.-~"
_HEX: Final = re.compile("(?:[0-9a-f]{2}){8,32}")
_UUID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX_MARK, _UUID_MARK, _JSON_MARK = "!", "*", "$"  # what `quote` never leaves at the beginning of a value
_MISSING: Final = [""] * 4
_CACHED: Final = "llmtrace_packed"  # an entry among an instance's attributes
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def packed(sent_at: float, attributes: TraceAttributes) -> str:
    """The text for a message sent at `sent_at`, in seconds since the epoch, with what fits of `attributes`."""
    time = _base36(int(sent_at * 1000))
    if attributes is NONE:
        return time
    known = vars(attributes).get(_CACHED)
    if known is None:  # the jobs of one request have them in common
        known = vars(attributes)[_CACHED] = _packed(attributes)
    return f"{time};{known}" if known else time


def _packed(attributes: TraceAttributes) -> str:
    parts = [*map(_short, (attributes.user_id, attributes.session_id, attributes.conversation_id))]
    tags = map(_quoted, attributes.tags)
    metadata = (f"{_quoted(key)}={_scalar(value)}" for key, value in attributes.metadata.items())
    for items in (tags, metadata):
        room = LONGEST - LONGEST_TIME - sum(map(len, parts)) - len(parts) - 1
        parts.append(",".join(_fitting(items, room)))
    return ";".join(parts).rstrip(";")


def unpacked(text: object) -> tuple[float | None, TraceAttributes]:
    """The time, in seconds since the epoch, and the attributes of a header's value; what cannot be read is unknown."""
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
        return None, NONE
    sent_at, _, known = text.partition(";")
    return _time(sent_at), _unpacked(known) if known else NONE


@lru_cache(256)
def _unpacked(text: str) -> TraceAttributes:
    """Kept for a while: jobs come in bursts, sent for one user."""
    user, session, conversation, tags, metadata = (text.split(";", 4) + _MISSING)[:5]
    return TraceAttributes(
        _long(user),
        _long(session),
        _long(conversation),
        tuple(map(unquote, filter(None, tags.split(",")))) if tags else (),
        dict(_pairs(metadata)) if metadata else {},
    )


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _time(text: str) -> float | None:
    if not 0 < len(text) <= LONGEST_TIME or not text.isalnum():
        return None
    try:
        return int(text, 36) / 1000
    except ValueError:
        return None


def _quoted(text: str) -> str:
    return quote(text, _PLAIN, errors="replace")


def _short(value: str | None) -> str:
    if value is None or len(value := str(value)) > LONGEST_VALUE:
        return ""
    if _UUID.fullmatch(value):
        return _UUID_MARK + _base64(bytes.fromhex(value.replace("-", "")))
    if _HEX.fullmatch(value):
        return _HEX_MARK + _base64(bytes.fromhex(value))
    quoted = _quoted(value)
    return quoted if len(quoted) <= LONGEST_VALUE else ""


def _long(text: str) -> str | None:
    if text[:1] not in (_UUID_MARK, _HEX_MARK):
        return unquote(text) or None
    try:
        digits = _bytes(text[1:]).hex()
    except ValueError:
        return None
    if text[0] == _UUID_MARK:
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return digits


def _scalar(value: Scalar) -> str:
    if isinstance(value, str):
        return _quoted(value)
    return _JSON_MARK + quote(json.dumps(value), _PLAIN)


def _pairs(text: str) -> Iterator[tuple[str, Scalar]]:
    for pair in filter(None, text.split(",")):
        key, _, value = pair.partition("=")
        if not value.startswith(_JSON_MARK):
            yield unquote(key), unquote(value)
            continue
        try:
            number = json.loads(unquote(value[1:]))
        except (ValueError, RecursionError):
            continue
        if isinstance(number, (bool, int, float)):
            yield unquote(key), number


def _fitting(items: Iterable[str], room: int) -> Iterator[str]:
    for item in items:
        if len(item) > LONGEST_VALUE:
            continue
        room -= len(item) + 1
        if room < 0:
            return
        yield item

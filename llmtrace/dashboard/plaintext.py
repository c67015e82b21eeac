"""Text that people and models wrote, made harmless to show: controls made visible, bounded, structure as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb"  # lines, direction, annotation
    "\U000e0000-\U000e007f"  # tag characters, in which text can be hidden
    "\ud800-\udfff]"  # lone surrogates, which no response can be encoded with
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text to show, and how many characters of it were left out at its end."""

    shown: str
    left_out: int = 0


def visible(text: str) -> str:
    """`text` with every character written out that would be invisible or turn the line around."""
    return _CONTROLS.sub(_name, text.replace("\r\n", "\n"))


def _name(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures of Unicode
    return f"⟨U+{code:04X}⟩"


def one_line(text: str, limit: int = 120) -> str:
    """`text` on one line of at most `limit` characters."""
    line = " ".join(visible(text[: limit * 4]).split())
    return line if len(line) <= limit and len(text) <= limit * 4 else line[: limit - 1] + "…"


def bounded(text: str, limit: int) -> Text:
    """The first `limit` characters of `text`, made visible."""
    return Text(visible(text[:limit]), max(0, len(text) - limit))


def written(value: Any, *, indent: int | None = 2) -> str:
    """A value as a person reads it: a text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):  # cycles, keys that are no text, depth
        return f"<{type(value).__name__}>"


def parsed(value: Any) -> Any:
    """The structure in a JSON text, which is how most instrumentations write messages; anything else unchanged."""
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value

"""JSON in base64: what is secret in it makes all of it a secret."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Final

from llmtrace.filters.tokens import Range

_BEGINS: Final = "eyJ eyI eyA ewo ewk W3s W1s WyJ WwogI"
"""What ``{"``, ``[{`` and their like are in base64; not the first characters of a picture."""

_PACKED: Final = re.compile(rf"(?<![A-Za-z0-9+/_-])(?:{'|'.join(_BEGINS.split())})[A-Za-z0-9+/_-]{{16,}}={{0,2}}")

AFAR: Final = rf"(?:^|[^a-z0-9+/_-])(?:{'|'.join(_BEGINS.lower().split())})[a-z0-9+/_-]{{16}}"
"""What it looks like from afar, in lower case; see `gate`."""


def packed(text: str, holds_secret: Callable[[str], bool]) -> Iterator[Range]:
    """Where JSON in base64 stands in `text` in which there is a secret. Takes time linear in its length."""
    for match in _PACKED.finditer(text):
        inside = _unpacked(match[0])
        if inside is not None and holds_secret(inside):
            yield match.span()


def _unpacked(value: str) -> str | None:
    plain = value.rstrip("=")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        return base64.b64decode(
            plain + "=" * (-len(plain) % 4), altchars=b"-_" if _is_urlsafe(plain) else None
        ).decode()
    except ValueError:  # no text
        return None


def _is_urlsafe(value: str) -> bool:
    return "-" in value or "_" in value

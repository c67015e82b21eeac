"""Texts in URLs: what percent signs hide is read as it was meant, masked, and hidden again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, unquote, unquote_plus, unquote_to_bytes

from pydantic_core import SchemaValidator, core_schema

DEEPEST: Final = 3  # URLs within URLs within URLs: `%25253D`

_RUN: Final = re.compile(r"""[^\s"'<>&?#;,|\\]+""")  # a parameter, or a path
_ESCAPE: Final = re.compile("%[0-9A-Fa-f]{2}")
_ESCAPE_IN_BYTES: Final = re.compile(b"%[0-9A-Fa-f]{2}")
_HAS_ESCAPED_SLASH: Final = SchemaValidator(core_schema.str_schema(pattern=r"\\/")).isinstance_python
_SLASH: Final = re.compile(rb"(?<!\\)\\+/")
_KEPT: Final = "/:@!$()*=[]~"  # what need not be hidden, brackets of the mask among it


def readings(text: bytes) -> Iterator[bytes]:
    """`text`, and what it is without up to three layers of percent signs; with spaces where URLs have plus signs.

    Slashes stand without the backslash that JSON of PHP's puts before them.
    """
    yield text
    if _HAS_ESCAPED_SLASH(text):
        text = _SLASH.sub(b"/", text)
        yield text
    for _ in range(DEEPEST):
        if b"%" not in text or not _ESCAPE_IN_BYTES.search(text):  # the first is the quicker by far
            break
        text = unquote_to_bytes(text).decode(errors="replace").encode()
        yield text
    if b"+" in text:
        yield text.replace(b"+", b" ")


def masked_within(text: str, mask: Callable[[str, str], str]) -> str:
    """`text` with each part that has percent signs masked as it reads without them; others are left as they are.

    Args:
        text: the text.
        mask: masks what a part reads as; it gets the name of a parameter first, "" where there is none.
    """
    if not _ESCAPE.search(text):
        return text
    return _RUN.sub(lambda run: _masked(run[0], mask), text)


def _masked(run: str, mask: Callable[[str, str], str]) -> str:
    """`run` as `mask` leaves it; a plus sign is read as the space that it is in forms, then as itself."""
    if "%" not in run:
        return run
    name, equals, value = run.partition("=") if "=" in run else ("", "", run)
    for read, kept in ((unquote_plus, _KEPT), (unquote, _KEPT + "+")):
        plain = read(value)
        if plain != value and (masked := mask(read(name), plain)) != plain:
            value = quote(masked, safe=kept, errors="surrogatepass")
    return f"{name}{equals}{value}"

"""Texts in URLs: what percent signs hide is read as it was meant, masked, and hidden again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, unquote, unquote_plus, unquote_to_bytes

DEEPEST: Final = 3  # URLs within URLs within URLs: `%25253D`

_RUN: Final = re.compile(r"""[^\s"'<>&?#;,|\\]+""")  # a parameter, or a path
_ESCAPE: Final = re.compile("%[0-9A-Fa-f]{2}")
_ESCAPE_IN_BYTES: Final = re.compile(b"%[0-9A-Fa-f]{2}")
_KEPT: Final = "/:@!$()*=[]~"  # what need not be hidden, brackets of the mask among it

INVISIBLE: Final = (
    r"[\x00-\x08\x0E-\x1B\x7F\xAD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u180B-\u180F\u200B-\u200F"
    r"\u202A-\u202E\u2060-\u206F\uFE00-\uFE0F\uFEFF\uFFF9-\uFFFB\U000110BD\U000110CD\U00013430-\U0001343F"
    r"\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0001-\U000E01EF]"
)
"""Unicode's category Cf, variation selectors and the like, and controls that are no white space."""

INVISIBLE_ESCAPED: Final = (
    r"\\+u(?:00(?:0[0-8ef]|1[0-9ab]|7f|ad)|034f|060[0-5]|061c|06dd|070f|089[01]|08e2|180[b-f]|200[b-f]|202[a-e]|206[0-9a-f]"
    r"|fe0[0-9a-f]|feff|fff[9ab]|d(?:804|80d|82f|834|b40)\\+ud[c-f][0-9a-f]{2})"
)
"""The same in JSON that has ASCII only, in lower case."""

_BETWEEN: Final = re.compile(rf"{INVISIBLE}(?<=[!-~]{INVISIBLE}){INVISIBLE}*+(?=[ -Z\\-~])")  # not of a colour


def readings(text: bytes) -> Iterator[bytes]:
    """`text`, and what it is without up to three layers of percent signs; with spaces where URLs have plus signs."""
    yield text
    for _ in range(DEEPEST):
        if not _ESCAPE_IN_BYTES.search(text):
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


def without_invisible(text: str) -> str:
    """`text` without what nobody sees between plain characters: copied text has it, and tokens never."""
    return _BETWEEN.sub("", text)

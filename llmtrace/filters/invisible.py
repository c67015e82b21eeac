"""Characters that nobody sees: they hide no secret."""

from __future__ import annotations

import re
from typing import Final

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


def without_invisible(text: str) -> str:
    """`text` without what nobody sees between plain characters: copied text has it, and tokens never."""
    return _BETWEEN.sub("", text)

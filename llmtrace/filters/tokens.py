"""Where tokens of vendors stand in a text: the forms of `patterns`, each looked for only where its literal is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from llmtrace.filters.patterns import INNER, PREFIXED, Prefixed

Range = tuple[int, int]

ESCAPES: Final = (r"\\[nrt]", r"%[0-9A-Fa-f]{2}", r"\\u00[0-9A-Fa-f]{2}")
"""What may stand directly before a token though it ends in a letter or digit: an escape in JSON or in a URL."""


def tokens(text: str) -> Iterator[Range]:
    """Where tokens of known forms stand in `text`. Takes time linear in its length."""
    for prefix, pattern in _prefixed():
        if prefix in text:
            yield from (match.span() for match in pattern.finditer(text))
    for anchor, head, least in _inner():
        for match in anchor.finditer(text):
            start = start_of(text, match.start(), head)
            if match.start() - start >= least:
                yield start, match.end()


def start_of(text: str, end: int, characters: str, most: int = 80) -> int:
    """Where the run of `characters` begins that ends at `end`, looking back at most `most` characters."""
    window = text[max(0, end - most) : end]
    return end - len(window) + len(window.rstrip(characters))


@cache
def _prefixed() -> list[tuple[str, re.Pattern[str]]]:
    return [(prefix, _compiled(row, prefix)) for row in PREFIXED for prefix in row.prefixes.split()]


@cache
def _inner() -> list[tuple[re.Pattern[str], str, int]]:
    return [(re.compile(row.anchor, re.ASCII), row.head, row.least) for row in INNER]


def _compiled(row: Prefixed, prefix: str) -> re.Pattern[str]:
    literal = re.escape(prefix)
    alone = "|".join([f"(?<!{row.before}{literal})", *(f"(?<={escape}{literal})" for escape in ESCAPES)])
    # The literal comes first: only then does Python's engine skip to it. Then what stands before it is looked at.
    return re.compile(f"{literal}(?:{alone}){row.tail}", re.ASCII)

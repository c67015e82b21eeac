"""Where tokens of vendors stand in a text: the forms of `patterns`, each looked for only where its literal is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from llmtrace.filters.patterns import INNER, LETTERS, PREFIXED, Prefixed

Range = tuple[int, int]

ESCAPES: Final = (r"\\[nrt]", r"%[0-9A-Fa-f]{2}", r"\\u00[0-9A-Fa-f]{2}", *(rf"[\[;][0-9]{{{n}}}m" for n in (1, 2, 3)))
"""What may stand directly before a token and ends in a letter or digit: an escape in JSON, a URL or a terminal."""

_COLOUR: Final = re.compile("[0-9]{1,3}m")
_RUN: Final = re.compile("[A-Za-z0-9_-]*")


def tokens(text: str) -> Iterator[Range]:
    """Where tokens of known forms stand in `text`, with what is glued to their end. Takes time linear in its length."""
    for prefix, pattern in _prefixed():
        if prefix in text:
            yield from _whole(text, (match.span() for match in pattern.finditer(text)))
    for anchor, head, least in _inner():
        matches = (match.span() for match in anchor.finditer(text))
        heads = ((start_of(text, start, head), start, end) for start, end in matches)
        yield from _whole(text, ((first, end) for first, start, end in heads if start - first >= least))


def _whole(text: str, found: Iterable[Range]) -> Iterator[Range]:
    """What was found, each with its run: a token that stands directly beside another has no beginning of its own."""
    reached = 0
    for start, end in found:
        if end >= reached and len(set(text[max(start, end - 12) : end])) > 2:  # "sk-xxxxxxxxxxxx" is a placeholder
            run = _RUN.match(text, end)
            reached = run.end() if run else end
            yield _after_escape(text, start_of(text, start, LETTERS + "_-")), reached


def _after_escape(text: str, start: int) -> int:
    """`start`, or what follows when an escape's letters stand there: ``\\n`` without its letter would be no JSON."""
    before = text[start - 1 : start]
    if before == "\\":
        return start + (5 if text[start] == "u" else 1)
    if before in ("[", ";") and (colour := _COLOUR.match(text, start)):
        return colour.end()
    return start + 2 if before == "%" else start


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

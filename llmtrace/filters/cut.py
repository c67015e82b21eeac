"""Tokens whose end is missing since the text was cut there, by a limit of OpenTelemetry's for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from llmtrace.filters.patterns import LETTERS, PREFIXED
from llmtrace.filters.tokens import Range, start_of
from llmtrace.filters.values import looks_random

FEWEST: Final = 4  # characters after the beginning that all tokens of a kind have
LONGEST: Final = 120  # characters of such a beginning: what is longer is whole, or is no token

CHARACTERS: Final = LETTERS + "_.~+/=$:%-"
_WORDS_TOO: Final = frozenset(
    {"secret_", "key-", "sess-", "rubygems_", "api_org_", "fc-", "sl.", "A3-"}
)  # what people name things with


def _is_sign(prefix: str) -> bool:
    is_word = prefix.isalpha() and (prefix.islower() or len(prefix) <= 3) and prefix != "eyJ"
    return len(prefix) >= 3 and not is_word and prefix not in _WORDS_TOO


PREFIXES: Final = tuple(prefix for row in PREFIXED for prefix in row.prefixes.split() if _is_sign(prefix))
"""Those that no word begins with."""

_ENDS: Final = re.compile(r"(?:\u2026|\.{3})(?: ?[(\[][^()\[\]\n]{0,40}[)\]])?\s*\Z")
_BEGINS: Final = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9$.])")
_LENGTHS: Final = sorted({len(prefix) for prefix in PREFIXES}, reverse=True)
_KNOWN: Final = frozenset(PREFIXES)
_WORDS: Final = re.compile(r"(?:(?:[A-Z]?[a-z]{1,15}\d{0,2}|\d{1,6})(?:[-_]|\Z)){1,9}+")
_SHORT: Final = re.compile(r"[A-Za-z0-9]{1,3}[-_]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_USERINFO: Final = re.compile(r"://[^\s/?#@:\"'<>\\\[]{0,256}:([^\s/?#@:\"'<>\\,]{4,256})\Z")


def _is_of_token(sign: str, tail: str) -> bool:
    """Whether `tail` goes on with a token. Behind a short sign names of models, hosts and files may stand too."""
    if _SHORT.fullmatch(sign) and not (len(tail) >= 8 and _PLAIN.fullmatch(tail)):
        return False
    return len(tail) >= FEWEST and len(set(tail)) > 2 and not _WORDS.fullmatch(tail)


def cut_off(text: str) -> Iterator[Range]:
    """Where at the end of `text`, or before its ellipsis, a secret begins that does not end there."""
    ellipsis = _ENDS.search(text, max(0, len(text) - 64))
    end = ellipsis.start() if ellipsis else len(text)
    first = start_of(text, end, CHARACTERS, LONGEST)
    for begin in _BEGINS.finditer(text, first, end):
        start = begin.start()
        length = next((each for each in _LENGTHS if text[start : start + each] in _KNOWN), 0)
        tail = text[start + length : end]
        if length and _is_of_token(text[start : start + length], tail):
            yield start, end
            return
    window = max(0, end - 2 * 256 - 8)
    if "://" in text[window:end] and (password := _USERINFO.search(text[window:end])) and looks_random(password[1]):
        yield window + password.start(1), end

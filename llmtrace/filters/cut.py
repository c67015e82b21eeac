"""Tokens whose end is missing since the text was cut there, by a limit of OpenTelemetry's for one."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final

from llmtrace.filters.patterns import LETTERS, PREFIXED
from llmtrace.filters.tokens import Range, start_of
from llmtrace.filters.values import looks_random

FEWEST: Final = 4  # characters after the beginning that all tokens of a kind have
LONGEST: Final = 120  # characters of such a beginning: what is longer is whole, or is no token

CHARACTERS: Final = LETTERS + "_.~+/=$:%-{}*@"
_WORDS_TOO: Final = frozenset(
    "AAAA AAAAAAAAAAAAAAAAAAAA secret_ key- sess- rubygems_ api_org_ apify_api_ bb_test_ fc- pa- re_ sl. A3- mfa. "
    "v1.0- v1.local. v2.local. v3.local. v4.local. v1.public. v2.public. v4.public.".split()
)  # what people name things with, and zeros in base64, as a public key of SSH begins with


def _is_sign(prefix: str) -> bool:
    is_word = prefix.isalpha() and (prefix.islower() or len(prefix) <= 3) and prefix != "eyJ"
    return len(prefix) >= 3 and not is_word and prefix not in _WORDS_TOO


PREFIXES: Final = tuple(prefix for row in PREFIXED for prefix in row.prefixes.split() if _is_sign(prefix))
"""Those that no word begins with."""

_ELLIPSIS: Final = re.compile(r"\u2026|\\u2026|\.{3,}")
_BEGINS: Final = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9$.{])")
_LENGTHS: Final = sorted({len(prefix) for prefix in PREFIXES}, reverse=True)
_KNOWN: Final = frozenset(PREFIXES)
_WORDS: Final = re.compile(r"(?:(?:[A-Z]?[a-z]{1,15}\d{0,2}|\d{1,6}[a-z]?)(?:[-_]|\Z)){1,9}+")
_SHORT: Final = re.compile(r"[A-Za-z0-9]{1,4}[-_]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_USERINFO: Final = re.compile(  # not docker://image:tag
    r"(?<!docker)(?<!oci)://[^\s/?#@:\"'<>\\\[]{0,256}:([^\s/?#@:\"'<>\\,]{4,256})\Z", re.IGNORECASE
)
_VERSION: Final = re.compile(r"[a-z]{0,10}\d{1,4}[a-z]{0,2}(?:[._-][A-Za-z0-9]{1,12})+")


def cut_off(text: str) -> Iterator[Range]:
    """Where a secret stands that ends with an ellipsis or with `text`, and so may go on. Takes time linear in it."""
    reached, whole = 0, (len(text), len(text))
    has_any = "\u2026" in text or "..." in text or "\\u2026" in text  # some 30 times as quick as the search
    for after, following in (*(each.span() for each in _ELLIPSIS.finditer(text)), whole) if has_any else (whole,):
        end = reached + len(text[reached:after].rstrip("[" if after < following else None))
        start = max(reached, end - 2 * 256 - 8)
        token = _token(text, max(start, end - LONGEST), end)
        if token is None and "://" in text[start:end] and (password := _USERINFO.search(text[start:end])):
            is_password = looks_random(password[1]) and not _VERSION.fullmatch(password[1])
            token = start + password.start(1) if is_password else None
        if token is not None:
            yield token, end
        reached = following


def _token(text: str, start: int, end: int) -> int | None:
    """Where the token begins whose part ends at `end`, if one begins between `start` and there."""
    first = start_of(text, end, CHARACTERS, end - start)
    for begin in _BEGINS.finditer(text, first, end):
        length = next((each for each in _LENGTHS if text[begin.start() : begin.start() + each] in _KNOWN), 0)
        sign, tail = text[begin.start() : begin.start() + length], text[begin.start() + length : end]
        if length and _is_of_token(sign, tail):
            return begin.start()
    return None


def _is_of_token(sign: str, tail: str) -> bool:
    """Whether `tail` goes on with a token. Behind a short sign names of models, hosts and files may stand too."""
    if sign == "eyJ" and "." not in tail and ":" not in tail and not _is_header(sign + tail):
        return False
    if _SHORT.fullmatch(sign) and not (len(tail) >= 8 and _PLAIN.fullmatch(tail)):
        return False
    return len(tail) >= FEWEST and len(set(tail)) > 2 and not _WORDS.fullmatch(tail)


def _is_header(value: str) -> bool:
    """Whether `value` is the beginning of a JSON Web Token, and not other JSON in base64, such as a cursor."""
    value = value[:80].rstrip("=")
    try:
        plain = base64.b64decode(value[: len(value) // 4 * 4], b"-_", validate=True)
    except ValueError:
        return True
    return any(name in plain for name in (b'"alg"', b'"typ"', b'"kid"', b'"enc"', b'"cty"', b'"zip"', b'"x5'))

"""Secrets that are known by the form around them: private keys, headers, URLs, command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from llmtrace.filters.patterns import LETTERS
from llmtrace.filters.tokens import Range, start_of
from llmtrace.filters.values import is_basic, is_harmless, looks_random

_KEY_BEGINS: Final = re.compile(
    r"----(?:-| )begin[ +][a-z0-9 +]{0,40}private[ +]key(?:[ +]block)?(?:-| )----"
    r"|private-(?:lines|mac): ?[0-9a-f]{1,80}"
)
_KEY_LINES: Final = re.compile(  # of a key whose end is missing
    r"(?:(?:\n|\\n)[ \t]{0,8}[0-9]{1,6}[:|\t \u2192]|[\s\\\"',+>|\u2502-]|[a-z0-9+/=]{16,}"
    r"|(?:proc-type|dek-info|version|comment): ?[^\n\\]{0,100})*+[a-z0-9+/=]*+"
)
_KEY_ENDS: Final = re.compile(r"end[ +][a-z0-9 +]{0,40}private[ +]key(?:[ +]block)? ?[a-z0-9_-]*")
_ANY_KEY_END: Final = re.compile(r"----(?:-| )end[ +][a-z0-9 +]{0,40}private[ +]key(?:[ +]block)?[ -]{0,5}")
_KEY_CHARACTERS: Final = LETTERS + "+/= \t\r\n\\\"',>|"
_LONGEST_KEY: Final = 16384
_BEARER: Final = re.compile(
    r"bearer(?:\s|%20|\+|\\u0020|&#(?:32|x20);){1,4}(?:[\"']\s?[+.]\s?[\"'])?([a-z0-9._~+/=-]{8,})"
)
_BASIC: Final = re.compile(r"basic(?:\s|%20|\+|\\u0020|&#(?:32|x20);){1,4}([a-z0-9+/_-]{8,}={0,2})")
_RESET: Final = re.compile(r"/([0-9a-z]{6}-[0-9a-f]{32})(?![0-9a-z-])")  # of Django's PasswordResetTokenGenerator
_RESETS: Final = re.compile(r"reset|confirm|activat|verif|invit|regist|password|unsubscribe")
_USERINFO: Final = re.compile(
    r"""(?P<slashes>:\\{0,4}/\\{0,4}/)(?P<user>[^\s/?#@:"'<>\\\[]{0,256}+)"""
    r"""(?:@|:(?P<rest>(?:[^\s"'<>:\\]|\\(?!["'nrt])|:(?!\\{0,4}/\\{0,4}/))*+))"""
)
_PORT: Final = re.compile(r"[0-9]{0,5}(?:[/?#]|\Z)")
_ENCODED_USERINFO: Final = re.compile(
    r"%3a%2f%2f[^\s%:/@]{0,100}%3a([^\s&\"'<>%]{1,200}(?:%(?!40)[^\s&\"'<>%]{0,200}){0,20})%40"
)
_QUERY: Final = re.compile(r"(?:sig|signature|credential|key|code|hmac|ticket|sesame|magic)=([^\s&\"'<>#\\]{16,})")
_AWS_KEY: Final = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}")
_AWS_SECRET: Final = re.compile(r"(?:(?<![A-Za-z0-9+/])|(?<=\\[nrt]))[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")
_SECRET_WORD: Final = re.compile(r"secret(?:[ _-]?access)?(?:[ _-]?key)?")
_NEAR: Final = 120  # characters


def forms(text: str, lowered: str) -> Iterator[Range]:
    """Where secrets stand that the form around them gives away. Takes time linear in the length of the text.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
    """
    if "private" in lowered:
        yield from _private_keys(lowered)
    if "bearer" in lowered:
        yield from (m.span(1) for m in _BEARER.finditer(lowered) if _is_token(text[m.start(1) : m.end(1)]))
    if "basic" in lowered:
        yield from (m.span(1) for m in _BASIC.finditer(lowered) if is_basic(text[m.start(1) : m.end(1)]))
    if "/" in text:
        yield from (
            m.span(1) for m in _RESET.finditer(text) if _RESETS.search(lowered, max(0, m.start() - 100), m.end())
        )
    if "=" in text:
        yield from (m.span(1) for m in _QUERY.finditer(lowered) if _is_query(text, m.start(), m.start(1), m.end(1)))
    yield from _urls(text, lowered)
    yield from _aws_secrets(text, lowered)


def _private_keys(text: str) -> Iterator[Range]:
    position = searched = 0  # up to `searched` no end stands: what was searched once is not searched again
    while begin := _KEY_BEGINS.search(text, position):
        limit = begin.end() + _LONGEST_KEY
        mark = _KEY_ENDS.search(text, max(begin.end(), searched - 80), limit)
        searched = mark.start() if mark else max(searched, limit)
        tail = mark or _KEY_LINES.match(text, begin.end())
        yield from _headless(text, position, begin.start())
        position = tail.end() if tail else begin.end()
        yield begin.start(), position
    yield from _headless(text, position, len(text))


def _headless(text: str, start: int, end: int) -> Iterator[Range]:
    """Keys between `start` and `end` whose beginning is missing."""
    for mark in _ANY_KEY_END.finditer(text, start, end):
        first = start_of(text, mark.start(), _KEY_CHARACTERS, min(_LONGEST_KEY, mark.start() - start))
        if mark.start() - first >= 16:
            yield first, mark.end()
        start = mark.end()


def _is_token(value: str) -> bool:
    return looks_random(value) or (len(value) >= 20 and not is_harmless(value))


def _is_query(text: str, name: int, start: int, end: int) -> bool:
    """Whether what stands there is a parameter of a URL and looks like a secret."""
    before = text[max(0, name - 24) : name]
    alone = not before[-1:].isalnum()
    listed = before.endswith(", ") and "SignedHeaders" in before  # of an AWS4-HMAC-SHA256 header
    return alone and (listed or "?" in before or "&" in before or ";" in before) and looks_random(text[start:end])


def _urls(text: str, lowered: str) -> Iterator[Range]:
    if "@" in text:
        for match in _USERINFO.finditer(text):
            if match["rest"] is not None:
                start = match.start("rest")
                yield from ((start, start + length) for length in _password_length(match["rest"]))
            elif len(match["user"]) >= 16 and looks_random(match["user"]):
                yield match.span("user")
    if "%40" in text:
        yield from (match.span(1) for match in _ENCODED_USERINFO.finditer(lowered))


def _password_length(rest: str) -> Iterator[int]:
    """How much of what follows ``scheme://user:`` is a password; people leave ``@`` and ``/`` in it unescaped."""
    authority = rest.partition("?")[0]
    length = authority.rfind("@") if "@" in authority else rest.find("@")
    if length > 0 and not _PORT.match(rest) and not is_harmless(rest[:length]):
        yield length


def _aws_secrets(text: str, lowered: str) -> Iterator[Range]:
    """The secret half of an AWS key, which has a form of its own only beside the other half or the word."""
    for pattern, searched in ((_AWS_KEY, text), (_SECRET_WORD, lowered)):
        for match in pattern.finditer(searched):
            secret = _AWS_SECRET.search(text, match.end(), match.end() + _NEAR)
            if secret and _is_mixed(secret[0]):
                yield secret.span()


def _is_mixed(value: str) -> bool:
    return looks_random(value) and not value.islower() and not value.isupper()

"""Passwords and keys that are arguments of functions, in code: ``login("bob", "x")``, ``Fernet(b"x")``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from llmtrace.filters.patterns import FAR
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import looks_random


class _Call(NamedTuple):
    """Functions, separated by spaces and in lower case, that take a secret among the arguments from `first` to `last`.

    Where it comes `after_text`, the argument before it has to be a text too, such as a user's name.
    """

    functions: str
    first: int
    last: int
    after_text: bool = True


_CALLS: Final = (
    _Call("basicauth networkcredential passwordauthentication usernamepassword", 1, 1),
    _Call("login create_user create_superuser auth wifi.begin", 1, 2),
    _Call("connect mysqli_connect mysqli pdo getconnection", 2, 5),
    _Call("pgp_sym_encrypt pgp_sym_decrypt aes_encrypt aes_decrypt jwt.encode jwt.decode", 1, 1, after_text=False),
    _Call("fernet multifernet hmac.new timestampsigner urlsafetimedserializer", 0, 0, after_text=False),
)
_ARGUMENT: Final = re.compile(
    r"\s{0,8}(?:[a-z_]{1,20}\s?=\s?)?(?P<text>[brun@]{0,2}(?P<quote>\\{0,4}[\"'])(?P<value>[^\"'\\\n]{0,200})(?P=quote)"
    r"|\{[^{}\n]{0,120}\}|[^\s\"'(),{}]{1,80})\s{0,8}(?P<end>[,)\]])"
)
_ROWS: Final = {function: row for row in _CALLS for function in row.functions.split()}
_FUNCTIONS: Final = "|".join(map(re.escape, sorted(_ROWS, key=len, reverse=True)))
_CALL: Final = re.compile(rf"(?P<function>{_FUNCTIONS})\(")
_STATEMENT: Final = re.compile(
    r"(?:sp_addlogin\s{1,4}n?'[^'\n]{1,64}'\s{0,4},\s{0,4}n?|securestring\s{1,4}(?:-string\s{1,4})?"
    r"|(?:pragma|attach)\s[^\n;]{0,100}?\bkey\s{0,4}=?\s{0,4})(?P<quote>\\{0,4}[\"'])"
    r"(?P<value>[^\"'\\\n]{3,200})(?P=quote)"
)

AFAR: Final = (rf"(?:{_FUNCTIONS})\(", r"sp_addlogin|securestring\s", rf"(?:pragma|attach)\s{FAR}.*key")
"""What all this looks like from afar, in lower case; see `gate`."""


def calls(text: str, lowered: str) -> Iterator[Range]:
    """Where secrets stand among the arguments of calls in `text`, in time linear in its length.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
    """
    if "(" in text:
        for call in _CALL.finditer(lowered):
            yield from _arguments(text, lowered, call.end(), _ROWS[call["function"]])
    if "sp_addlogin" in lowered or "securestring" in lowered or "pragma" in lowered or "attach" in lowered:
        yield from (
            m.span("value") for m in _STATEMENT.finditer(lowered) if looks_random(text[slice(*m.span("value"))])
        )


def _arguments(text: str, lowered: str, position: int, row: _Call) -> Iterator[Range]:
    before_is_text = False
    for number in range(row.last + 1):
        argument = _ARGUMENT.match(lowered, position)
        if argument is None:
            return
        start, end = argument.span("value") if argument["value"] else (0, 0)
        follows = before_is_text or not row.after_text
        if number >= row.first and follows and looks_random(text[start:end]):
            yield start, end
        before_is_text, position = argument["quote"] is not None, argument.end()
        if argument["end"] != ",":
            return

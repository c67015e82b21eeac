"""Passwords and keys that are arguments of functions, in code: ``login("bob", "x")``, ``Fernet(b"x")``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from llmtrace.filters.patterns import FAR
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import looks_chosen, looks_random


class _Call(NamedTuple):
    """Functions, separated by spaces and in lower case, that take a secret among the arguments from `first` to `last`.

    Where it comes `after_text`, the argument before it has to be a text too, such as a user's name.
    """

    functions: str
    first: int
    last: int
    after_text: bool = True


_CALLS: Final = (
    _Call(
        "basicauth basic_auth networkcredential passwordauthentication usernamepassword usernamepasswordcredential "
        "usernamepasswordcredentials usernamepasswordauthenticationtoken auth=",
        1,
        1,
    ),
    _Call("login create_user create_superuser auth wifi.begin", 1, 2),
    _Call("connect mysqli_connect mysqli pdo pdo->__construct mysqli->__construct getconnection", 2, 5),
    _Call(
        "pgp_sym_encrypt pgp_sym_decrypt aes_encrypt aes_decrypt jwt.encode jwt.decode jwt.sign jwt.verify",
        1,
        1,
        after_text=False,
    ),
    _Call("fernet multifernet hmac.new timestampsigner urlsafetimedserializer set_password", 0, 0, after_text=False),
)
_ARGUMENT: Final = re.compile(
    r"\s{0,8}(?:[a-z_]{1,20}\s?=\s?|some\()?(?P<text>[brun@]{0,2}(?P<quote>\\{0,4}[\"'])(?P<value>[^\"'\\\n]{0,200})(?P=quote)"
    r"|\{[^{}\n]{0,120}\}|[^\s\"'(),{}]{1,80})\s{0,8}(?P<end>[,)\]])"
)
_ROWS: Final = {function: row for row in _CALLS for function in row.functions.split()}
_FUNCTIONS: Final = "|".join(map(re.escape, sorted(_ROWS, key=len, reverse=True)))
_CALL: Final = re.compile(rf"(?P<function>{_FUNCTIONS})\(")
_STATEMENT: Final = re.compile(
    r"(?:basic_auth\s{1,4}[\"'][^\"'\n]{1,64}[\"']\s?,\s{0,4}|sp_addlogin\s{1,4}n?'[^'\n]{1,64}'\s{0,4},\s{0,4}n?|securestring\s{1,4}(?:-string\s{1,4})?"
    r"|(?:pragma|attach)\s[^\n;]{0,100}?\bkey\s{0,4}=?\s{0,4})(?P<quote>\\{0,4}[\"'])"
    r"(?P<value>[^\"'\\\n]{3,200})(?P=quote)"
)

_USER: Final = re.compile(  # btoa("bob:x")
    r"(?:(?:btoa|b64encode|base64_?encode)\(b?|curlopt_(?:proxy)?userpwd\s{0,4}(?:=>|,)\s{0,8})\\{0,4}[\"']"
    r"[^\"':\n\\]{1,64}:(?P<value>[^\"'\\\n]{3,200})[\"'\\]"
)

_SIGNS: Final = "sp_addlogin securestring pragma attach basic_auth btoa b64encode base64 userpwd".split()

AFAR: Final = (
    rf"(?:{_FUNCTIONS})\(",
    r"sp_addlogin|securestring\s|basic_auth\s|(?:btoa|b64encode|base64_?encode)\(|curlopt_(?:proxy)?userpwd",
    rf"(?:pragma|attach)\s{FAR}.*key",
)
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
    if any(sign in lowered for sign in _SIGNS):
        for pattern in (_STATEMENT, _USER):
            yield from (m.span("value") for m in pattern.finditer(lowered) if _is_value(text[slice(*m.span("value"))]))


def _is_value(value: str) -> bool:
    return looks_random(value) or looks_chosen(value)


def _arguments(text: str, lowered: str, position: int, row: _Call) -> Iterator[Range]:
    before_is_text = False
    for number in range(row.last + 1):
        argument = _ARGUMENT.match(lowered, position)
        if argument is None:
            return
        start, end = argument.span("value") if argument["value"] else (0, 0)
        follows = before_is_text or not row.after_text
        if number >= row.first and follows and _is_value(text[start:end]):
            yield start, end
        before_is_text, position = argument["quote"] is not None, argument.end()
        if argument["end"] != ",":
            return

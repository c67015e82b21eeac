"""Secrets alone on a line, behind the command that prints them or the sentence that a program begins them with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from llmtrace.filters.tokens import Range
from llmtrace.filters.values import is_harmless, is_prose, looks_random

_COMMANDS: Final = (
    r"pass\sshow|op\sread|bw\sget\spassword|gh\sauth\stoken|heroku\sauth:token|oc\swhoami\s-t|openssl\srand|pwgen"
    r"|vault\s(?:kv\sget|read)\s[^\n\\]{0,100}?-field|get-login-password|print-(?:access|identity)-token"
    r"|get-secret-value\s[^\n\\]{0,200}?text|get-parameter\s[^\n\\]{0,200}?text|secrets\sversions\saccess"
    r"|output\s-raw\s[\w.-]{0,60}?(?:pass|pwd|secret|token|key)|find-(?:generic|internet)-password\s"
    r"|(?:kubectl|oc)\screate\stoken\s|get\ssecrets?\s[^\n\\]{0,200}?(?:base64\s-|jsonpath|go-template)"
    r"|\bcat\s(?:/[\w.-]{1,40}){0,4}/secrets?/"
)
_LINE: Final = r"[^\n\\]{0,200}(?:\r?\n|\\n)"
_PRINTED: Final = re.compile(
    rf"(?:{_COMMANDS}){_LINE}[ \t]{{0,8}}(?P<secret>[^\s\\\"'$>#{{\[]\S{{5,4000}}?)[ \t]*(?=\r?\n|\\n|[\"']|\Z)"
)
_CODES: Final = re.compile(r"(?:recovery|backup)[ _-]?codes?[^\n\\]{0,60}(?:\r?\n|\\n){1,2}")
_CODE: Final = re.compile(
    r"[ \t]{0,8}(?:\d{1,2}[.)][ \t]{1,4}|[-*\u2022][ \t]{1,4})?`?"
    r"(?P<secret>[a-z0-9]{4,12}(?:[ -][a-z0-9]{4,12}){0,3})`?[ \t]{0,8}(?:\r?\n|\\n|\Z)"
)

AFAR: Final = (
    (
        r"pass\sshow|op\sread|bw\sget|auth(?:\s|:)token|whoami\s-t|openssl\srand|pwgen|-field|get-login-password"
        r"|print-(?:access|identity)-token|get-secret-value|get-parameter|secrets\sversions|output\s-raw"
        r"|find-(?:generic|internet)-password|create\stoken|get\ssecrets?\s|cat\s[a-z0-9/._-]*/secrets?/"
        r"|(?:recovery|backup)[ _-]?codes?"
    ),
)
"""What all this looks like from afar, in lower case; see `gate`."""


def printed(text: str, lowered: str) -> Iterator[Range]:
    """Where such secrets stand in `text`, in time linear in its length.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
    """
    for match in _PRINTED.finditer(lowered):
        value = text[slice(*match.span("secret"))]
        if looks_random(value) or not (is_harmless(value) or is_prose(value) or value.endswith(":")):
            yield match.span("secret")
    for heading in _CODES.finditer(lowered):
        position = heading.end()
        while code := _CODE.match(lowered, position):
            if any(character.isdigit() for character in code["secret"]):
                yield code.span("secret")
            position = code.end()

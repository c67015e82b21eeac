"""A user's name and password side by side, in lines of many programs' own, and phrases that open a wallet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from llmtrace.filters.names import words
from llmtrace.filters.patterns import FAR
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import FUNCTION_WORDS, is_harmless, looks_random

_BESIDE: Final = r"\s?(?:/|and|&|:|\+)\s?pass(?:word)?"
_PAIR: Final = re.compile(  # Credentials: bob / x
    rf"(?:credentials?|creds|zugangsdaten|identifiants|credenciales|log-?in{_BESIDE}|user(?:name)?{_BESIDE})"
    r"(?:\s(?:for|to|of|für|pour|de|para)(?:\s[\w.-]{1,30}){1,4}?)?"
    r"(?:\s(?:is|are)|\s?[:=])\s{1,4}[\"'`]?[\w.@+-]{1,64}[\"'`]?\s?[/:|&]\s?[\"'`]?(?P<secret>[^\s\"'`<>]{6,128})"
)
_AS: Final = re.compile(  # log in with bob / x
    r"log(?:ged)?[ -]?in\s(?:with|as|using)\s[\"'`]?[\w.@+-]{1,64}[\"'`]?\s/\s[\"'`]?(?P<secret>[^\s\"'`<>]{6,128})"
)
_GO: Final = re.compile(r"[\w.-]{1,64}:(?P<secret>[^\s@:/\"']{3,128})@(?:tcp|unix)\(")
_NETLOC: Final = re.compile(r"netloc=\\{0,4}[\"'][^\"':@]{0,64}:(?P<secret>[^\"'@]{3,128})@")
_ODBC: Final = re.compile(r"(?:pwd|password)=\{(?P<secret>[^{}\n]{3,128})\}")
_PGPASS: Final = re.compile(
    r"^[\w.*-]{1,128}:(?:[0-9]{4,5}|\*):[\w*-]{1,64}:[\w.*@-]{1,64}:(?P<secret>[^\s:]{6,128})\r?$", re.MULTILINE
)
_FIELD: Final = re.compile(  # <input value="x" type="password">
    r"<input\s(?:[^<>]{0,200}?\s)??value=\\{0,4}[\"'](?P<secret>[^\"'<>\\]{3,200})\\{0,4}[\"'](?=[^<>]{0,200}type=\\{0,4}[\"']?password)"
)
_SENT: Final = r"(?P<secret>[^\s\\\"']{6,200})"
_SMTP: Final = re.compile(rf"auth(?:enticate)?\splain\s{_SENT}")
_POP3: Final = re.compile(rf"\buser\s[^\s\\]{{1,64}}(?:\\[rn]|\s){{1,8}}pass\s{_SENT}")
_TAGGED: Final = "|".join(rf"(?<=\b[a-z0-9]{{{length}}}\slogin\s)" for length in range(1, 9))  # a001 LOGIN bob x
_IMAP: Final = re.compile(rf"\slogin\s(?:{_TAGGED})[^\s]{{1,64}}\s{_SENT}")
_IRC: Final = re.compile(rf"nickserv\s:?identify\s{_SENT}")
_LINK: Final = re.compile(
    r"/(?:[\w-]{0,24}(?:reset|verif|activat|invit|magic)[\w-]{0,24})/(?P<secret>[\w-]{20,200})(?![\w-])"
)
_OF_WALLETS: Final = "|".join(rf"{kind}[ _-]?(?:phrase|words)" for kind in ("seed", "recovery", "backup", "secret"))
_PHRASE: Final = re.compile(
    rf"(?:{_OF_WALLETS}|mnemonic)[\"'`]{{0,2}}(?:[ ]is)?[ ]?[:=]?\s{{1,4}}"
    r"[\"'`]{0,2}(?P<secret>[a-z]{3,8}(?:[ ]{1,2}[a-z]{3,8}){11,23})(?![ ]{1,2}[a-z])"
)
_WORDS: Final = re.compile(
    r"pass[ _-]?phrase[^\n:=]{0,40}(?:[:=]|[ ]is)[ ]{1,4}[\"'`]?(?P<secret>[a-z]{3,10}(?:[ -][a-z]{3,10}){3,7})"
    r"(?=[\"'`.]?\s{0,4}(?:\n|\Z))"
)
_ORDINARY: Final = FUNCTION_WORDS | words("any anyone anything choose keep make never only random safe share use words")

AFAR: Final = (
    (
        r"(?:credentials?|creds|zugangsdaten|identifiants|credenciales"
        rf"|(?:log-?in|user(?:name)?)(?:\s|\\+[nrt])?(?:/|and|&|:|\+)(?:\s|\\+[nrt])?pass"
        rf"|log(?:ged)?[ -]?in(?:\s|\\+[nrt])(?:with|as|using)(?:\s|\\+[nrt])){FAR}.*[/:|&]"
    ),
    r"@(?:tcp|unix)\(|netloc=|=\{[^{}]*\}|:(?:[0-9]{2,5}|\*):[a-z0-9_*-]+:[a-z0-9_.*@-]+:",
    rf"<input\s{FAR}[^<>]*password",
    r"auth(?:enticate)?\splain|pass\s[^\s]{6}|\slogin\s|nickserv",
    r"/[a-z0-9_-]*(?:reset|verif|activat|invit|magic)[a-z0-9_-]*/[a-z0-9_-]{20}",
    r"phrase|mnemonic|(?:seed|recovery|backup)[ _-]?words",
)
"""What all this looks like from afar, in lower case; see `gate`."""


def logins(text: str, lowered: str) -> Iterator[Range]:
    """Where such passwords and phrases stand in `text`, in time linear in its length.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
    """
    for signs, pattern, is_one in _LOOKS:
        if any(sign in lowered for sign in signs):
            yield from (span for span in _spans(pattern, lowered) if is_one(text[slice(*span)]))
    yield from (span for span in _spans(_LINK, text) if _is_mixed(text[slice(*span)]))


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[Range]:
    return (match.span("secret") for match in pattern.finditer(text))


def _is_mixed(value: str) -> bool:
    return looks_random(value) and not value.islower() and not value.isupper()


def _is_value(value: str) -> bool:
    return looks_random(value) and not is_harmless(value)


def _is_given(value: str) -> bool:
    return not is_harmless(value)


def _is_phrase(value: str) -> bool:
    return _ORDINARY.isdisjoint(value.split())


_LOOKS: Final = (  # what one of its signs says that it may be there, how it looks, and whether a value is one
    ((":",), _PGPASS, _is_given),
    (("@tcp(", "@unix("), _GO, _is_given),
    (("netloc=",), _NETLOC, _is_given),
    (("={",), _ODBC, _is_given),
    (("<input",), _FIELD, _is_given),
    (("cred", "zugangsdaten", "identifiants", "pass"), _PAIR, _is_value),
    (("in with ", "in as ", "in using "), _AS, _is_value),
    (("plain",), _SMTP, _is_value),
    (("pass",), _POP3, _is_value),
    (("login",), _IMAP, _is_value),
    (("nickserv",), _IRC, _is_value),
    (("phrase", "words", "mnemonic"), _PHRASE, _is_phrase),
    (("phrase",), _WORDS, _is_phrase),
)

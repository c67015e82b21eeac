"""What tells who somebody is: e-mail addresses, phone numbers, cards, bank accounts, IP addresses. Found on request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Final, NamedTuple

from llmtrace.filters.tokens import Range


class Kind(NamedTuple):
    """One kind of personal data: where it stands in a text, and a pattern that holds wherever it may stand."""

    find: Callable[[str], Iterator[Range]]
    gate: str


_HOST: Final = re.compile(r"@(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{1,62}")
_PHONE: Final = re.compile(
    r"(?<![\w.+/-])(?:(?:\+|00)[1-9][0-9 ()./-]{6,20}[0-9]"
    r"|\(0?[0-9]{2,4}\)[ ./-]?[0-9]{2,4}[ ./-]?[0-9]{2,6}(?:[ ./-][0-9]{2,4})?"
    r"|0[1-9][0-9]{1,4}[ /.-]{1,3}[0-9]{3,8}(?:[ .-][0-9]{2,5})?"
    r"|[2-9][0-9]{2}[ .-][2-9][0-9]{2}[ .-][0-9]{4})(?![\w-]|\.[0-9])"
)
_CARD: Final = re.compile(r"(?<![\w.-])[2-6][0-9]{3}(?:[ -]?[0-9]){8,15}(?![\w-]|\.[0-9])")
_IBAN: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])"
)
_IPV4: Final = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|\.[0-9])")
_IPV6: Final = re.compile(
    r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?<=:)(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![\w:])"
)


def emails(text: str) -> Iterator[Range]:
    """Where e-mail addresses stand."""
    for match in _HOST.finditer(text):
        start = match.start()
        while start > max(0, match.start() - 64) and (text[start - 1].isalnum() or text[start - 1] in "._%+'-"):
            start -= 1
        if start < match.start():
            yield start, match.end()


def phones(text: str) -> Iterator[Range]:
    """Where phone numbers stand: international ones, and national ones whose groups are set apart."""
    for match in _PHONE.finditer(text):
        if 7 <= sum(character.isdigit() for character in match[0]) <= 15:
            yield match.span()


def cards(text: str) -> Iterator[Range]:
    """Where numbers of payment cards stand, with a right check digit."""
    for match in _CARD.finditer(text):
        if passes_luhn(re.sub(r"[ -]", "", match[0])):
            yield match.span()


def passes_luhn(number: str) -> bool:
    """Whether the last digit of `number` is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    numbers = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * each, 10)) for each in numbers[1::2])
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0


def ibans(text: str) -> Iterator[Range]:
    """Where numbers of bank accounts stand, with right check digits."""
    for match in _IBAN.finditer(text):
        if passes_mod97(match[0].replace(" ", "")):
            yield match.span()


def passes_mod97(iban: str) -> bool:
    """Whether the check digits of `iban`, without spaces, are right (ISO 13616)."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def ips(text: str) -> Iterator[Range]:
    """Where IP addresses stand, of version 4 and 6."""
    for pattern in (_IPV4, _IPV6):
        yield from (match.span() for match in pattern.finditer(text) if _is_ip(match[0]))


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return any(character.isalnum() for character in text)


PERSONAL: Final[Mapping[str, Kind]] = {
    "email": Kind(emails, "@"),
    "phone": Kind(
        phones, r"(?:\+|00|\(|[ ./-]0?)[0-9]{1,4}[0-9 ()./-]{5}|[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{4}|0[0-9]{2,5}[ /.-]"
    ),
    "card": Kind(cards, r"[2-6][0-9]{3}(?:[ -]?[0-9]){8}"),
    "iban": Kind(ibans, r"[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){2}"),
    "ip": Kind(ips, r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9a-f]{0,4}:[0-9a-f]{0,4}:"),
}

"""Objects whose kind says that what is in them is secret: Kubernetes' Secrets, private keys as JSON and as XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from llmtrace.filters.tokens import Range

DATA: Final = frozenset({"data", "stringData"})
PRIVATE_OF_JWK: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})

_KIND: Final = re.compile(r"^[ \t]*(?:-[ \t]+)?kind:[ \t]*[\"']?Secret[\"']?[ \t]*\r?$", re.MULTILINE)
_DATA: Final = re.compile(r"^(?P<indent>[ \t]*)(?:-[ \t]+)?(?:data|stringData):[ \t]*\r?\n", re.MULTILINE)
_LINE: Final = re.compile(
    r"(?P<indent>[ \t]*)(?:[\w.-]{1,253}:[ \t]+(?:[|>][+-]?[ \t]*(?=\r?(?:\n|\Z)))?)?(?P<value>[^\r\n]*)\r?(?:\n|\Z)"
)
_DOCUMENT: Final = re.compile(r"^---", re.MULTILINE)
_MEMBER: Final = re.compile(r"\\{0,8}[\"'](?:d|p|q|dp|dq|qi|k)\\{0,8}[\"']\s{0,8}:\s{0,8}\\{0,8}[\"']([\w-]{20,})")
_ELEMENT: Final = re.compile(r"<(P|Q|D|DP|DQ|InverseQ)>([^<>]{8,})</\1>")

AFAR: Final = (
    r"kind\\*[\"']?\s*:\s*\\*[\"']?secret(?:[^a-z]|\z)",
    r"[\"']kty\\*[\"']",
    r"<rsakeyvalue>",
)
"""What all this looks like from afar, in lower case; see `gate`."""


def secret_members(value: Mapping[Any, Any]) -> frozenset[str]:
    """The keys of `value` below which all is secret because of what it is."""
    if value.get("kind") == "Secret":
        return DATA
    return PRIVATE_OF_JWK if "kty" in value else frozenset()


def manifests(text: str, lowered: str) -> Iterator[Range]:
    """Where such objects have their secrets in `text`, in time linear in its length.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
    """
    if "kty" in lowered:
        yield from (match.span(1) for match in _MEMBER.finditer(text))
    if "<rsakeyvalue>" in lowered:
        yield from (match.span(2) for match in _ELEMENT.finditer(text))
    if _KIND.search(text):
        begin = 0
        for end in (*(match.start() for match in _DOCUMENT.finditer(text)), len(text)):
            if _KIND.search(text, begin, end):
                yield from _of_secret(text, begin, end)
            begin = end


def _of_secret(text: str, begin: int, end: int) -> Iterator[Range]:
    """The values in the data of the Secrets between `begin` and `end`."""
    for data in _DATA.finditer(text, begin, end):
        position, indent = data.end(), len(data["indent"])
        while position < end and (line := _LINE.match(text, position, end)):
            if line["value"].strip() and len(line["indent"]) <= indent:
                break
            if line["value"].strip():
                yield line.span("value")
            position = line.end()

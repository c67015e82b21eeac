"""Values in SQL that follow the names of their columns: of an INSERT, and of a COPY in a dump."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from typing import Final

from llmtrace.filters.columns import HintOf, hints, rows
from llmtrace.filters.names import Hint
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import is_secret

_COLUMNS: Final = re.compile(
    r"(?:into|copy)\s{1,8}[^\s(]{1,100}\s{0,8}\((?P<names>[^()]{1,2000})\)\s{0,8}"
    r"(?:values?\s{0,8}(?P<row>(?=\())|from\s{1,8}stdin\b[^\n]{0,100}\n)"
)
_PART: Final = re.compile(
    r"""
      (?<!\\)'(?P<single>(?:[^'\\]|\\.|'')*+)(?:'|\Z) | (?<!\\)"(?P<double>(?:[^"\\]|\\.|"")*+)(?:"|\Z)
    | (?<!\\)(?P<quote>\\{1,4}['"])(?P<escaped>.*?)(?:(?<!\\)(?P=quote)|\Z)  # of SQL within a text in JSON
    | [(),] | [^'"(),\\]+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_CODE: Final = re.compile(r"[\"'].*[\"']", re.DOTALL)  # '" + password + "'
_PARAMETERS: Final = re.compile(  # of SQLAlchemy, of Django
    r"[^()\n]{0,200}(?:\n|\\n)?[^()\n]{0,40}\b(?:parameters|params|args)\s?[:=]\s?\[?(?=\()", re.IGNORECASE
)
_BETWEEN_ROWS: Final = frozenset({"", ",", "\\", "n", "r"})


def inserted(text: str, lowered: str, hint: HintOf) -> Iterator[Range]:
    """Where what is put into columns with names of secrets stands in `text`, in time linear in its length.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
        hint: what a name says of its value.
    """
    position = 0 if "into" in lowered or "stdin" in lowered else len(text)
    while columns := _COLUMNS.search(lowered, position):
        names, position = columns["names"].split(","), columns.end()
        if (named := hints(names, hint)) and columns["row"] is not None:
            position = yield from _texts(text, position, named)
            if parameters := _PARAMETERS.match(text, position):
                position = yield from _texts(text, parameters.end(), named)
        elif named:
            position = yield from rows(text, position, "\t", len(names), named, hint)


def _texts(text: str, position: int, named: Mapping[int, Hint]) -> Generator[Range, None, int]:
    """The secrets in the rows that begin at `position`, those in calls such as ``md5('x')`` too; returns their end."""
    number = depth = 0
    for part in _PART.finditer(text, position):
        if part[0] == "(":
            number, depth = number if depth else 0, depth + 1
        elif depth == 0 and part[0].strip() not in _BETWEEN_ROWS:
            break
        elif part.lastgroup and number in named and _is_value(part[part.lastgroup], named[number]):
            yield part.span(part.lastgroup)
        number += part[0] == "," and depth == 1
        depth -= part[0] == ")" and depth > 0
        position = part.end()
    return position


def _is_value(text: str, named: Hint) -> bool:
    return is_secret(text, named) and not _CODE.fullmatch(text)

"""Values whose names stand apart from them: columns of a table in text, of an INSERT, and items of a list in YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from llmtrace.filters.names import Hint
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import Place, is_secret, looks_random

HintOf = Callable[[str], Hint | None]

_INSERT: Final = re.compile(
    r"insert\s{1,8}into\s{1,8}[^\s(]{1,100}\s{0,8}\(([^()]{1,2000})\)\s{0,8}values\s{0,8}(?=\()"
)
_CELL: Final = re.compile(r"\s{0,8}('(?:[^'\\]|\\.|'')*+'|[^,()']{0,400}?)\s{0,8}([,)])", re.DOTALL)
_NEXT_ROW: Final = re.compile(r"\s{0,8},\s{0,8}(?=\()")
_FIELD: Final = r"[\"']?[A-Za-z_][\w.-]{0,40}[\"']?"
_HEADINGS: Final = re.compile(rf"^{_FIELD}(?:([,;\t]){_FIELD}(?:\1{_FIELD}){{0,99}})\r?$", re.MULTILINE)
_LIST: Final = re.compile(
    r"^[ \t-]{0,40}[\"']?([A-Za-z_][\w.-]{0,80})[\"']?:[ \t]{0,8}\n(?=[ \t]{0,40}-[ \t])", re.MULTILINE
)
_ITEM: Final = re.compile(r"[ \t]{0,40}-[ \t]{1,8}[\"']?([^\s\"']{3,300})[\"']?[ \t]{0,8}(?:\n|\Z)")


def columns(text: str, lowered: str, hint: HintOf) -> Iterator[Range]:
    """Where such values stand in `text`, in time linear in its length.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
        hint: what a name says of its value.
    """
    if "insert" in lowered:
        yield from _inserts(text, lowered, hint)
    if "\n" in text:
        yield from _tables(text, hint)
        yield from _lists(text, hint)


def _inserts(text: str, lowered: str, hint: HintOf) -> Iterator[Range]:
    for insert in _INSERT.finditer(lowered):
        secret = _secret(text[insert.start(1) : insert.end(1)].split(","), hint)
        position = insert.end() if secret else -1
        while text.startswith("(", position) and position >= 0:
            number, position = 0, position + 1
            while cell := _CELL.match(text, position):
                start, end = cell.start(1) + 1, cell.end(1) - 1
                if number in secret and cell[1].startswith("'") and is_secret(text[start:end], Hint.SURE):
                    yield start, end
                number, position = number + 1, cell.end()
                if cell[2] == ")":
                    break
            following = _NEXT_ROW.match(text, position)
            position = following.end() if following else -1


def _tables(text: str, hint: HintOf) -> Iterator[Range]:
    position = 0
    while headings := _HEADINGS.search(text, position):
        position, separator = headings.end() + 1, headings[1]
        names = headings[0].strip().split(separator)
        if not (secret := _secret(names, hint)):
            continue
        while position < len(text):
            end = text.find("\n", position)
            row = text[position : end if end >= 0 else len(text)]
            cells = row.rstrip("\r").split(separator)
            if len(cells) != len(names):
                break
            for number, cell in enumerate(cells):
                start = position + sum(map(len, cells[:number])) + number if number in secret else 0
                value = cell.strip(" \"'")
                if number in secret and is_secret(value, Hint.SURE, Place.TEXT):
                    yield start, start + len(cell)
            position += len(row) + 1


def _lists(text: str, hint: HintOf) -> Iterator[Range]:
    for name in _LIST.finditer(text):
        position = name.end()
        while hint(name[1]) is Hint.SURE and (item := _ITEM.match(text, position)):
            if looks_random(item[1]):
                yield item.span(1)
            position = item.end()


def _secret(names: list[str], hint: HintOf) -> set[int]:
    return {number for number, name in enumerate(names) if hint(name.strip(" \t\n\"'`[]")) is Hint.SURE}

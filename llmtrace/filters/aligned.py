"""Tables whose columns only spaces part, as `kubectl`, pandas and PowerShell print them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from llmtrace.filters.names import Hint
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import Place, is_secret, looks_random

_HEADINGS: Final = re.compile(
    r"^[ ]{0,40}[\w#%.()/-]{1,40}(?:[ ]{1,60}[\w#%.()/-]{1,40}){1,30}[ ]{0,200}\r?\n", re.MULTILINE
)
_CELL: Final = re.compile(r"[^\s]{1,40}(?:[ ][^\s]{1,40}){0,3}")
_RULE: Final = re.compile(r"[ ]{0,40}-{2,}(?:[ ]{1,8}-{2,}){1,60}[ ]{0,8}\r?(?:\n|\Z)")
_ROW: Final = re.compile(r"[^\r\n]*\r?(?:\n|\Z)")
_WORD: Final = re.compile(r"[^\s]+")


class _Column(NamedTuple):
    start: int
    end: int
    named: Hint | None


def aligned(text: str, hint: Callable[[str], Hint | None]) -> Iterator[Range]:
    """Where values stand in `text` below the name of a secret, flush with it at the left or at the right.

    Without a rule of hyphens below the names, a value has to look like a secret. Takes time linear in the length.

    Args:
        text: the text.
        hint: what a name says of its value.
    """
    position = 0
    while headings := _HEADINGS.search(text, position):
        position = headings.end()
        if "  " not in headings[0].strip():
            continue
        columns = [_Column(cell.start(), cell.end(), hint(cell[0])) for cell in _CELL.finditer(headings[0])]
        if len(columns) < 2 or not any(column.named for column in columns):
            continue
        rule = _RULE.match(text, position)
        position = rule.end() if rule else position
        while position < len(text) and (row := _ROW.match(text, position)) and row[0].strip():
            found = [(column, _below(row[0], column)) for column in columns]
            if sum(value is not None for _, value in found) < 2:
                break
            for column, value in found:
                if column.named and value and _is_value(row[0][value[0] : value[1]], column.named, bool(rule)):
                    yield position + value[0], position + value[1]
            position = row.end()


def _below(row: str, column: _Column) -> Range | None:
    """Where in `row` a word stands that begins or ends where the column's name does."""
    start, end = column.start, column.end
    if row[start : start + 1].strip() and not row[max(0, start - 1) : start].strip():
        word = _WORD.match(row, start)
        return word.span() if word else None
    if row[end - 1 : end].strip() and not row[end : end + 1].strip():
        begin = row.rfind(" ", 0, end) + 1
        return (begin, end) if begin < end else None
    return None


def _is_value(value: str, named: Hint, has_rule: bool) -> bool:
    return is_secret(value, named, Place.ASSIGNED) and (has_rule or looks_random(value))

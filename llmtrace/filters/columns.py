"""Values whose names stand apart from them: columns of a table in text, and items of a list in YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from llmtrace.filters.names import Hint
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import Place, is_secret, is_sentence, looks_random

HintOf = Callable[[str], Hint | None]

_HEADINGS: Final = re.compile(
    r"^\ufeff?(?P<names>[\w .#/\"'`*-]*+(?P<separator>[,;\t|])(?:[\w .#/\"'`*-]++|(?P=separator))*+)\r{0,2}$",
    re.MULTILINE,
)
_NO_HEADING: Final = (
    "a|an|and|but|const|def|del|enter|for|from|global|if|import|let|my|or|our|please|print|raise|return|select|that|the"
    "|then|this|to|var|when|where|with|yield|your"
)
"""What a sentence or a line of code begins with; "No" and "Is active" are headings."""

_NAME: Final = re.compile(
    rf"(?!(?:{_NO_HEADING})\s|(?:required|optional|string|str|int|bool|boolean)\Z)(?:[^\W\d]|\#)[\w#/-]{{0,40}}"
    r"(?:[ .][\w#/-]{1,40}){0,3}",
    re.IGNORECASE,
)
_NO_ROW: Final = re.compile(rf"[ ]{{0,40}}(?:{_NO_HEADING})\s", re.IGNORECASE)
_RULE: Final = re.compile(r"[-+|:= \t]{0,2000}\r{0,2}\n")  # a line that is blank, or drawn between the rows
_DRAWN: Final = dict.fromkeys(range(9472, 9600), "-") | dict.fromkeys((0x2502, 0x2503, 0x2551), "|")
_QUOTES: Final = " \t\r\n\"'`"
_AROUND_NAMES: Final = _QUOTES + "*[]\\"  # bold in Markdown, escapes and brackets of databases
_ESCAPE: Final = re.compile(r"\\+([nrt])")
_ESCAPED: Final = {"n": "\n", "r": " ", "t": "\t"}
_LIST: Final = re.compile(
    r"^[ \t-]{0,40}[\"']?([A-Za-z_][\w.-]{0,80})[\"']?:[ \t]{0,8}\n(?=[ \t]{0,40}-[ \t])", re.MULTILINE
)
_ITEM: Final = re.compile(r"[ \t]{0,40}-[ \t]{1,8}[\"']?([^\s\"']{3,300})[\"']?[ \t]{0,8}(?:\n|\Z)")
_ITEM_NAME: Final = re.compile(r"[A-Za-z]+\d{0,2}(?:[-_./](?:[A-Za-z]+\d{0,2}|\d{1,6}))++")  # db_password_v2


def columns(text: str, hint: HintOf) -> Iterator[Range]:
    """Where values stand in `text` whose columns have names of secrets, in time linear in its length.

    Args:
        text: the text.
        hint: what a name says of its value.
    """
    if "\u2502" in text or "\u2503" in text or "\u2551" in text:
        text = text.translate(_DRAWN)
    if "\\n" in text:
        yield from columns(_unescaped(text), hint)
    position = 0
    while headings := _HEADINGS.search(text, position):
        position, separator = headings.end() + 1, headings["separator"]
        names = _names(headings)
        if names and (named := hints(names, hint)):
            position = yield from rows(text, position, separator, len(names), named, hint)


def items(text: str, hint: HintOf) -> Iterator[Range]:
    """Where items of lists stand in `text` whose names are those of secrets; see `columns`."""
    for name in _LIST.finditer(text):
        position = name.end()
        while hint(name[1]) is Hint.SURE and (item := _ITEM.match(text, position)):
            if looks_random(item[1]) and not _ITEM_NAME.fullmatch(item[1]):
                yield item.span(1)
            position = item.end()


def hints(names: Sequence[str], hint: HintOf) -> dict[int, Hint]:
    """What the names of columns say of the values in them, by the column's number; none that say nothing."""
    found = {number: hint(name.strip(_AROUND_NAMES)) for number, name in enumerate(names)}
    return {number: named for number, named in found.items() if named is not None}


def _unescaped(text: str) -> str:
    """`text` with its texts of Python's or JSON's as they read, at the same places: quotes end lines, too."""
    text = _ESCAPE.sub(lambda escape: f"{_ESCAPED[escape[1]]:>{len(escape[0])}}", text)
    return text.replace("'", "\n").replace('"', "\n")


def _names(headings: re.Match[str]) -> list[str]:
    """The names in `headings`; none where they are rather a sentence, a row of values or a line of code."""
    separator = headings["separator"]
    names = [name.strip(_AROUND_NAMES) for name in headings["names"].split(separator)]
    drawn = separator == "|"  # on both sides as well
    is_open = bool(names[0]) and not names[-1]  # more of the same follows, as in code
    fits = all(not name or _NAME.fullmatch(name) for name in names) and (drawn or not is_open)
    return names if fits and sum(map(bool, names)) > (not drawn) else []


def rows(
    text: str, position: int, separator: str, width: int, named: Mapping[int, Hint], hint: HintOf
) -> Generator[Range, None, int]:
    """The secrets in the rows that begin at `position`; returns where the table ends.

    A row may have one cell more or less than there are headings: then a secret may stand on either side of its place.
    """
    apart = False  # by a blank line
    likely = separator == "|"  # Markdown, which compares things as often as it shows values
    while position < len(text):
        if rule := _RULE.match(text, position):
            apart, likely = not rule[0].strip(), likely and "+" not in rule[0]
            position = rule.end()
            continue
        cells, end = _cells(text, position, separator, width + 1)
        odd = len(cells) - width
        if (
            abs(odd) > (not apart)
            or len(cells) < 2
            or _is_other(text, position, cells[0], hint if odd or apart else None)
        ):
            return end if "\n" in text[position : end - 1] else position
        for number, says in named.items():
            says = Hint.LIKELY if says in (Hint.SURE, Hint.FOREIGN) and (likely or (apart and width < 3)) else says
            first = number - (odd < 0 and text[end - 1] == "\n")  # else the end of the row is missing
            for start, stop in cells[max(0, first) : number + max(odd, 0) + 1]:
                place = Place.EXACT if text[start - 1 : start] == '"' else Place.ASSIGNED
                if is_secret(text[start:stop], says, place):
                    yield start, stop
        position, apart = end, False
    return position


def _is_other(text: str, position: int, first: Range, hint: HintOf | None) -> bool:
    """Whether no row begins there but a sentence or a line of code, or, where `hint` is given, another table."""
    if _NO_ROW.match(text, position) or is_sentence(text[slice(*first)]):
        return True
    headings = _HEADINGS.match(text, position) if hint else None
    return bool(hint and headings and hints(_names(headings), hint))


def _cells(text: str, position: int, separator: str, most: int) -> tuple[list[Range], int]:
    """Where the values of a row stand, one more than `most` at most, and where the row ends."""
    cells: list[Range] = []
    pattern = _cell(separator)
    while len(cells) <= most and (cell := pattern.match(text, position)):
        position = cell.end()
        cells.append(cell.span("quoted") if cell["quoted"] is not None else _stripped(text, *cell.span("plain")))
        if not cell["separator"]:
            break
    return cells, position


def _stripped(text: str, start: int, stop: int) -> Range:
    value = text[start:stop]
    return start + len(value) - len(value.lstrip(_QUOTES)), stop - len(value) + len(value.rstrip(_QUOTES))


@cache
def _cell(separator: str) -> re.Pattern[str]:
    ends = rf"[ ]*(?:(?P<separator>{re.escape(separator)})|\r{{0,2}}(?:\n|\Z))"
    plain = rf"(?P<plain>[^{separator}\n]*)"
    return re.compile(
        rf'[ ]*(?:"(?P<quoted>[^"]*+(?:""[^"]*+)*+)"(?={ends.replace("?P<separator>", "?:")})|{plain}){ends}'
    )

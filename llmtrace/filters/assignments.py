"""Values that stand beside a secret's name in a text: ``password: x``, ``"api_key": "x"``, ``?token=x``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from llmtrace.filters import languages
from llmtrace.filters.names import COUNTED_TOKENS, GRANTING_TOKENS, SECRET_KEYS, Hint, Names, hint
from llmtrace.filters.patterns import LETTERS
from llmtrace.filters.separators import IS, QUOTE, SEPARATORS, SPACE, Separator
from llmtrace.filters.tokens import start_of
from llmtrace.filters.values import Place, is_secret


class Found(NamedTuple):
    """Where a secret stands.

    One that is not `sure` is what stands beside a secret's name and does not look like one by itself: it is one if a
    part of it is. What replaces a number in JSON needs a `quote` on both sides to stay JSON.
    """

    start: int
    end: int
    sure: bool = True
    quote: str = ""


LONG: Final = 20  # characters: behind "token", which may mean much else, what is shorter may be anything

_VALUE: Final = r"[^\s/:=\"'`\\]"
_GENERATED: Final = (  # digits apart and letters between, unlike Argon2id and gpt-4o-2024-08-06
    r"(?!0x|(?:[A-Za-z]{1,16}\d{0,2}|\d{1,6}[a-z]?)(?:[._-](?:[A-Za-z]{1,16}\d{0,2}|\d{1,6}[a-z]?)){1,9}(?![\w-]))"
    rf"(?={_VALUE}{{0,80}}?[0-9]{_VALUE}{{0,80}}?[a-zA-Z]{_VALUE}{{0,80}}?[0-9])(?={_VALUE}{{0,80}}?[a-z])"
    rf"(?:(?={_VALUE}{{0,80}}?[A-Z]){_VALUE}{{8}}|{_VALUE}{{16}}){_VALUE}{{0,200}}+(?![^\s\"'`\\])"
)
_STRANGE: Final = (  # signs among the letters and digits
    rf"(?![$*%&?+-])(?={_VALUE}{{0,80}}?[0-9])(?={_VALUE}{{0,80}}?[a-z])"
    rf"(?={_VALUE}{{0,80}}?(?:[!%^*+$&?][A-Za-z0-9]|[0-9]{{2}}[!^*+$&?])){_VALUE}{{8,200}}+(?![^\s\"'`\\])"
)
_GENERATED_AFTER: Final = re.compile(  # my password x
    rf"[ \t]{{1,24}}(?:from |now )?(?={_GENERATED}|{_STRANGE}|(?:[A-Za-z]{{3,12}}[-_.]){{2,5}}[0-9]{{1,4}})"
)
_GENERATED_BEFORE: Final = re.compile(  # x is my password
    rf"(?<![^\s\"'`])({_GENERATED})[\"'`]? (?:as|is|was|in|into) (?:(?:the|my|your|our|an?) )?(?:[A-Za-z]{{2,12}} )?\Z"
)
_NO_OTHER_WORD: Final = re.compile(r"(?: (?:for|to|in|on|at|of|and|but|please)\b|[^\w ]| ?\Z| (?!\w))", re.IGNORECASE)
_AFTER_WHAT_IT_OPENS: Final = re.compile(  # the password for the shop is x
    rf"{SPACE}(?:(?:is|was) generated )?(?:for|of|on|in|at|to|you|{languages.as_json(languages.FOR)})"
    rf"(?: [\w@.'\"-]{{1,40}}){{1,6}}?(?: \([^()\n]{{1,100}}\))?"
    rf"(?: (?:{IS}|=) {{1,4}}|:(?:\s|\\[rn]){{1,8}})"
)
_NAMESPACE: Final = re.compile(r"<[\w-]{1,30}:\Z")
_ESCAPE_BEFORE: Final = re.compile(r"(?<=\\)[nrt]|(?<=[\[;])[0-9]{1,3}m")
_QUOTED_NAME: Final = re.compile(r"""\\*["']""")
_SNAKE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*+(?:[_.][A-Za-z0-9]++)++")
_TAG: Final = re.compile(r"[^<>\n]{0,200}(?<!/)>(?:<!\[CDATA\[)?(?:\s|\\[nrt]){0,24}")
_BLANKS: Final = re.compile(r"[ \t]{1,8}(?=[^\s=:-])")
_OPENING: Final = re.compile(
    rf"(?:(?:[\[(]\s{{0,8}}){{1,3}}|\s{{0,8}}|(?:Secret(?:Str|Bytes)?|bytearray|bytes|str)\(|<[\w.]{{1,60}}:\s)"
    rf"[bBrRuUfF]{{0,2}}(?P<quote>\"\"\"|\'\'\'|{QUOTE})"
)
_PAIR: Final = re.compile(
    rf"[{{,]\s{{0,8}}{QUOTE}?[^\"'`{{}}\[\]:,\n]{{1,80}}?{QUOTE}?\s{{0,4}}(?::|=>)\s{{0,4}}[bBrRuU]?(?P<quote>{QUOTE})"
)
_AND: Final = re.compile(r"(?:,|;|/)?[ ](?:(?:and|or|und|oder|et|ou|y|o)[ ])?")
_TO: Final = re.compile(r"[ ]to[ ]")
_NEXT: Final = re.compile(rf"\s{{0,8}},\s{{0,8}}(?P<quote>{QUOTE})")
_CHANGED: Final = re.compile(rf"\s{{1,4}}(?:->|=>|\u2192)\s{{1,4}}(?P<quote>{QUOTE})")
_WORD_BEFORE: Final = re.compile(r"([A-Za-z0-9]{1,20}) \Z")
_TELLING_WORDS: Final = GRANTING_TOKENS | COUNTED_TOKENS | SECRET_KEYS | {"pass"}  # phrase
_SCHEME: Final = re.compile(
    r"(?:bearer|basic|token|apikey|api-key|key|negotiate|ntlm|bot|ssws|geniekey|splunk|oauth)\s{1,4}", re.IGNORECASE
)
_WHOLE_LINE: Final = re.compile(
    r"\s{0,4}[\w.$*-]{1,80}=[^\s;]|(?:aws4-hmac-sha256|digest|oauth|hawk|signature)\s{1,4}\w+=", re.IGNORECASE
)
_LINE_END: Final = re.compile(r"""[\r\n]|\\{1,8}[nr]|\\{0,8}["'`](?=[\s)\]}]|\Z)""")
_NUMBER_END: Final = re.compile(r"[\s,}\]]")
_VALUE_END: Final = re.compile(
    r"""
      \s | (?:\x1b|\\{1,8}(?:u001[bB]|x1[bB]|033|e))\[[0-9;]{0,12}m
    | ["'`](?=[\s,;:)\]}>&|+]|\Z) | \\{1,8}["'`]
    | <(?=[/A-Za-z!]|\Z) | >(?=\s|\Z) | \]\]> | [\u201d\u201c\u00bb\u2019](?=[\s,;:.)]|\Z)
    | (?:[&;,|]|\\{1,8}[nrt])(?=(?:amp;)?[\w.%$\[\]-]{1,60}\s{0,4}[=:]|\Z) | [;,](?=["'\s]|\Z)
    | &(?:quot|lt|gt|\#\d{2}|\#x\d\d); | %(?:25){0,3}2[267] | \\u00(?:2[267]|3[cC])
    """,
    re.VERBOSE,
)
_TRAILING: Final = re.compile(r"[.,;:!?)\]}>*]{1,3}\Z")


class Assignments:
    """Finds values that a name beside them makes secrets."""

    def __init__(self, names: Names) -> None:
        self._hint = names.hint
        self._name, self._any_name, self._escaped_name = (
            re.compile(rf"{pattern}(?![a-z])") for pattern in (names.pattern, names.any_pattern, names.escaped_pattern)
        )

    def __call__(self, text: str, lowered: str, is_foreign: bool) -> Iterator[Found]:
        """Where such values stand in `text`, in time linear in its length.

        Args:
            text: the text.
            lowered: the same in lower case, each character at the same place.
            is_foreign: whether names in other languages than English may be in it.
        """
        position, last, names = 0, Found(0, 0), self._name
        if is_foreign:
            names = self._escaped_name if "\\u" in lowered else self._any_name
        while name := names.search(lowered, position):
            position = name.end()
            if last.start <= name.start() < last.end:  # a name within a secret names nothing
                position = last.end
                continue
            start = start_of(text, name.start(), LETTERS + "_.-", 64)
            if escape := _ESCAPE_BEFORE.match(text, start, name.start()):
                start = escape.end()
            if named := self._named(text, start, name.end()):
                for found in _values(text, start, name.end(), named):
                    yield found
                    last = found if found.sure else last

    def _named(self, text: str, start: int, end: int) -> Hint | None:
        """What the name says; where it alone says little, with the word in front of it, as in "access token"."""
        if text.startswith("--- ", max(0, start - 4)):  # of tests in Go
            return None
        named = self._hint(text[start:end])
        if text.startswith("--", start):  # an option, of which the words before it tell nothing
            return named
        if named in (Hint.SURE, Hint.HEADER) or not (before := _WORD_BEFORE.search(text[max(0, start - 24) : start])):
            return named
        return self._hint(f"{before[1]} {text[start:end]}") if before[1].lower() in _TELLING_WORDS else named


def _values(text: str, start: int, end: int, named: Hint) -> Iterator[Found]:
    before = text[max(0, start - 160) : start]
    if before.endswith("${") and text.startswith(":?", end):  # a shell's words for what is missing
        return
    space = text.find(" ", start, end)
    # What follows may be the value as well: "password 12ab", "--token test12".
    first = end if space < 0 or named is Hint.FOREIGN else space
    if before.endswith(("<", ":")) and _is_tag(before) and (tag := _TAG.match(text, end)):
        yield from _bare(text, tag.end(), named)
    elif _is_flag(text[start:first]) and (blanks := _BLANKS.match(text, first)):
        yield from _quoted(text, blanks.end(), named) or _bare(text, blanks.end(), named)
    else:
        for separator in SEPARATORS:
            if match := separator.pattern.match(text, end):
                if not (before[-1:] == match[0] == ":"):  # one of a row of names, as in arn:aws:secret:shop
                    found = [*_after(separator, text, match, Hint.LIKELY if before.endswith(("/", "\\")) else named)]
                    yield from found
                    yield from _more(text, start, end, found)
                return
        told = _told(named)
        for each in _beside(text, start, first, before, told):
            if told is Hint.TOLD or each.end - each.start >= LONG:
                yield each


def _is_tag(before: str) -> bool:
    return before.endswith("<") or _NAMESPACE.search(before) is not None


def _told(named: Hint) -> Hint:
    """What a name that says `named` says of a value that only a word or less joins to it."""
    return Hint.TOLD if named in (Hint.SURE, Hint.FOREIGN) else Hint.LIKELY


def _beside(text: str, start: int, end: int, before: str, told: Hint) -> Iterator[Found]:
    """Secrets in a sentence with a name that is one's for sure: without a sign, they look as if made by a machine."""
    if opens := _AFTER_WHAT_IT_OPENS.match(text, end):
        yield from _quoted(text, opens.end(), told) or _bare(text, opens.end(), told)
    elif after := _GENERATED_AFTER.match(text, end):
        yield from _bare(text, after.end(), told)
    if (" as " in before or " is " in before or " was " in before or " in" in before) and _NO_OTHER_WORD.match(
        text, end
    ):
        shift = start - len(before)
        for value in _GENERATED_BEFORE.finditer(before):
            yield Found(shift + value.start(1), shift + value.end(1))


def _is_flag(name: str) -> bool:
    return name.startswith("-") or "--" in name


def _after(separator: Separator, text: str, match: re.Match[str], named: Hint) -> Iterator[Found]:
    same_line = "\n" not in match[0] and "\\n" not in match[0]
    told = _told(named)
    if text.startswith("{", match.end()) and (pairs := [*_pairs(text, match.end(), told)]):
        yield from pairs
        return
    quoted = _quoted(text, match.end(), named if separator.tells_before_quotes else told)
    if quoted is not None:
        called = separator.only_before_quotes  # conf.get("s3_secret_key"), which names one
        yield from (each for each in quoted if not (called and _is_name(text[each.start : each.end])))
    elif not separator.only_before_quotes:
        named = named if separator.tells and same_line else told
        quote = _QUOTED_NAME.match(match[0])
        if not (quote and text.startswith(("{", "["), match.end())):  # else it is a structure with names of its own
            json = quote[0] if quote and quote[0].endswith('"') and ":" in match[0] and "[" not in match[0] else ""
            yield from _bare(text, match.end(), named, json, match[0] == "=")


def _is_name(value: str) -> bool:
    return _SNAKE.fullmatch(value) is not None and hint(value) is not None


def _more(text: str, start: int, end: int, found: list[Found]) -> Iterator[Found]:
    """The secrets that go on a list after what was `found`: ``passwords: x, y and z``, ``from x to y``."""
    several, before = text[end - 1 : end] in "sS", text[end : end + 6].lower() == " from "
    while (several or before) and len(found) == 1 and found[0].sure:
        following = (_AND if several else _TO).match(text, found[0].end)
        found = [*_bare(text, following.end(), Hint.LIKELY)] if following else []
        yield from found


def _pairs(text: str, start: int, told: Hint) -> Iterator[Found]:
    """The quoted values of an object at `start`, whose keys are not quite those of JSON."""
    while pair := _PAIR.match(text, start):
        start = _closing(text, pair.end(), pair["quote"])
        yield Found(pair.end(), start, is_secret(text[pair.end() : start], told))
        start += len(pair["quote"])


def _quoted(text: str, start: int, named: Hint) -> list[Found] | None:
    """The secrets among quoted values, one or a list, at `start`; None when there is no quote."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    several, found = opening[0][0] in "[(", []
    while opening is not None:
        end = _closing(text, opening.end(), opening["quote"])
        found.append(Found(opening.end(), end, is_secret(text[opening.end() : end], named)))
        opening = (_NEXT if several else _CHANGED).match(text, end + len(opening["quote"]))
    return found


def _bare(text: str, start: int, named: Hint, json: str = "", tight: bool = False) -> Iterator[Found]:
    """The secret at `start` that no quotes bound."""
    if named is Hint.HEADER and (line := _WHOLE_LINE.match(text, start)):
        yield Found(start, _start(_LINE_END.search(text, line.end()), text))
        return
    if named is not Hint.SURE and (scheme := _SCHEME.match(text, start)):
        start, named = scheme.end(), Hint.SURE if named is Hint.HEADER else named
    end = _start((_NUMBER_END if json else _VALUE_END).search(text, start), text)
    if is_secret(text[start:end], named, Place.ASSIGNED if tight else Place.TEXT):
        trailing = _TRAILING.search(text, max(start + 1, end - 3), end)
        yield Found(start, trailing.start() if trailing else end, True, json)
    else:
        yield Found(start, end, False, json)


def _closing(text: str, start: int, quote: str) -> int:
    """Where the quoted text that begins at `start` ends: at its closing quote, else with the line."""
    if len(quote) == 1:
        inside = _inside(quote).match(text, start)
        return inside.end() if inside else start
    return _start(_closer(quote).search(text, start), text)


def _start(match: re.Match[str] | None, text: str) -> int:
    return match.start() if match else len(text)


@cache
def _inside(quote: str) -> re.Pattern[str]:
    return re.compile(rf"(?:[^{quote}\\\n]|\\[^\n])*+")


@cache
def _closer(quote: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\\){re.escape(quote)}|\n")

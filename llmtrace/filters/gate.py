"""A quick look that tells that there can be no secret in a text, so that most spans pass unread.

It is a few regular expressions for all that the other modules look for, in the engine that comes with pydantic: written
in Rust, it takes time linear in the text whatever that is, some 3 ns a character for each where Python's takes 30. It
says yes too often and never no wrongly; what it says yes to is read in full. It reads texts in lower case, also those
that are escaped in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from pydantic_core import SchemaValidator, core_schema

from llmtrace.filters import calls, commands, logins, manifests, packed, printed
from llmtrace.filters.cut import PREFIXES
from llmtrace.filters.invisible import INVISIBLE, INVISIBLE_ESCAPED
from llmtrace.filters.languages import FOR, IS, as_json
from llmtrace.filters.languages import NAME as FOREIGN_NAME
from llmtrace.filters.names import SUFFIXES
from llmtrace.filters.patterns import FAR, INNER, NOT_WORDS, PREFIXED
from llmtrace.filters.separators import LATER
from llmtrace.filters.structure import NAME_KEYS, PERHAPS_VALUE_KEYS

_BETWEEN: Final = (
    r"(?:[^a-z0-9:=,>]|\\[nrt]|&#?[a-z0-9]+;|%(?:25)*2[027]|\\+u[0-9a-f]{4}"
    r"|(?:\x1b|\\+(?:u001b|x1b|033|e))\[[0-9;]*m)*"
)
_SIGN: Final = (
    r"(?:[:=>\uff1a\uff1d\u2192|]|<-|[-\u2013\u2014]\s|%(?:25)*3[ade]|\\+u(?:003[ad]|ff1[ad]|2192|201[34])|value"
    rf"|(?:is|was|are|to|be|been|ha[sd]|from|{as_json(IS)}|(?:should|would|will|could|might|must)\sbe)[^a-z0-9]"
    r"|['\u2019]s[^a-z0-9]|\\+u2019s[^a-z0-9]|,\s(?:which|that)\s(?:is|was)|[\u662f\u4e3a\u306f\ub294\uc740]"
    r"|\\+u(?:662f|4e3a|306f|b294|c740)"
    r"|(?:\[[^\[\]\n]*\]\s?)+[:=]|(?:fill|type|send_?keys|press_?sequentially|set_?value)\(|\\*\";s:"
    r"|(?:\\+r|\r)?(?:\\+n|\n)content-|[?.!](?:[^a-z]|\\+n)*(?:(?:user|human|answer|assistant|ai|bot|me|a)\s?:|\n|\\+n)"
    r"|i?like\s|in\s*\(|(?:changed|updated|reset)\sfrom\s"
    rf"|{LATER}\s*(?:[:(]|is\s|was\s)|\?[ ]"
    r"|(?:you[^a-z0-9]+)?(?:provided|given|sent|supplied|used|received|(?:not[^a-z0-9]?|in)valid|unknown|expired)[^a-z0-9]*[:(=]"
    r"|\t|\\+t|[(\u201c\u201e\u00ab\u2018]|\\+u(?:201[ce8]|00ab|003e)|&gt;|(?:(?:\\+r|\r)?(?:\\+n|\n)){2}"
    r"|[\"'](?:\s[^<>]*)?>|(?:[\"'`;]|%2[27]|u002[27])\s*,)"
)
_SUFFIX: Final = rf"(?:[^a-z\"\\]*(?:[0-9]+|{'|'.join(sorted(SUFFIXES))}))*"
_REST: Final = r"(?:[^a-z\"]|\\[\"bfnrt]|\\u00[01][0-9a-f])*"

LONG_RUN: Final = 32  # characters of one kind: more of them would not tell more
TOGETHER: Final = 12  # patterns that are looked for at once

FORMS: Final = (
    rf"[!-~](?:{INVISIBLE}|{INVISIBLE_ESCAPED})+[ -Z\\-~]|[a-z0-9_-]\\+b[a-z0-9_-]",
    rf"(?:into|copy)(?:\s|\\+[nrt]){FAR}[^()]*\([^()]*\)(?:\s|\\+[nrt])*(?:value|from(?:\s|\\+[nrt])+stdin)",
    r"----[ -](?:begin|end)[ +][a-z0-9 +]*private[ +]key|private-(?:lines|mac):",
    r"(?:bearer|basic)(?:[^a-z0-9]|%20|\\[nrt]|u0020|&#(?:32|x20);)+[a-z0-9._~+/=-]{8}",
    as_json(FOREIGN_NAME),
    *commands.AFAR,
    *calls.AFAR,
    *manifests.AFAR,
    packed.AFAR,
    r"/[0-9a-z]{6}-[0-9a-f]{32}",
    r":\\*/\\*/[^\s/?#@:\"]*(?:@|:[^\s\"]*@)|%3a%2f%2f[^\s\"]*%40",
    r"(?:sig|signature|credential|key|code|hmac|ticket|sesame|magic)=[^\s&\"]{16}",
    rf"secret{FAR}(?s:.)*[a-z0-9+/]{{40}}",
    *logins.AFAR,
    *printed.AFAR,
    r"\\+u00[2-7][0-9a-f]",  # letters that JSON hides
)


def names_patterns(name: str) -> list[str]:
    """What a secret's name and its value look like from afar, for names that end as the pattern `name` says."""
    return [
        rf"(?:{name})(?:{_BETWEEN}{_SIGN}|{_SUFFIX}{_REST}\"\s*:|\\*[\"'`]?(?:\s|\\[nrt])+[\"'`\\])",
        rf"-[a-z0-9_.-]*(?:{name})(?:\s|\\t)|<[a-z0-9_.:-]*(?:{name})[^<>]*>",
        rf"(?:{name})\\*[\"'][^<>]*(?:value|content)=|(?:{name})(?:\s|\\+[nrt])*<",
        heading_pattern(name),
        aligned_pattern(name),
        (
            rf"(?:{name})(?:\s|\\[nrt])+(?:from\s|now\s)?[^\s\"]*[0-9]"
            rf"|[0-9][^\s\"]*(?:\\*\")?\s(?:as|is|was|in|into)\s(?:[a-z]+\s)*(?:{name})"
        ),
        (
            rf"(?:{name})[ +](?:for|of|on|in|at|to|you|(?:is|was)[ ]generated[ ]for|{as_json(FOR)})[ +][^\n]*"
            rf"(?::|[^a-z](?:is|was|are|be|=|{as_json(IS)})[^a-z])"
        ),
        rf"(?:{name})\\*\"\s*\{{[^{{}}]*default",
        rf"\"(?:val(?:ue)?|{'|'.join(sorted(PERHAPS_VALUE_KEYS))})\\*\"\s*:[^}}]*(?:{name})[^\"]*\"",
        (
            rf"\"(?:{'|'.join(sorted(NAME_KEYS))})\\*\"\s*:\s*\\*\"[^\"]*(?:{name})"
            r"(?:[ ](?:field|input|text[ ]?box|box))?[^a-z\"]*\""
        ),
    ]


def heading_pattern(name: str) -> str:
    """What the heading of a column looks like from afar, for names that end as the pattern `name` says."""
    return rf"(?:{name})[\"'`*\\]*\s*(?:[,;|\t\u2502\u2503\u2551]|\\+[nrt]|\\+u25(?:0[23]|51)|\n)"


def aligned_pattern(name: str) -> str:
    """The same of a column that only spaces part from others."""
    return rf"(?:{name})[ ]{{2}}|[^\s][ ]{{2}}[^\n]*(?:{name})[ ]*\r?\n"


def loosened(tail: str) -> str:
    """The pattern `tail` in lower case, as far as its first long run and without what Rust's engine does not have."""
    tail = tail.replace(NOT_WORDS, "").partition("(?!")[0].partition("(?<=")[0].replace("*+", "*").replace("}+", "}")
    long = re.search(r"\{([0-9]{2,}),?[0-9]*\}", tail)
    tail = tail[: long.start()] + f"{{{min(int(long[1]), LONG_RUN)}}}" if long else tail
    return tail.lower().replace(r"\w", "a-z0-9_")


def token_patterns() -> list[str]:
    """What tokens of vendors look like from afar."""
    return [
        *(f"(?:{_alternatives(row.prefixes.lower())}){loosened(row.tail)}" for row in PREFIXED),
        *(loosened(row.anchor) for row in INNER),
    ]


def cut_pattern() -> str:
    """What the end of a text looks like in which a token begins, as it stands or as a text in JSON."""
    return (
        rf"(?:{_alternatives(' '.join(PREFIXES).lower())})[a-z0-9_.~+/=$:%{{}}*@-]{{4}}[a-z0-9_.~+/=$:%{{}}*@-]*"
        r"\[?(?:\\*\"|\u2026|\\+u2026|\.\.\.|\s*\z)"
        r"|:\\*/\\*/[^\s/?#@:\"]*:[^\s/?#@:\"\\,]{4}[^\s/?#@:\"\\,]*(?:\\*\"|\u2026|\\+u2026|\.\.\.|\z)"
    )


def _alternatives(prefixes: str) -> str:
    return "|".join(map(re.escape, prefixes.split()))


def utf8(text: str) -> bytes:
    """`text` in UTF-8, each lone surrogate as the replacement character."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


class Gate:
    """Tells whether a text may hold something that one of the patterns looks for; they are in lower case.

    What they begin with, as far as `FAR`, is looked for at once, and then, where there is such a thing, a few patterns
    at a time: each that may reach far doubles the states that the engine is in by turns, and with too many of them it
    goes on some hundred times as slowly.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        whole = [*patterns]
        begins = [each.partition(FAR)[0] for each in whole]
        together = [whole[start : start + TOGETHER] for start in range(0, len(whole), TOGETHER)]
        self._begins = _look("|".join(begins))
        self._looks = [_look("|".join(each)) for each in together] if whole != begins else []

    def may_hold(self, text: bytes) -> bool:
        """Whether `text`, which is UTF-8, may hold such a thing."""
        text = text.lower()
        return self._begins(text) and (not self._looks or any(look(text) for look in self._looks))


def _look(pattern: str) -> Callable[[bytes], bool]:
    return SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python

"""Texts and structures with their secrets masked: pure, without spans and settings."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from llmtrace.filters import calls, commands, logins, manifests, packed, printed
from llmtrace.filters.aligned import aligned
from llmtrace.filters.assignments import Assignments, Found
from llmtrace.filters.columns import columns, items
from llmtrace.filters.cut import cut_off
from llmtrace.filters.escapes import DEEPEST, masked_within, readings
from llmtrace.filters.forms import forms
from llmtrace.filters.gate import (
    FORMS,
    Gate,
    aligned_pattern,
    cut_pattern,
    heading_pattern,
    names_patterns,
    token_patterns,
    utf8,
)
from llmtrace.filters.invisible import without_invisible
from llmtrace.filters.names import FOREIGN, Names
from llmtrace.filters.personal import Kind
from llmtrace.filters.sql import inserted
from llmtrace.filters.structure import Structure
from llmtrace.filters.tokens import tokens
from llmtrace.filters.values import is_secret

MASK: Final = "[REDACTED]"
MOST_ROUNDS: Final = 10  # three were never needed but by texts made to need them
SHORTEST: Final = 6  # characters of a text that can hold a name, a sign and a value


class Redactor:
    """Masks secrets, in texts and in structures of texts.

    Args:
        names: the names whose values are secrets.
        personal: kinds of personal data to mask as well.
        patterns: more patterns; the group ``secret`` is masked where there is one, else all that matches.
        function: called with each text when all else is masked; what it returns is kept.
        mask: what stands where a secret stood.
    """

    def __init__(
        self,
        names: Names | None = None,
        personal: Iterable[Kind] = (),
        patterns: Iterable[re.Pattern[str]] = (),
        function: Callable[[str], str] | None = None,
        mask: str = MASK,
    ) -> None:
        if not is_mask(mask):
            raise ValueError("The mask is a text of printable characters without quotes and backslashes.")
        self._names = names or Names()
        self._assignments = Assignments(self._names)
        self._personal = tuple(personal)
        self._patterns = tuple(patterns)
        self._function = function
        self._unknown = bool(self._patterns) or function is not None  # what is looked for: then every text is read
        self._mask = mask
        self._tokens = Gate(["|".join(token_patterns())])  # one look: none of them reaches far
        self._finders = (  # each with a quick look at whether there is something for it to find
            (Gate(commands.AFAR), commands.commands),
            (Gate(calls.AFAR), calls.calls),
            (Gate(manifests.AFAR), manifests.manifests),
            (Gate(logins.AFAR), logins.logins),
            (Gate(printed.AFAR), printed.printed),
        )
        self._foreign = Gate([FOREIGN])
        self._packed = Gate([packed.AFAR])
        self._rare = Gate(  # one look in place of seven
            [*commands.AFAR, *calls.AFAR, *manifests.AFAR, *logins.AFAR, *printed.AFAR, FOREIGN, packed.AFAR]
        )
        self._aligned = Gate([aligned_pattern(self._names.pattern_afar)])
        self._headings = Gate([heading_pattern(self._names.pattern_afar)])
        self._gates = (Gate(["|".join([*token_patterns(), cut_pattern()])]), Gate([*FORMS, *self._more_for_gate()]))
        name = self._names.pattern_afar
        beside, *others = names_patterns(name)  # together these are some thirty times as slow as one after the other
        self._any_name = Gate([rf"(?:{name})(?:[^a-z]|\z)"])
        self._by_name = Gate([beside]), Gate(others)
        self._structure = Structure(self._text, self._names.hint, mask, reads_numbers=bool(self._personal))

    def _more_for_gate(self) -> Iterator[str]:
        yield from (kind.gate for kind in self._personal)
        if self._unknown:
            yield ""  # which every text holds

    def may_change(self, text: bytes) -> bool:
        """Whether `text`, UTF-8 and perhaps escaped as in JSON, may hold something to mask. Quick, never wrongly no."""
        return any(map(self._may_hold, readings(text)))

    def _may_hold(self, text: bytes) -> bool:
        if any(gate.may_hold(text) for gate in self._gates):
            return True
        return self._any_name.may_hold(text) and any(gate.may_hold(text) for gate in self._by_name)

    def value(self, value: Any) -> Any:
        """`value` with all that is secret masked in it, whatever it is; the very same object when nothing is."""
        return self._structure(value, 0)

    def text(self, text: str) -> str:
        """`text` with all that is secret masked in it. A JSON text stays one."""
        return self._text(text, 0)

    def _text(self, text: str, depth: int) -> str:
        if len(text) < SHORTEST and not self._unknown:
            return text
        if not self.may_change(utf8(text)):
            return text
        if (decoded := _decoded(text)) is not None:
            after = self._structure(decoded, depth + 1)
            return text if after is decoded else json.dumps(after, ensure_ascii=text.isascii())
        masked = self._read(text, DEEPEST)
        if self._function is not None:
            masked = self._function(masked)
            if not isinstance(masked, str):
                raise TypeError("The function of Redact is to return a text.")
        return text if masked == text else masked

    def _read(self, text: str, layers: int) -> str:
        """`text` masked, what is below as many `layers` of percent signs first: as it stands, a part might stay."""
        if layers:
            text = masked_within(text, lambda name, plain: self._parameter(name, plain, layers - 1))
        clean: set[str] = set()
        masked = self._settled(text, clean)
        joined = without_invisible(masked)
        return masked if joined == masked or (plain := self._settled(joined, clean)) == joined else plain

    def _parameter(self, name: str, value: str, layers: int) -> str:
        named = self._names.hint(name)
        return self._mask if named is not None and is_secret(value, named) else self._read(value, layers)

    def _settled(self, text: str, clean: set[str], unpacks: bool = True) -> str:
        """`text` masked until that changes nothing more: what is left beside a mask may be seen better then.

        Parts that were found to be `clean` are not read again: else one odd place had a long text read ten times.
        """
        for _ in range(MOST_ROUNDS):
            parts = text.split(self._mask)
            masked = [part if part in clean else self._masked(part, unpacks) for part in parts]
            if masked == parts:
                break
            clean.update(part for part, after in zip(parts, masked, strict=True) if after == part)
            text = self._mask.join(masked)
        return text

    def _masked(self, text: str, unpacks: bool) -> str:
        found = [*self._found(text, unpacks)]
        if "+" in text:  # which in URLs is a space, on both sides of which a secret may be known
            found += self._found(text.replace("+", " "), unpacks)
        if not found:
            return text
        parts, position = [], 0
        for start, end, sure, quote in _joined(sorted(found)):
            if sure:
                parts += [text[position:start], quote, self._mask, quote]
                position = end
        return "".join([*parts, text[position:]])

    def _holds_secret(self, text: str) -> bool:
        return self._may_hold(utf8(text)) and self._settled(text, set(), unpacks=False) != text

    def _found(self, text: str, unpacks: bool = True) -> Iterator[Found]:
        lowered, plain, hint = lower(text), utf8(text), self._names.hint
        has_rare = self._rare.may_hold(plain)
        yield from self._assignments(text, lowered, has_rare and self._foreign.may_hold(plain))
        if self._tokens.may_hold(plain):
            yield from (Found(*span) for span in tokens(text))
        yield from (Found(*span) for span in forms(text, lowered))
        if has_rare:
            yield from self._found_rarely(text, lowered, plain, unpacks)
        yield from (Found(*span) for span in cut_off(text))
        yield from (Found(*span) for span in inserted(text, lowered, hint))
        if "\n" in text:
            yield from (Found(*span) for span in items(text, hint))
        if ("\n" in text or "\\n" in text) and self._headings.may_hold(plain):
            yield from (Found(*span) for span in columns(text, hint))
        if "  " in text and self._aligned.may_hold(plain):
            yield from (Found(*span) for span in aligned(text, hint))
        for kind in self._personal:
            yield from (Found(*span) for span in kind.find(text))
        for pattern in self._patterns:
            group = "secret" if "secret" in pattern.groupindex else 0
            yield from (Found(*match.span(group)) for match in pattern.finditer(text) if match[group])

    def _found_rarely(self, text: str, lowered: str, plain: bytes, unpacks: bool) -> Iterator[Found]:
        for gate, find in self._finders:
            if gate.may_hold(plain):
                yield from (Found(*span) for span in find(text, lowered))
        if unpacks and self._packed.may_hold(plain):
            yield from (Found(*span) for span in packed.packed(text, self._holds_secret))


def is_mask(value: Any) -> bool:
    """Whether `value` can stand where a secret stood, also in JSON and in a text on one line."""
    return isinstance(value, str) and value != "" and value.isprintable() and not {'"', "\\"} & set(value)


def lower(text: str) -> str:
    """`text` in lower case, each character at the same place: only one becomes two in lower case."""
    return text.replace("\u0130", "I").lower()


def _joined(found: Iterable[Found]) -> Iterator[Found]:
    """`found`, which is sorted, with what overlaps as one, and so what touches when it is sure."""
    joined: Found | None = None
    for each in found:
        if joined is None or each.start > joined.end - (not (each.sure and joined.sure)):
            if joined is not None:
                yield joined
            joined = each
        else:
            end, quote = max(joined.end, each.end), joined.quote if joined.quote == each.quote else ""
            joined = Found(joined.start, end, joined.sure or each.sure, quote)
    if joined is not None:
        yield joined


def _decoded(text: str) -> Any:
    """The object, array or text that `text` is in JSON; None when it is none, or nested deeper than Python reads."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(text, parse_float=_number)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text

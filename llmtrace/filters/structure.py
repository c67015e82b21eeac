"""Structures of texts (dicts, lists, and what else people put into a span) with their secrets masked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from llmtrace.filters.manifests import secret_members
from llmtrace.filters.names import Hint, words
from llmtrace.filters.values import is_secret
from llmtrace.jsontext import as_json

DEEPEST: Final = 100
CUT: Final = "…"
LONGEST_NAME: Final = 200  # characters of a text that may be a name, from its end
SHORT_KEY: Final = 100  # characters: such keys come again and again
MOST_ARGUMENTS: Final = 100
LONGEST_COMMAND: Final = 4000  # characters
SCALARS: Final = (bool, int, float, type(None))
FEWEST_DIGITS: Final = 4  # of a number that is a secret by its name: below, it is a count or a switch
SCHEMA_WORDS: Final = frozenset({"$ref", "anyOf", "allOf", "oneOf", "enum", "properties"})
SCHEMA_VALUES: Final = frozenset({"default", "example", "examples", "const", "enum"})
SCHEMA_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
TYPED_INTO: Final = frozenset({"selector", "locator", "element"})
NAME_KEYS: Final = TYPED_INTO | words(
    "name key header field param parameter variable id label path property column prompt question"
)
VALUE_KEYS: Final = frozenset({"value", "val", "Value", "VALUE"})
PERHAPS_VALUE_KEYS: Final = words(
    "text answer input response old new old_value new_value oldValue newValue before after default"
)
_BEHIND_NAME: Final = re.compile(r"(?i:\s(?:field|input|text ?box|box))?[\s\]\"'?:.)]{0,20}\Z")


class Structure:
    """Masks secrets in structures; what has none comes back as the very same object.

    Args:
        text: masks what is secret in a text at some depth of structure.
        hint: what a name says of its value.
        mask: what stands where a secret stood.
        reads_numbers: whether numbers can be what `text` looks for, such as those of cards.
    """

    def __init__(
        self, text: Callable[[str, int], str], hint: Callable[[str], Hint | None], mask: str, *, reads_numbers: bool
    ) -> None:
        self._text = text
        self._hint = hint
        self._mask = mask
        self._reads_numbers = reads_numbers
        self._short_key = lru_cache(maxsize=4096)(lambda key: text(key, 0))

    def __call__(self, value: Any, depth: int, named: Hint | None = None, path: frozenset[int] = frozenset()) -> Any:
        """`value` with what is secret masked.

        Args:
            value: anything at all.
            depth: how deep in a structure it stands.
            named: what the name beside it says.
            path: the ids of the containers around it, to know a cycle by.
        """
        if isinstance(value, str):
            return self._leaf(value, depth, named)
        if isinstance(value, SCALARS):
            return self._number(value, depth, named)
        if isinstance(value, bytes):
            return self._bytes(value, depth, named)
        if depth > DEEPEST or id(value) in path:
            return CUT
        path |= {id(value)}
        if isinstance(value, dict):
            return self._mapping(value, depth, named, path)
        if isinstance(value, (list, tuple)):
            return self._sequence(value, depth, named, path)
        return self._other(value, depth, named, path)

    def _leaf(self, text: str, depth: int, named: Hint | None) -> str:
        if named is not None and text != self._mask and is_secret(text, named):
            return self._mask
        masked = self._text(text, depth)
        if named is not None and self._mask in masked:  # beside such a name, a part of a secret makes a secret
            return text if text == self._mask else self._mask
        return masked

    def _number(self, value: Any, depth: int, named: Hint | None) -> Any:
        if isinstance(value, (bool, type(None))) or not (named is Hint.SURE or self._reads_numbers):
            return value
        try:
            shown = repr(value)
        except ValueError:  # more digits than Python shows
            return value
        if named is Hint.SURE and sum(character.isdigit() for character in shown) >= FEWEST_DIGITS:
            return self._mask
        return value if self._text(shown, depth) == shown else self._mask

    def _bytes(self, value: bytes, depth: int, named: Hint | None) -> bytes:
        text = value.decode("utf-8", "surrogateescape")
        masked = self._leaf(text, depth, named)
        return value if masked is text else masked.encode("utf-8", "surrogateescape")

    def _mapping(self, value: dict[Any, Any], depth: int, named: Hint | None, path: frozenset[int]) -> Any:
        above, named = named, None if named is not None and is_schema(value) else named
        of_value, perhaps = self._paired(value)
        of_schema = Hint.LIKELY if above is not named else None
        members = secret_members(value)
        masked: dict[Any, Any] = {}
        changed = False
        for key, item in value.items():
            new_key = self._key(key, depth)
            own = Hint.SURE if key in members else self._hint(name) if (name := _name(key)) else None
            if own is None and key in VALUE_KEYS:
                own = of_value or above
            elif own is None and key in SCHEMA_VALUES and of_schema:
                own = of_schema
            elif own is None and key in PERHAPS_VALUE_KEYS:
                own = perhaps
            new = self(item, depth + 1, own or named, path)
            changed = changed or new is not item or new_key is not key
            masked[_unlike(new_key, masked)] = new
        return masked if changed else value

    def _paired(self, value: dict[Any, Any]) -> tuple[Hint | None, Hint | None]:
        """What a dict such as ``{"name": "PASSWORD", "value": "x"}`` says of its value, and of what may be one."""
        if VALUE_KEYS.isdisjoint(value) and PERHAPS_VALUE_KEYS.isdisjoint(value):
            return None, None
        for key, name in value.items():
            if isinstance(key, str) and isinstance(name, str) and key.lower() in NAME_KEYS:
                name = name[-LONGEST_NAME:]
                if named := self._hint(_BEHIND_NAME.sub("", name)):
                    return named, named if key.lower() in TYPED_INTO else Hint.LIKELY
        return None, None

    def _key(self, key: Any, depth: int) -> Any:
        if isinstance(key, SCALARS):
            return key
        text = key if isinstance(key, str) else as_json(key)
        masked = self._short_key(text) if len(text) <= SHORT_KEY else self._text(text, depth)
        return key if masked == text else masked

    def _sequence(self, value: Any, depth: int, named: Hint | None, path: frozenset[int]) -> Any:
        if isinstance(fields := getattr(value, "_fields", None), tuple) and len(fields) == len(value):
            names = [self._hint(field) if isinstance(field, str) else None for field in fields]
            new = [self(item, depth + 1, own or named, path) for item, own in zip(value, names, strict=True)]
        elif named is None and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str):
            first = self._hint(value[0])  # a header, say, as a pair
            second = None if first is None else Hint.HEADER if first is Hint.HEADER else Hint.LIKELY
            new = [self(value[0], depth + 1, None, path), self(value[1], depth + 1, second, path)]
        else:
            new = [self(item, depth + 1, named, path) for item in value]
            if named is None and is_command(value):
                new = self._command(value, new, depth)
        if all(map(_same, new, value)):
            return value
        return tuple(new) if isinstance(value, tuple) else new

    def _command(self, value: Sequence[str], masked: list[Any], depth: int) -> list[Any]:
        """What is left of the arguments of a command, which tell of each other: ``["redis-cli", "-a", "x"]``."""
        words = self._text(" ".join(value), depth).split(" ")
        if len(words) != sum(item.count(" ") + 1 for item in value):
            return masked
        ends = [*accumulate(item.count(" ") + 1 for item in value)]
        together = [" ".join(words[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
        return [
            one if item == other else other if one in (item, other) else self._mask
            for item, one, other in zip(value, masked, together, strict=True)
        ]

    def _other(self, value: Any, depth: int, named: Hint | None, path: frozenset[int]) -> Any:
        """What JSON makes of `value`, when there is a secret in it."""
        try:
            plain = dict(value) if isinstance(value, Mapping) else json.loads(as_json(value))
        except Exception:  # people's own __str__ or __iter__, or JSON that Python does not read back
            return f"<{type(value).__name__}>"
        masked = self(plain, depth, named, path)
        return value if masked is plain else masked


def _name(key: Any) -> str:
    """The name that a key is or holds: of ``b"password"``, of ``("bob", "password")``."""
    if isinstance(key, bytes):
        return key.decode("utf-8", "replace")
    if isinstance(key, tuple):
        return next((each for each in reversed(key) if isinstance(each, str)), "")
    return key if isinstance(key, str) else ""


def is_schema(value: dict[Any, Any]) -> bool:
    """Whether `value` is a JSON schema, as tools have: it says what a secret looks like, and holds none."""
    kind = value.get("type")
    return (isinstance(kind, str) and kind in SCHEMA_TYPES) or not SCHEMA_WORDS.isdisjoint(value)


def is_command(value: Sequence[Any]) -> bool:
    """Whether `value` reads as a program with its arguments, some of them options."""
    return (
        1 < len(value) <= MOST_ARGUMENTS
        and all(isinstance(item, str) for item in value)
        and any(item.startswith(("-", "/")) for item in value[1:])
        and sum(map(len, value)) <= LONGEST_COMMAND
    )


def _same(one: Any, other: Any) -> bool:
    return one is other


def _unlike(key: Any, taken: Mapping[Any, Any]) -> Any:
    """`key`, or where it is `taken` a numbered form of it: two masked keys are still two."""
    number, new = len(taken), key
    while new in taken:
        number += 1
        new = f"{key}#{number}"
    return new

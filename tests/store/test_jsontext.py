"""Whatever people write becomes JSON that every database takes and that reads back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmtrace.models import SpanContent
from llmtrace.store.jsontext import clean_text, json_column, json_text

ANY_TEXT = st.text(st.characters(codec=None, categories=None))  # lone surrogates too
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=20)
ANYTHING = st.recursive(
    SCALARS | st.builds(object) | st.builds(pow, st.just(10), st.just(5000)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT | st.integers(), inner, max_size=4),
    max_leaves=20,
)
WELL_FORMED = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WELL_FORMED,
    lambda inner: st.lists(inner) | st.dictionaries(WELL_FORMED, inner),
    max_leaves=20,
)


@given(JSON)
def test_json_comes_back_unchanged(value: Any) -> None:
    assert json.loads(json_text(value)) == value


@given(ANYTHING)
def test_a_text_can_be_stored_everywhere_and_read_back(value: Any) -> None:
    text = json_text({"said": value})
    text.encode()
    assert "\\u0000" not in text.replace("\\\\", "")
    assert "\0" not in text
    assert set(SpanContent(data=text).load()) == {"said"}


@given(ANYTHING)
def test_a_column_holds_only_what_strict_readers_take(value: Any) -> None:
    text = json_column({"said": value})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert set(json.loads(text, parse_constant=refuse)) == {"said"}
    assert text.count("[") < 300


def test_depth_stays_below_what_mariadb_takes() -> None:
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    text = json_column(deep)
    assert text.index("…") < 32
    cyclic: dict[str, Any] = {}
    cyclic["again"] = cyclic
    assert json.loads(json_column(cyclic))
    assert json.loads(json_text(cyclic))


def test_a_written_backslash_before_u0000_stays() -> None:
    assert json.loads(json_text("a \\u0000 b")) == "a \\u0000 b"


def test_halves_of_a_character_are_joined_and_a_lone_one_replaced() -> None:
    assert clean_text("\ud83d\ude00 \ud83d \0") == "\N{GRINNING FACE} \ufffd \ufffd"


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def test_an_object_that_cannot_be_shown_is_named_by_its_type() -> None:
    assert "Hostile" in json_text({"x": Hostile()})
    assert json.loads(json_text({"x": [Hostile(), "\ud800"]})) == {"x": ["<Hostile>", "\ufffd"]}

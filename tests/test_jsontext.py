"""Any value becomes JSON text, whoever made it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmtrace.jsontext import as_json, plain


class Hostile:
    """An object that cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def test_a_list_that_holds_itself_twice_beside_a_lone_surrogate_ends() -> None:
    value: list[Any] = ["\ud800"]
    value += [value, value]
    assert json.loads(as_json(value)) == ["�", "…", "…"]


def test_what_stands_beside_itself_without_a_cycle_is_whole() -> None:
    shared = {"a": "\ud800"}
    assert plain([shared, shared]) == [{"a": "�"}, {"a": "�"}]


def test_an_object_or_a_key_that_cannot_be_printed_is_named_by_its_class() -> None:
    assert "Hostile" in json.loads(as_json({"a": Hostile()}))["a"]
    assert plain({"a": Hostile()}) == {"a": "<Hostile>"}
    assert plain({Hostile(): 1}) == "<dict>"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@given(anything)
def test_anything_is_json(value: Any) -> None:
    json.loads(as_json(value))

"""Long texts are cut, and what holds them stays whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Status, StatusCode

from llmtrace import semconv
from llmtrace.filters import Truncate
from tests.filters.places import message, span, with_attribute

LONG = "abcdefghij" * 10
CUT = "abcdefgh… (92 characters more)"
truncate = Truncate(length=8)


def test_long_texts_in_messages_are_cut_and_the_messages_stay() -> None:
    done = truncate(with_attribute(semconv.INPUT_MESSAGES, [message(LONG), message("short")]))
    assert done.attributes[semconv.INPUT_MESSAGES] == [message(CUT), message("short")]


def test_a_json_text_is_cut_inside_and_stays_json() -> None:
    done = truncate(with_attribute("x", json.dumps({"a": [LONG, 1], "long_name_of_a_key": "é"})))
    assert json.loads(done.attributes["x"]) == {"a": [CUT, 1], "long_name_of_a_key": "é"}


def test_texts_of_errors_are_cut() -> None:
    done = truncate(
        span(
            events=(Event("exception", {semconv.EXCEPTION_MESSAGE: LONG}, 7),),
            status=Status(StatusCode.ERROR, LONG),
        )
    )
    assert [(event.attributes, event.timestamp) for event in done.events] == [({semconv.EXCEPTION_MESSAGE: CUT}, 7)]
    assert done.status.description == CUT


def test_a_span_with_short_texts_passes_as_the_same_object() -> None:
    short = span(attributes={"x": ["short", {"y": 1.5}], "z": ("a", "b")}, events=(Event("e", {"n": 1}, 1),))
    assert truncate(short) is short


def test_a_length_that_is_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        Truncate(length=0)


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=30)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3), inner.map(json.dumps)
    ),
)


@given(VALUES)
def test_the_shape_of_a_structure_stays(value: Any) -> None:
    done = truncate(with_attribute("x", value)).attributes["x"]
    assert shape(done) == shape(value)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "text" if isinstance(value, str) else value

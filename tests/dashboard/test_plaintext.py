"""Text of people and models can be shown, whatever is in it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.dashboard.plaintext import bounded, one_line, parsed, visible, written

anything = st.text(alphabet=st.characters())  # lone surrogates and all
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner) | st.dictionaries(anything, inner),
    max_leaves=20,
)


@given(anything)
def test_visible_text_can_be_sent_and_has_no_control_in_it(text: str) -> None:
    shown = visible(text)
    shown.encode()
    controls = {*range(32), *range(0x7F, 0xA0), *range(0x202A, 0x202F)} - {ord("\n"), ord("\t")}
    assert controls.isdisjoint(map(ord, shown))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b", "a␀b"),
        ("a\r\nb", "a\nb"),
        ("gpj.\u202eexe", "gpj.⟨U+202E⟩exe"),
        ("half \ud83d", "half \ufffd"),
        ("hidden\U000e0041", "hidden⟨U+E0041⟩"),
        ("עברית, 日本語, 👩\u200d🚀\tstay", "עברית, 日本語, 👩\u200d🚀\tstay"),
    ],
)
def test_what_would_be_invisible_or_turn_the_line_around_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(anything, st.integers(min_value=1, max_value=50))
def test_a_text_is_bounded_and_says_what_was_left_out(text: str, limit: int) -> None:
    cut = bounded(text, limit)
    assert cut.left_out == max(0, len(text) - limit)
    assert cut.shown == visible(text[:limit])


@given(anything, st.integers(min_value=1, max_value=50))
def test_one_line_is_one_line_of_the_length_that_was_asked_for(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_one_line_of_a_megabyte_ends_with_an_ellipsis() -> None:
    assert one_line("x" * 1_000_000, 10) == "xxxxxxxxx…"
    assert one_line(" " * 1_000 + "x", 10) == "…"


@given(values)
def test_every_value_can_be_written(value: Any) -> None:
    text = written(value)
    if not isinstance(value, str):
        assert json.dumps(json.loads(text)) == json.dumps(value)


def test_what_has_no_json_is_written_by_its_type() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert written(circle) == "<list>"
    assert written({("a", 1): 2}) == "<dict>"


@given(values)
def test_parsing_undoes_writing_and_never_raises(value: Any) -> None:
    if isinstance(value, (list, dict)):
        assert json.dumps(parsed(json.dumps(value))) == json.dumps(value)
    parsed(value)


@pytest.mark.parametrize("text", ["[", "{nonsense", "[" * 100_000, "plain", ""])
def test_a_text_that_is_no_json_stays_as_it_is(text: str) -> None:
    assert parsed(text) == text

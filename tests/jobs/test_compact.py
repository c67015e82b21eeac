"""The text that carries time and trace attributes in a message's header."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from llmtrace.jobs.compact import LONGEST, packed, unpacked
from llmtrace.jobs.message import HEADER
from llmtrace.tracing.attributes import NONE, TraceAttributes

NOW = 1_795_000_000.123

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
identifiers = st.none() | words | st.uuids().map(str) | st.binary(min_size=8, max_size=32).map(bytes.hex)
scalars = words | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
known = st.builds(
    TraceAttributes,
    identifiers,
    identifiers,
    identifiers,
    st.lists(words, max_size=4, unique=True).map(tuple),
    st.dictionaries(words, scalars, max_size=4),
)
anything = st.text(st.characters(), max_size=3000)
hostile = st.builds(
    TraceAttributes,
    anything,
    anything,
    anything,
    st.lists(anything, max_size=30).map(tuple),
    st.dictionaries(anything, anything | st.floats() | st.integers(), max_size=30),
)


@given(known)
def test_what_is_packed_comes_back(attributes: TraceAttributes) -> None:
    assert unpacked(packed(NOW, attributes)) == (NOW, attributes)


@given(hostile)
def test_the_text_is_short_and_needs_no_escaping_whatever_people_write(attributes: TraceAttributes) -> None:
    text = packed(NOW, attributes)
    assert len(text) <= LONGEST
    assert text.isascii()
    assert text.isprintable()
    assert json.dumps(text) == f'"{text}"'
    assert unpacked(text)[0] == NOW


@given(st.text() | st.binary() | st.integers() | st.none() | st.lists(st.text()))
def test_reading_never_raises(text: object) -> None:
    sent_at, attributes = unpacked(text)
    assert sent_at is None or sent_at >= 0
    assert isinstance(attributes, TraceAttributes)


@given(st.lists(st.sampled_from(["!", "*", "$", ";", ",", "=", "%", "A", "[" * 500, "1e999", "NaN"]), max_size=40))
def test_reading_never_raises_on_what_looks_like_ours(parts: list[str]) -> None:
    unpacked("".join(parts))


def test_nothing_known_is_the_time_alone() -> None:
    assert len(packed(NOW, NONE)) == 8
    assert unpacked("") == (None, NONE)


def test_a_value_that_is_too_long_stays_behind_and_the_others_go() -> None:
    attributes = TraceAttributes("u" * 600, "s", "é" * 200, ("x" * 600, "short"), {"long": "x" * 600, "n": 1})
    assert unpacked(packed(NOW, attributes))[1] == TraceAttributes(None, "s", None, ("short",), {"n": 1})


def test_tags_that_do_not_fit_stay_behind() -> None:
    tags = tuple(f"{number:0100}" for number in range(60))
    kept = unpacked(packed(NOW, TraceAttributes("7", tags=tags)))[1]
    assert kept.user_id == "7"
    assert kept.tags == tags[: len(kept.tags)]
    assert 30 < len(kept.tags) <= 40


def test_user_session_conversation_and_a_tag_add_150_bytes_at_most() -> None:
    normal = TraceAttributes("12345", "9f86d081884c7d65", "8c1f5a0e-2f0b-4c57-9a3e-0d6f7c2b1a90", ("vip",))
    trace_context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    added = {"traceparent": trace_context, HEADER: packed(NOW, normal)}
    assert len(json.dumps(added)) - len("{}") + len(", ") <= 150

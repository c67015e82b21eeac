"""What was said in a call, in the order in which it was said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.dashboard.conversation import MAX_MESSAGES, MAX_PARTS, MAX_ROOM, Bubble, conversation_of
from tests.dashboard.rows import ANSWER, QUESTION, SUMMARY, SYSTEM, text
from tests.dashboard.test_plaintext import anything, values

INPUT, OUTPUT, INSTRUCTIONS = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"


def said(bubble: Bubble) -> str:
    return "".join(piece.text.shown for piece in bubble.pieces)


def test_instructions_stand_first_and_answers_last_with_their_finish_reason() -> None:
    bubbles = conversation_of(SUMMARY, {"call_1": "112 ms"})
    assert [(b.role, said(b), b.notes) for b in bubbles] == [
        ("system", SYSTEM, ()),
        ("user", QUESTION, ()),
        ("assistant", "find_reviews(book_id=1182, limit=38)", ()),
        ("tool", "38 reviews, 4.6 of 5 …", ("find_reviews", "112 ms")),
        ("assistant", ANSWER, ("end_turn",)),
    ]


def test_messages_as_a_json_text_are_read_as_well() -> None:
    as_text = {name: json.dumps(value) for name, value in SUMMARY.items() if name.startswith("gen_ai")}
    assert conversation_of(as_text) == conversation_of(SUMMARY)


def test_several_choices_are_numbered_and_one_is_not() -> None:
    one, other = text("assistant", "A", finish_reason="stop"), text("assistant", "B", finish_reason="length")
    assert [b.choice for b in conversation_of({OUTPUT: [one, other]})] == [1, 2]
    assert [b.choice for b in conversation_of({OUTPUT: [one]})] == [None]


@pytest.mark.parametrize(
    ("message", "role", "shown"),
    [
        ({"role": "developer", "content": "Be brief."}, "system", "Be brief."),
        ({"role": "oracle", "parts": ["Hm."]}, "other", "Hm."),
        ({"type": "embedding input"}, "other", '{\n  "type": "embedding input"\n}'),
        ("just a text", "other", "just a text"),
        (["a", 1], "other", '[\n  "a",\n  1\n]'),
    ],
)
def test_messages_of_other_forms_are_shown_as_far_as_they_are_understood(message: Any, role: str, shown: str) -> None:
    (bubble,) = conversation_of({INPUT: [message]})
    assert (bubble.role, said(bubble)) == (role, shown)


def test_nothing_said_is_an_empty_conversation() -> None:
    assert conversation_of({}) == []
    assert conversation_of({INPUT: None, OUTPUT: [], INSTRUCTIONS: ""}) == []


def test_a_long_conversation_is_shown_by_its_begin_and_its_end() -> None:
    bubbles = conversation_of({INPUT: [text("user", str(n)) for n in range(MAX_MESSAGES + 400)]})
    assert len(bubbles) == MAX_MESSAGES + 1
    gap = next(b for b in bubbles if b.role == "gap")
    assert gap.left_out == 400
    assert (said(bubbles[0]), said(bubbles[-1])) == ("0", str(MAX_MESSAGES + 399))


def test_many_parts_are_counted_and_not_shown() -> None:
    (bubble,) = conversation_of({INPUT: [{"role": "user", "parts": ["x"] * (MAX_PARTS + 7)}]})
    assert (len(bubble.pieces), bubble.left_out) == (MAX_PARTS, 7)


def test_what_was_sent_takes_no_room_from_what_came_back() -> None:
    bubbles = conversation_of({INPUT: [text("user", "x" * 50_000)] * 90, OUTPUT: [text("assistant", "y" * 10_000)]})
    sent = sum(len(said(b)) for b in bubbles if b.role == "user")
    assert MAX_ROOM <= sent < MAX_ROOM * 1.2
    assert said(bubbles[-1]) == "y" * 10_000
    assert all(b.pieces[0].text.left_out > 0 for b in bubbles[:-1])


@given(st.dictionaries(st.sampled_from([INPUT, OUTPUT, INSTRUCTIONS]), values))
def test_any_content_can_be_shown(content: dict[str, Any]) -> None:
    for bubble in conversation_of(content):
        (bubble.said_by + said(bubble) + "".join(bubble.notes)).encode()


_parts = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "tool_call", "tool_call_response", "blob"])},
                          optional={"content": values, "id": values, "name": values, "arguments": values}),
    max_size=3,
)  # fmt: skip
_messages = st.lists(
    st.fixed_dictionaries(
        {"role": anything}, optional={"parts": _parts | values, "finish_reason": values, "name": values}
    ),
    max_size=3,
)


@given(_messages)
def test_messages_that_nearly_have_the_form_can_be_shown(messages: list[Any]) -> None:
    bubbles = conversation_of({INPUT: messages})
    assert len(bubbles) == len(messages)
    assert all((said(b) + "".join(b.notes)).encode() is not None for b in bubbles)

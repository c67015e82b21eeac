"""Whatever people give as messages becomes messages, or an error that names who gave it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtrace import LLM, Message, Part, ToolCall
from llmtrace.calls.messages import messages_of
from llmtrace.exceptions import PromptError
from llmtrace.testing import CapturedSpans
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, completion, tools

TEXTS = st.text(max_size=5)
PARTS = TEXTS | TEXTS.map(Part.image) | st.builds(Part, st.just("text"), TEXTS)
CONTENTS = TEXTS | st.lists(PARTS, max_size=3) | st.integers() | st.none() | st.lists(st.integers(), max_size=2)
MESSAGES = (
    st.builds(Message, st.sampled_from(["user", "system", "assistant"]), CONTENTS)
    | st.fixed_dictionaries({}, optional={"role": TEXTS, "content": CONTENTS})
    | PARTS
    | st.integers()
    | st.none()
)
GIVEN = (
    MESSAGES
    | st.lists(MESSAGES, max_size=4)
    | st.lists(MESSAGES, max_size=3).map(tuple)
    | st.dictionaries(TEXTS, TEXTS)
)


@given(GIVEN)
@settings(deadline=None)
def test_anything_is_messages_or_is_refused_by_name(given_: Any) -> None:
    try:
        messages = messages_of(given_, "recommend")
    except PromptError as refused:
        told = str(refused)
    else:
        told = "recommend"
        assert len(messages) > 0
        assert all("role" in each if isinstance(each, dict) else isinstance(each, Message) for each in messages)
    assert "recommend" in told


def test_a_dict_message_is_told_as_it_was_when_it_was_sent(server: ScriptedServer, spans: CapturedSpans) -> None:
    message: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}
    server.answers(answer())
    LLM("gpt-4o-mini").chat([message])
    message["content"][0]["text"] = "Goodbye"
    (span,) = spans
    assert span.attributes["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "Hello"}]


@pytest.mark.parametrize("width", [1, 3])
def test_a_circle_in_a_message_is_refused_as_the_bare_sdk_refuses_it(
    server: ScriptedServer, spans: CapturedSpans, width: int
) -> None:
    circle: list[Any] = []
    circle.extend([circle] * width)
    with pytest.raises((ValueError, RecursionError)):
        LLM("gpt-4o-mini").chat([{"role": "user", "content": circle}])
    (span,) = spans
    assert span.attributes["error.type"] in ("ValueError", "RecursionError")


def test_a_conversation_goes_on_with_replies_calls_of_tools_and_their_results(
    server: ScriptedServer, spans: CapturedSpans
) -> None:
    server.answers(
        answer(completion(choice(None, "tool_calls", **tools(("call_1", "stock", '{"of": "Dune"}'))))), answer()
    )
    tool = {"name": "stock", "parameters": {"type": "object", "properties": {"of": {"type": "string"}}}}
    llm = LLM("gpt-4o-mini")
    reply = llm.chat("Is Dune there?", tools=[tool], tool_choice="stock")
    assert reply.tool_calls == (ToolCall("call_1", "stock", {"of": "Dune"}, '{"of": "Dune"}'),)
    with pytest.raises(LookupError, match="given as a schema"):
        reply.tool_calls[0].run()
    llm.chat([*reply.messages, Message.tool("3 copies", "call_1")])

    first, second = [request.json for request in server.requests]
    assert first["tools"] == [{"type": "function", "function": tool}]
    assert first["tool_choice"] == {"type": "function", "function": {"name": "stock"}}
    assert second["messages"] == [
        {"role": "user", "content": "Is Dune there?"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "stock", "arguments": '{"of": "Dune"}'}}
            ],
        },
        {"role": "tool", "content": "3 copies", "tool_call_id": "call_1"},
    ]
    asked, told = spans
    assert asked.attributes["gen_ai.tool.definitions"] == [{"type": "function", **tool}]
    assert asked.attributes["gen_ai.output.messages"] == [
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "call_1", "name": "stock", "arguments": {"of": "Dune"}}],
            "finish_reason": "tool_calls",
        }
    ]
    assert told.attributes["gen_ai.input.messages"][2] == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "call_1", "response": "3 copies"}],
    }


def test_several_choices_are_told_each_with_its_reason(server: ScriptedServer, spans: CapturedSpans) -> None:
    choices = [
        choice("Dune.", "stop", 0),
        choice("Or Emma", "length", 1),
        {"index": 2, "finish_reason": "content_filter"},
    ]
    server.answers(answer(completion(*choices)))
    reply = LLM("gpt-4o-mini").chat("Recommend books", extra={"n": 3})
    assert reply.texts == ("Dune.", "Or Emma", "")
    (span,) = spans
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop", "length", "content_filter")
    assert [message["finish_reason"] for message in span.attributes["gen_ai.output.messages"]] == [
        "stop",
        "length",
        "content_filter",
    ]
    assert span.attributes["gen_ai.output.messages"][2]["parts"] == []
    assert span.attributes["gen_ai.request.choice.count"] == 3


def test_an_answer_that_names_nothing_leaves_nothing_made_up(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(answer({}), answer({"choices": []}), answer([1, 2]))
    for _ in range(3):
        reply = LLM("gpt-4o-mini").chat("Hello")
        assert (reply.text, reply.id, reply.model, reply.cost, reply.finish_reasons) == ("", None, None, None, ())
        assert reply.usage.input_tokens is None
    for span in spans:
        assert not [
            name for name in span.attributes if name.startswith(("gen_ai.response", "gen_ai.usage", "llmtrace.c"))
        ]
        assert "gen_ai.output.messages" not in span.attributes

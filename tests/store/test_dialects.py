"""Spans of other instrumentations, in the words that they use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event

from llmtrace.store.records import Record, record
from tests.store.making import START_NS, ended
from tests.store.test_jsontext import SCALARS

OPENLLMETRY = {
    "gen_ai.system": "openai",
    "llm.request.type": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024",
    "gen_ai.usage.prompt_tokens": 9,
    "gen_ai.usage.completion_tokens": 3,
    "gen_ai.usage.cache_read_input_tokens": 2,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "Weather?",
    "gen_ai.prompt.10.role": "tool",
    "gen_ai.prompt.10.tool_call_id": "c1",
    "gen_ai.prompt.10.content": "rain",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.finish_reason": "tool_calls",
    "gen_ai.completion.0.tool_calls.0.id": "c2",
    "gen_ai.completion.0.tool_calls.0.name": "weather",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"city": "Ulm"}',
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.provider": "anthropic",
    "llm.model_name": "claude-sonnet-5",
    "llm.token_count.prompt": 9,
    "llm.token_count.completion": 3,
    "llm.token_count.prompt_details.cache_read": 2,
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.contents.0.message_content.type": "text",
    "llm.input_messages.0.message.contents.0.message_content.text": "Weather?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "Rain.",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c2",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "weather",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"city": "Ulm"}',
    "input.value": '{"messages": "…"}',
}


def said(row: Record) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(row.content or "{}")
    return decoded


def test_openllmetry() -> None:
    row = record(ended(OPENLLMETRY))
    assert (row.operation, row.provider, row.model) == ("chat", "openai", "gpt-4o-2024")
    assert (row.input_tokens, row.output_tokens, row.cached_tokens) == (9, 3, 2)
    assert said(row) == {
        "gen_ai.input.messages": [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}]},
        ],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c2", "name": "weather", "arguments": '{"city": "Ulm"}'}],
                "finish_reason": "tool_calls",
            }
        ],
    }
    assert not [name for name in json.loads(row.attributes) if name.startswith(("gen_ai.prompt", "gen_ai.completion"))]


def test_openinference() -> None:
    row = record(ended(OPENINFERENCE))
    assert (row.operation, row.provider, row.model) == ("chat", "anthropic", "claude-sonnet-5")
    assert (row.input_tokens, row.output_tokens, row.cached_tokens) == (9, 3, 2)
    text = {"type": "text", "content": "Rain."}
    call = {"type": "tool_call", "id": "c2", "name": "weather", "arguments": '{"city": "Ulm"}'}
    assert said(row) == {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [text, call]}],
        "input.value": '{"messages": "…"}',
    }


def test_a_name_in_use_is_believed_before_an_older_one() -> None:
    row = record(ended({**OPENLLMETRY, "gen_ai.provider.name": "groq", "gen_ai.usage.input_tokens": 10}))
    assert (row.provider, row.input_tokens) == ("groq", 10)


@pytest.mark.parametrize(
    ("kind", "operation"),
    [("TOOL", "execute_tool"), ("AGENT", "invoke_agent"), ("EMBEDDING", "embeddings"), ("CHAIN", None)],
)
def test_kinds_of_openinference(kind: str, operation: str | None) -> None:
    assert record(ended({"openinference.span.kind": kind})).operation == operation


def test_what_was_said_in_events_of_earlier_conventions_is_content() -> None:
    events = [
        Event("gen_ai.content.prompt", {"gen_ai.prompt": "[…]"}, START_NS),
        Event("gen_ai.user.message", {"gen_ai.system": "openai", "content": "Hello"}, START_NS),
    ]
    row = record(ended({}, events=events))
    assert [event["attributes"] for event in json.loads(row.events)] == [{}, {"gen_ai.system": "openai"}]
    assert said(row)["events"] == {"0": {"gen_ai.prompt": "[…]"}, "1": {"content": "Hello"}}


PATHS = st.sampled_from([*OPENLLMETRY, *OPENINFERENCE, "gen_ai.prompt.0.content.0", "gen_ai.prompt.9999.role"])


@given(st.dictionaries(PATHS, SCALARS))
def test_no_mixture_of_dialects_breaks_a_record(attributes: dict[str, Any]) -> None:
    row = record(ended(attributes))
    assert not any(".content" in name for name in json.loads(row.attributes))

"""``"SEMCONV": "dup"``: what older tools read stands beside today's names, made of what the filters have left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.pipeline.older import with_older_names
from llmtrace.tracing.setup import flush
from tests.pipeline.exporters import Kept
from tests.pipeline.making import entry, exporting, span
from tests.store.making import CALL, QUESTION, ended

TOOL_CALL = {"type": "tool_call", "id": "c1", "name": "in_stock", "arguments": {"title": "Momo"}}
TALK: dict[str, Any] = {
    **CALL,
    "gen_ai.system_instructions": [{"type": "text", "content": "You sell books."}],
    "gen_ai.input.messages": [
        *QUESTION,
        {"role": "assistant", "parts": [TOOL_CALL]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"stock": 3}}]},
    ],
    "gen_ai.tool.definitions": [{"type": "function", "name": "in_stock"}],
    "gen_ai.request.temperature": 0.2,
    "llmtrace.metadata.plan": "pro",
    "llmtrace.tags": ("support",),
}
PLAIN = [
    {"role": "system", "content": "You sell books."},
    {"role": "user", "content": "Which book?"},
    {
        "role": "assistant",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "in_stock", "arguments": '{"title":"Momo"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": '{"stock":3}'},
]


def test_older_names_and_events_stand_beside_todays() -> None:
    before = ended(TALK)
    after = with_older_names(before)
    assert after.attributes == {
        **TALK,
        "gen_ai.system": "openai",
        "gen_ai.usage.prompt_tokens": 12,
        "gen_ai.usage.completion_tokens": 5,
        "gen_ai.usage.cache_read_input_tokens": 4,
        "gen_ai.usage.reasoning_tokens": 2,
        "gen_ai.usage.cost": 0.000123,
    }
    prompt, completion = after.events
    assert (prompt.name, prompt.timestamp) == ("gen_ai.content.prompt", before.start_time)
    assert json.loads(str((prompt.attributes or {})["gen_ai.prompt"])) == PLAIN
    assert (completion.name, completion.timestamp) == ("gen_ai.content.completion", before.end_time)
    assert json.loads(str((completion.attributes or {})["gen_ai.completion"])) == [
        {"role": "assistant", "content": "Momo."}
    ]
    assert before.attributes == TALK


def test_what_is_unknown_stays_absent_and_what_is_there_stays() -> None:
    theirs = {"gen_ai.operation.name": "chat", "gen_ai.system": "theirs", "openinference.span.kind": "CHAIN"}
    after = with_older_names(ended(theirs), ("openinference",))
    assert after.attributes == theirs
    assert list(after.events) == []
    request = ended({"http.route": "/books"})
    assert with_older_names(request, ("openinference", "openllmetry")) is request


def test_openinference_has_its_names_for_all_of_a_call() -> None:
    added = with_older_names(ended(TALK), ("openinference",)).attributes
    expected = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o-mini-2024-07-18",
        "llm.provider": "openai",
        "llm.token_count.prompt": 12,
        "llm.token_count.completion": 5,
        "llm.token_count.total": 17,
        "llm.token_count.prompt_details.cache_read": 4,
        "llm.token_count.completion_details.reasoning": 2,
        "llm.cost.total": 0.000123,
        "llm.invocation_parameters": '{"temperature":0.2}',
        "llm.prompt_template.template": "Which {thing}?",
        "llm.prompt_template.variables": '{"thing":"book"}',
        "metadata": '{"plan":"pro"}',
        "tag.tags": ("support",),
        "llm.tools.0.tool.json_schema": '{"type":"function","name":"in_stock"}',
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.1.message.content": "Which book?",
        "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "in_stock",
        "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"title":"Momo"}',
        "llm.input_messages.3.message.tool_call_id": "c1",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Momo.",
        "output.value": "Momo.",
        "output.mime_type": "text/plain",
        "input.mime_type": "application/json",
    }
    assert {name: added.get(name) for name in expected} == expected
    assert json.loads(added["input.value"]) == PLAIN


def test_openinference_knows_tools_agents_and_embeddings() -> None:
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "in_stock",
        "gen_ai.tool.call.arguments": {"title": "Momo"},
        "gen_ai.tool.call.result": "3 copies",
    }
    added = with_older_names(ended(tool), ("openinference",)).attributes
    assert added["openinference.span.kind"] == "TOOL"
    assert (added["tool.name"], added["tool.parameters"]) == ("in_stock", '{"title":"Momo"}')
    assert (added["input.value"], added["output.value"]) == ('{"title":"Momo"}', "3 copies")
    embedding = {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "small"}
    added = with_older_names(ended(embedding), ("openinference",)).attributes
    assert (added["openinference.span.kind"], added["embedding.model_name"]) == ("EMBEDDING", "small")


def test_openllmetry_numbers_its_messages() -> None:
    added = with_older_names(ended(TALK), ("openllmetry",)).attributes
    expected = {
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.1.content": "Which book?",
        "gen_ai.prompt.2.tool_calls.0.name": "in_stock",
        "gen_ai.prompt.3.tool_call_id": "c1",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "Momo.",
        "gen_ai.completion.0.finish_reason": "stop",
        "llm.request.type": "chat",
        "llm.usage.total_tokens": 17,
    }
    assert {name: added.get(name) for name in expected} == expected


def test_messages_that_came_as_json_are_read_and_long_talks_bounded() -> None:
    texts = {**CALL, "gen_ai.input.messages": json.dumps(QUESTION), "gen_ai.output.messages": "no json"}
    after = with_older_names(ended(texts))
    assert [event.name for event in after.events] == ["gen_ai.content.prompt"]
    long = {**CALL, "gen_ai.input.messages": QUESTION * 500}
    added = with_older_names(ended(long), ("openinference",)).attributes
    assert sum(name.startswith("llm.input_messages.") for name in added) == 400


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "parts", "type", "content", "id", "name", "arguments"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*CALL, "gen_ai.tool.definitions", "gen_ai.system_instructions"]), hostile))
def test_nothing_that_another_has_written_makes_it_fail(attributes: dict[str, Any]) -> None:
    span = ended({**attributes, "gen_ai.operation.name": "chat"})
    after = with_older_names(span, ("openinference", "openllmetry"))
    assert after is not span
    assert after.attributes.keys() >= span.attributes.keys()
    after.for_export()


def exported(**keys: Any) -> ReadableSpan:
    kept: list[ReadableSpan] = []
    attributes: Any = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
    with exporting(entry("Kept", into=kept, **keys)):
        span("chat", **attributes)
        assert flush(10)
    return kept[0]


@pytest.mark.parametrize(("semconv", "there"), [("dup", True), ("latest", False), (None, False)])
def test_an_entry_asks_for_them(semconv: str | None, there: bool) -> None:
    keys = {} if semconv is None else {"SEMCONV": semconv}
    assert ("gen_ai.system" in (exported(**keys).attributes or {})) is there


def test_a_span_processor_gets_them_too() -> None:
    kept: list[ReadableSpan] = []
    attributes: Any = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
    simple = "opentelemetry.sdk.trace.export.SimpleSpanProcessor"
    with exporting({"BACKEND": simple, "OPTIONS": {"span_exporter": Kept(kept)}, "SEMCONV": "dup"}):
        span("chat", **attributes)
    assert "gen_ai.system" in (kept[0].attributes or {})


def test_they_are_made_of_what_the_filters_have_left() -> None:
    filters = [{"BACKEND": "tests.pipeline.test_older.without_provider"}]
    assert "gen_ai.system" not in (exported(SEMCONV="dup", FILTERS=filters).attributes or {})


def without_provider(span: Any) -> Any:
    """A filter."""
    return span.edited(attributes={k: v for k, v in span.attributes.items() if k != "gen_ai.provider.name"})

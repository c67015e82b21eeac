"""The local model server, asked by the official SDK over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from project.modelserver import ModelServer
from project.modelserver.models import MODELS

ASK: Any = [{"role": "user", "content": "Recommend a fantasy book"}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "in_stock",
            "description": "How many copies are on the shelf",
            "parameters": {
                "type": "object",
                "properties": {"title": {"type": "string"}, "copies": {"type": "integer", "minimum": 1}},
                "required": ["title", "copies"],
            },
        },
    }
]


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(pace=0) as running:
        yield running


@pytest.fixture
def client(server: ModelServer) -> Iterator[OpenAI]:
    with OpenAI(api_key="sk-local", base_url=server.url, max_retries=0, timeout=10) as made:
        yield made


def post(
    server: ModelServer, body: Any, path: str = "/chat/completions", key: str | None = "sk-local"
) -> httpx2.Response:
    """A request as somebody without an SDK would send it."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx2.post(server.url + path, json=body, headers=headers, timeout=10)


def test_an_answer_names_the_served_model_and_counts_its_tokens(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.id.startswith("chatcmpl-")
    assert answer.choices[0].finish_reason == "stop"
    assert "fantasy" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_same_prompt_has_the_same_answer_and_another_id(client: OpenAI) -> None:
    first, second = (client.chat.completions.create(model="gpt-4o-mini", messages=ASK) for _ in range(2))
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.id != second.id


def test_a_stream_has_the_text_of_the_whole_answer_and_its_usage_last(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
    usage: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True, stream_options=usage))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_without_include_usage_has_no_usage(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_n_choices_are_n_different_answers_also_in_a_stream(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, n=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in whole.choices]
    assert len(set(texts)) == 3
    streamed = ["", "", ""]
    for chunk in client.chat.completions.create(model="gpt-4o-mini", messages=ASK, n=3, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == texts


def test_a_tool_is_asked_for_and_its_result_is_used(client: OpenAI) -> None:
    asked = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, tools=TOOLS).choices[0]
    assert asked.finish_reason == "tool_calls"
    assert asked.message.content is None
    call: Any = (asked.message.tool_calls or [])[0]
    assert call.function.name == "in_stock"
    arguments = json.loads(call.function.arguments)
    assert arguments["copies"] >= 1
    told = [*ASK, asked.message, {"role": "tool", "tool_call_id": call.id, "content": "Seven copies."}]
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=told, tools=TOOLS).choices[0]
    assert answer.finish_reason == "stop"
    assert "Seven copies." in (answer.message.content or "")
    assert arguments["title"] in (answer.message.content or "")


def test_a_streamed_tool_call_comes_in_pieces(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, tools=TOOLS).choices[0]
    name, arguments, pieces, finish = "", "", 0, None
    for chunk in client.chat.completions.create(model="gpt-4o-mini", messages=ASK, tools=TOOLS, stream=True):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                name += call.function.name or ""
                arguments += call.function.arguments or ""
                pieces += 1
    expected: Any = (whole.message.tool_calls or [])[0]
    assert (name, arguments, finish) == (expected.function.name, expected.function.arguments, "tool_calls")
    assert pieces > 2


def test_json_mode_answers_json(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Recommend a mystery book, as JSON"}]
    kind: Any = {"type": "json_object"}
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=messages, response_format=kind)
    assert {"title", "author", "year"} <= json.loads(answer.choices[0].message.content or "").keys()


def test_a_json_schema_is_kept_to(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {
            "book": {"$ref": "#/$defs/Book"},
            "mood": {"enum": ["calm", "tense"]},
            "pages": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "new": {"type": "boolean"},
        },
        "$defs": {"Book": {"type": "object", "properties": {"title": {"type": "string"}, "year": {"type": "integer"}}}},
    }
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "Advice", "schema": schema, "strict": True}}
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, response_format=wanted)
    advice = json.loads(answer.choices[0].message.content or "")
    assert isinstance(advice["book"]["title"], str)
    assert isinstance(advice["book"]["year"], int)
    assert advice["mood"] == "calm"
    assert isinstance(advice["pages"], int)
    assert isinstance(advice["tags"][0], str)
    assert advice["new"] is True


def test_a_long_prompt_is_cached_the_second_time(client: OpenAI) -> None:
    rules: Any = [{"role": "system", "content": "Be kind to every reader who comes in. " * 300}]
    details = []
    for question in ("A classic, please", "Something else, please"):
        messages = [*rules, {"role": "user", "content": question}]
        usage = client.chat.completions.create(model="gpt-4o", messages=messages).usage
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        details.append((usage.prompt_tokens_details.cached_tokens or 0, usage.prompt_tokens))
    (first, _), (second, size) = details
    assert first == 0
    assert 1024 <= second <= size
    assert second % 128 == 0


def test_a_reasoning_model_counts_its_reasoning_among_the_completion(client: OpenAI) -> None:
    usage = client.chat.completions.create(model="o4-mini", messages=ASK).usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    reasoning = usage.completion_tokens_details.reasoning_tokens or 0
    assert 0 < reasoning < usage.completion_tokens


def test_the_length_limit_and_stop_sequences_end_an_answer(client: OpenAI) -> None:
    short = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, max_tokens=3)
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 3
    stopped = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stop=["”"])
    assert "”" not in (stopped.choices[0].message.content or "")


def test_embeddings_of_texts_that_share_words_are_closer(client: OpenAI) -> None:
    texts = ["a wizard and a dragon", "a dragon and a wizard", "the law of taxes"]
    made = client.embeddings.create(model="text-embedding-3-small", input=texts, dimensions=256)
    same, swapped, other = (item.embedding for item in made.data)
    assert len(same) == 256
    assert sum(a * b for a, b in zip(same, swapped, strict=True)) > sum(a * b for a, b in zip(same, other, strict=True))
    assert made.usage.prompt_tokens > 0
    assert len(client.embeddings.create(model="text-embedding-3-large", input="one text").data[0].embedding) == 3072


def test_the_models_are_listed(client: OpenAI) -> None:
    assert {"gpt-4o-mini", "o4-mini", "text-embedding-3-small"} <= {model.id for model in client.models.list()}


def test_an_unknown_model_is_refused_as_the_host_does(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=ASK)
    assert caught.value.code == "model_not_found"
    assert caught.value.type == "invalid_request_error"
    assert "`no-such-model` does not exist" in str(caught.value)


def test_the_busy_model_sends_away_once_and_then_answers(server: ModelServer) -> None:
    with (
        OpenAI(api_key="sk-local", base_url=server.url, max_retries=0) as impatient,
        pytest.raises(openai.RateLimitError),
    ):
        impatient.chat.completions.create(model="busy-at-first", messages=ASK, seed=1)
    with OpenAI(api_key="sk-local", base_url=server.url, max_retries=1) as patient:
        answer = patient.chat.completions.create(model="busy-at-first", messages=ASK, seed=2)
    assert answer.choices[0].finish_reason == "stop"


def test_the_broken_and_the_forbidding_model_answer_with_the_hosts_errors(client: OpenAI) -> None:
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="broken", messages=ASK)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="forbidden", messages=ASK)
    assert caught.value.code == "content_policy_violation"


def test_the_filtered_model_stops_at_the_content_filter(client: OpenAI) -> None:
    assert client.chat.completions.create(model="filtered", messages=ASK).choices[0].finish_reason == "content_filter"


def test_a_cut_stream_ends_cleanly_without_finish_reason(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="cut", messages=ASK, stream=True))
    assert chunks
    assert all(choice.finish_reason is None for chunk in chunks for choice in chunk.choices)


def test_a_reset_stream_breaks_after_its_first_chunks(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="reset", messages=ASK, stream=True)
    assert next(stream).choices
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError, openai.APIConnectionError)):
        list(stream)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"model": "gpt-4o-mini"}, "missing_required_parameter", "Missing required parameter: 'messages'."),
        ({"messages": ASK}, None, "you must provide a model parameter"),
        ({"model": "gpt-4o-mini", "messages": []}, "empty_array", "Invalid 'messages': empty array."),
        ({"model": "gpt-4o-mini", "messages": "hello"}, "invalid_type", "but got a string instead"),
        ({"model": "gpt-4o-mini", "messages": [{"content": "x"}]}, "missing_required_parameter", "messages[0].role"),
        ({"model": "gpt-4o-mini", "messages": [{"role": "boss", "content": "x"}]}, "invalid_value", "'boss'"),
        ({"model": "gpt-4o-mini", "messages": ASK, "temperature": 3}, "decimal_above_max_value", "<= 2, but got 3"),
        ({"model": "gpt-4o-mini", "messages": ASK, "top_p": -1}, "decimal_below_min_value", ">= 0, but got -1"),
        ({"model": "gpt-4o-mini", "messages": ASK, "temprature": 1}, None, "Unrecognized request argument supplied"),
        (
            {"model": "gpt-4o-mini", "messages": ASK, "stream_options": {}},
            None,
            "only allowed when 'stream' is enabled",
        ),
        (
            {"model": "gpt-4o-mini", "messages": ASK, "response_format": {"type": "json_object"}},
            None,
            "the word 'json'",
        ),
        ({"model": "gpt-4o-mini", "messages": ASK, "response_format": {"type": "xml"}}, "invalid_value", "'xml'"),
        ({"model": "o4-mini", "messages": ASK, "max_tokens": 5}, "unsupported_parameter", "max_completion_tokens"),
        ({"model": "o4-mini", "messages": ASK, "temperature": 0.2}, "unsupported_value", "Only the default (1)"),
        ({"model": "gpt-4o-mini", "messages": [{"role": "tool", "content": "x"}]}, None, "preceeding message"),
    ],
)
def test_what_the_host_refuses_is_refused(server: ModelServer, body: Any, code: str | None, words: str) -> None:
    answer = post(server, body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert words in error["message"]


def test_a_tool_call_without_its_result_is_refused(client: OpenAI) -> None:
    asked: Any = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, tools=TOOLS).choices[0].message
    with pytest.raises(openai.BadRequestError, match="did not have response messages"):
        client.chat.completions.create(model="gpt-4o-mini", messages=[*ASK, asked])


def test_a_chat_model_makes_no_embeddings_and_the_other_way_round(server: ModelServer) -> None:
    assert post(server, {"model": "gpt-4o-mini", "input": "x"}, "/embeddings").status_code == 403
    assert post(server, {"model": "text-embedding-3-small", "messages": ASK}).status_code == 404
    assert post(server, {"model": "text-embedding-3-small", "input": ""}, "/embeddings").status_code == 400


@pytest.mark.parametrize(("key", "words"), [(None, "You didn't provide an API key"), ("mine", "Incorrect API key")])
def test_a_missing_or_wrong_key_is_a_401(server: ModelServer, key: str | None, words: str) -> None:
    answer = post(server, {"model": "gpt-4o-mini", "messages": ASK}, key=key)
    assert answer.status_code == 401
    assert words in answer.json()["error"]["message"]


def test_what_is_no_json_and_an_unknown_address_are_refused(server: ModelServer) -> None:
    headers = {"Authorization": "Bearer sk-local"}
    assert httpx2.post(server.url + "/chat/completions", content=b"{", headers=headers).status_code == 400
    assert post(server, {}, "/moderations").status_code == 404


def test_every_model_that_is_no_fault_answers(client: OpenAI) -> None:
    chat = [name for name, model in MODELS.items() if model.dimensions is None and model.fault is None]
    assert len(chat) == 8
    for name in chat:
        assert client.chat.completions.create(model=name, messages=ASK).choices[0].message.content


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Summarise what readers say:\n- Slow at first.\n- Then it would not let me go.", "Slow at first."),
        ("Translate into German, and say nothing else:\nReaders agree on their reviews.", "Die Leser"),
        ("Which should one read first? Compare them.\n1. Readers agree.", "begin with the first"),
        ("Something about reviews of science fiction", "a book of science fiction"),
    ],
)
def test_the_first_line_of_a_prompt_says_what_is_wanted(client: OpenAI, prompt: str, words: str) -> None:
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])
    assert words in (answer.choices[0].message.content or "")

"""Whatever a host answers, or a person sends, nothing of ours raises: the caller gets what could be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from llmtrace.jsontext import as_json
from llmtrace.providers import anthropic_messages, bedrock_converse, cohere_chat, google_generate, openai_responses
from llmtrace.providers.base import Answer, ChatProtocol, EmbeddingProtocol, Request, Schema
from llmtrace.providers.cohere_embeddings import CohereEmbeddings
from llmtrace.providers.google_embeddings import EmbedContent
from llmtrace.providers.hosts import OPENAI
from llmtrace.providers.openai_chat import ChatCompletions
from llmtrace.providers.openai_embeddings import OpenAIEmbeddings
from llmtrace.types import Message, Part, ToolCall
from tests.providers.anything import like
from tests.servers.anthropic import Messages
from tests.servers.bedrock import Converse
from tests.servers.chat import Chat, Dialect
from tests.servers.cohere import ChatV2
from tests.servers.responses import Responses
from tests.servers.wire import Called, Said, Wire

tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")

SAID: Final = Said("Read Dune.", (Called("call_1", "look", {"at": 1}),), "tools")
EXAMPLES: Final = 60


def events(wire: Wire) -> list[Any]:
    """The events of a stream, as the SDK gives them."""
    if isinstance(wire, Converse):
        return [{"ResponseMetadata": {"RequestId": wire.id}}, *({kind: body} for kind, body in wire._events(SAID))]
    lines = b"".join(wire.events(SAID)).decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


CHAT: Final = Chat(Dialect(thinks=True), "gpt")
GEMINI: Final = {
    "candidates": [
        {
            "index": 0,
            "finish_reason": "STOP",
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Hm", "thought": True},
                    {"text": "Read Dune."},
                    {"function_call": {"id": "c1", "name": "look", "args": {"at": 1}}, "thought_signature": "c2ln"},
                ],
            },
        }
    ],
    "usage_metadata": {
        "prompt_token_count": 21,
        "cached_content_token_count": 4,
        "tool_use_prompt_token_count": 1,
        "candidates_token_count": 5,
        "thoughts_token_count": 2,
    },
    "model_version": "gemini-2.5-flash",
    "response_id": "r1",
}
FORMS: Final[dict[str, tuple[ChatProtocol, Any, list[Any]]]] = {
    "chat": (ChatCompletions(OPENAI), CHAT.body(SAID), events(CHAT)),
    "responses": (openai_responses.Responses(), Responses().body(SAID), events(Responses())),
    "anthropic": (anthropic_messages.Messages(), Messages().body(SAID), events(Messages())),
    "google": (google_generate.GenerateContent(), GEMINI, [GEMINI]),
    "bedrock": (bedrock_converse.Converse(), Converse().body(SAID), events(Converse())),
    "cohere": (cohere_chat.CohereChat(), ChatV2().body(SAID), events(ChatV2())),
}
every: Final = pytest.mark.parametrize("form", FORMS)


def check(protocol: ChatProtocol, answer: Answer) -> None:
    """What is read is of the types that it says it is."""
    assert answer.id is None or isinstance(answer.id, str)
    assert answer.model is None or isinstance(answer.model, str)
    assert all(isinstance(reason, str) for reason in answer.finish_reasons)
    for choice in answer.choices:
        assert choice.text is None or isinstance(choice.text, str)
        assert choice.reasoning is None or isinstance(choice.reasoning, str)
        for call in choice.tool_calls:
            assert isinstance(call.name, str)
            assert isinstance(call.arguments, dict)
            assert call.id is None or isinstance(call.id, str)
    usage = answer.usage
    if usage is not None:
        counts = (
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens,
            usage.reasoning_tokens,
        )
        assert all(count is None or type(count) is int for count in counts)
    assert as_json(protocol.output(answer))
    tracer.start_span("call", attributes=answer.attributes).end()


def drawn(strategy: st.SearchStrategy[Any], test: Callable[[Any], None]) -> None:
    """Run a test on many values."""
    given(strategy)(settings(deadline=None, max_examples=EXAMPLES)(test))()


@every
def test_any_answer_can_be_read(form: str) -> None:
    protocol, body, _ = FORMS[form]
    check(protocol, protocol.answer(body))

    def read(body: Any) -> None:
        check(protocol, protocol.answer(body))

    drawn(like(body), read)


@every
def test_any_stream_can_be_put_together(form: str) -> None:
    protocol, _, events = FORMS[form]

    def read(events: list[Any]) -> None:
        reader = protocol.reader()
        for event in filter(lambda event: isinstance(event, dict), events):
            chunk = reader.feed(event)
            assert chunk is None or isinstance(chunk.text, str)
        assert reader.finished in (True, False)
        check(protocol, reader.answer())

    read(events)
    drawn(st.lists(st.one_of([like(event) for event in events]), max_size=6), read)


CONVERSATION: Final = (
    Message.system("You are a librarian"),
    Message.user(["Hello", Part.image(b"\x89PNG", "image/png"), Part.document(b"%PDF", "application/pdf")]),
    Message.assistant("Hm", [ToolCall("c1", "look", {"at": 1})]),
    Message.tool("found", "c1", "look"),
)
FIXED: Final = {"google": ("model", "contents"), "bedrock": ("modelId",)}
"""What ``extra`` does not reach, or boto3 has to have."""
TOOL: Final = {"name": "look", "description": "looks", "parameters": {"type": "object", "properties": {}}}


@every
def test_any_request_can_be_told(form: str) -> None:
    protocol, _, _ = FORMS[form]
    shape = Schema("Book", {"type": "object", "properties": {}})
    params = {"temperature": 0.5, "max_tokens": 9, **({} if form == "responses" else {"stop": ["END"]})}
    body = protocol.body(Request("model", CONVERSATION, params, (TOOL,), schema=shape))

    def tell(body: dict[str, Any]) -> None:
        attributes = protocol.request_attributes(body)
        assert all(
            isinstance(value, (str, bool, int, float)) or all(isinstance(item, str) for item in value)
            for value in attributes.values()
        )
        assert as_json(protocol.input(body))

    tell(body)
    extra = {key: like(value) for key, value in body.items() if key not in FIXED.get(form, ())}
    if form == "google":
        extra = {"config": st.fixed_dictionaries({}, optional={k: like(v) for k, v in body["config"].items()})}
    drawn(st.fixed_dictionaries({}, optional=extra).map(lambda given: {**body, **given}), tell)


VECTORS: Final[dict[str, tuple[EmbeddingProtocol, Any]]] = {
    "openai": (
        OpenAIEmbeddings(),
        {"model": "m", "data": [{"embedding": "AACAPw=="}, {"embedding": [0.5]}], "usage": {"prompt_tokens": 3}},
    ),
    "cohere": (
        CohereEmbeddings(),
        {"id": "1", "embeddings": {"float_": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 3.0}}},
    ),
    "google": (EmbedContent(), {"embeddings": [{"values": [0.5], "statistics": {"token_count": 3.0}}]}),
}


@pytest.mark.parametrize("form", VECTORS)
def test_any_answer_of_embeddings_can_be_read(form: str) -> None:
    protocol, body = VECTORS[form]
    read = protocol.answer(body)
    assert (read.vectors[-1], read.usage and read.usage.input_tokens) == ([0.5], 3)

    def check(body: Any) -> None:
        read = protocol.answer(body)
        assert all(isinstance(vector, list) for vector in read.vectors)
        assert read.model is None or isinstance(read.model, str)
        assert read.usage is None or read.usage.input_tokens is None or type(read.usage.input_tokens) is int

    drawn(like(body), check)

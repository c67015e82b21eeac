"""Texts become vectors: what is sent, what comes back, what it took, and that no vector is ever stored."""

from __future__ import annotations

import base64
import json
import struct
from decimal import Decimal
from typing import Any, Final

import openai
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from llmtrace import LLM
from llmtrace.exceptions import ConfigurationError
from llmtrace.store.records import record
from llmtrace.testing import CapturedSpans, captured_spans
from llmtrace.types import Usage
from tests.scripted import providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, refusal, unavailable

VECTORS: Final = [[0.5, -0.25, 1.0], [0.0, 2.0, -4.0]]
TEXTS: Final = ["The Hobbit", "Dune"]


def made(vectors: Any = None, *, numbers: bool = False, **fields: Any) -> Any:
    """An answer with vectors, in base64 unless as numbers."""
    given = VECTORS if vectors is None else vectors
    data = [
        {"object": "embedding", "index": index, "embedding": each if numbers else packed(each)}
        for index, each in enumerate(given)
    ]
    usage = {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000}
    return answer({"object": "list", "model": "text-embedding-3-small", "data": data, "usage": usage, **fields})


def packed(vector: list[float]) -> str:
    """A vector as OpenAI sends it."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


@pytest.mark.parametrize("wants_async", [False, True])
async def test_vectors_come_in_the_order_of_the_texts(
    server: ScriptedServer, spans: CapturedSpans, wants_async: bool
) -> None:
    server.answers(made())
    llm = LLM("text-embedding-3-small")
    found = await llm.aembed(TEXTS, dimensions=3) if wants_async else llm.embed(TEXTS, dimensions=3)
    assert found.vectors == VECTORS
    assert (found.usage, found.cost, found.model) == (Usage(1_000_000), Decimal("0.02"), "text-embedding-3-small")
    (request,) = server.requests
    assert (request.path, request.json) == (
        "/v1/embeddings",
        {"model": "text-embedding-3-small", "input": TEXTS, "dimensions": 3, "encoding_format": "base64"},
    )
    (span,) = spans
    assert (span.name, span.kind, span.status.status_code) == (
        "embeddings text-embedding-3-small",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.context is not None
    assert (found.span_id, found.trace_id) == (f"{span.context.span_id:016x}", f"{span.context.trace_id:032x}")
    assert {**span.attributes, "gen_ai.input.messages": None} == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "text-embedding-3-small",
        "gen_ai.response.model": "text-embedding-3-small",
        "gen_ai.request.encoding_formats": ("base64",),
        "gen_ai.embeddings.dimension.count": 3,
        "gen_ai.usage.input_tokens": 1_000_000,
        "llmtrace.cost": 0.02,
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "gen_ai.input.messages": None,
    }
    assert [each["parts"] for each in span.attributes["gen_ai.input.messages"]] == [
        [{"type": "text", "content": text}] for text in TEXTS
    ]


def test_no_vector_is_stored(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(made([[0.123456, 0.654321]]), made([[0.123456, 0.654321]], numbers=True))
    LLM("text-embedding-3-small").embed("a text")
    found = LLM("text-embedding-3-small").embed("a text", extra={"encoding_format": "float"})
    assert found.vectors == [[0.123456, 0.654321]]
    stored = [record(span) for span in spans]
    assert len(stored) == 2
    told = " ".join(str(value) for row in stored for value in (row.attributes, row.content, row.events))
    assert "a text" in told
    assert not [each for each in ("0.1234", "0.6543", packed([0.123456, 0.654321])) if each in told]
    assert (stored[1].operation, stored[1].input_tokens, stored[1].output_tokens) == ("embeddings", 1_000_000, None)


def test_what_the_host_refuses_is_raised_as_the_sdk_raises_it(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(refusal(400, "Too long."))
    with pytest.raises(openai.BadRequestError, match=r"Too long\."):
        LLM("text-embedding-3-small").embed("a text")
    (span,) = spans
    assert span.attributes["error.type"] == "openai.BadRequestError"
    assert span.attributes["http.response.status_code"] == 400
    assert span.status.status_code is StatusCode.ERROR
    assert "gen_ai.usage.input_tokens" not in span.attributes


def test_retries_are_told_and_without_content_no_text_is(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(unavailable(), made())
    LLM("text-embedding-3-small").embed("a text", max_retries=1, capture_content=False)
    (span,) = spans
    assert [event.name for event in span.events] == ["llmtrace.retry"]
    assert "gen_ai.input.messages" not in span.attributes


def test_what_the_answer_does_not_name_is_absent(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(made(model=None, usage=None))
    found = LLM("text-embedding-3-small").embed(TEXTS)
    assert (found.vectors, found.usage, found.cost, found.model) == (VECTORS, Usage(), None, None)
    names = ("gen_ai.response.model", "gen_ai.usage.input_tokens", "llmtrace.cost")
    assert not [name for name in names if name in spans[0].attributes]


def test_mistakes(server: ScriptedServer, spans: CapturedSpans) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'dimension'"):
        LLM("text-embedding-3-small").embed("a text", dimension=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="No model"):
        LLM().embed("a text")
    claude = {"BACKEND": "llmtrace.providers.Anthropic", "OPTIONS": {"api_key": "k"}}
    with captured_spans(PROVIDERS={**providers(server), "claude": claude}) as none:
        with pytest.raises(ConfigurationError, match=r'\["claude"\] embeds nothing'):
            LLM("claude", provider="claude").embed("a text")
        assert len(none) == 0
    assert json.dumps([request.json for request in server.requests]) == "[]"


def test_the_fake_gives_the_same_vector_for_the_same_text() -> None:
    with captured_spans(PROVIDERS={"default": {"BACKEND": "llmtrace.providers.Fake"}}) as spans:
        first = LLM().embed(["one", "two words"], dimensions=4)
        second = LLM().embed("one", dimensions=4)
        assert first.vectors[0] == second.vectors[0] != first.vectors[1]
        assert [len(vector) for vector in first.vectors] == [4, 4]
        assert first.usage == Usage(3)
        assert len(spans) == 2

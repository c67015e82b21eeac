"""Sync, async, stream and async stream, with each way to write a prompt: what goes out, and the whole span."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from llmtrace import Message, llm_call, prompt_template
from llmtrace.calls.params import CallParams
from llmtrace.calls.reply import Reply
from llmtrace.testing import CapturedSpans
from tests.servers.http import ScriptedServer
from tests.servers.openai import TEXT, answer, stream

TEMPLATE: Final = "SYSTEM: You are a librarian\nUSER: Recommend a {genre} book"
SYSTEM: Final = {"role": "system", "content": "You are a librarian"}
USER: Final = {"role": "user", "content": "Recommend a fantasy book"}
STYLES: Final = ("shorthand", "messages", "template", "params")

Decorate = Callable[[Any], Any]
Run = Callable[[str], Awaitable[Reply[Any]]]


def sync_functions(decorate: Decorate) -> dict[str, Any]:
    """The same prompt in all styles."""

    @decorate
    def shorthand(genre: str) -> str:
        return f"Recommend a {genre} book"

    @decorate
    def messages(genre: str) -> list[Message]:
        return [Message.system("You are a librarian"), Message.user(f"Recommend a {genre} book")]

    @decorate
    @prompt_template(TEMPLATE)
    def template(genre: str) -> None: ...

    @decorate
    def params(genre: str) -> list[Any]:
        return [
            Message(role="system", content="You are a librarian"),
            {"role": "user", "content": f"Recommend a {genre} book"},
        ]

    return {"shorthand": shorthand, "messages": messages, "template": template, "params": params}


def async_functions(decorate: Decorate) -> dict[str, Any]:
    """The same as coroutine functions."""

    @decorate
    async def shorthand(genre: str) -> str:
        return f"Recommend a {genre} book"

    @decorate
    async def messages(genre: str) -> list[Message]:
        return [Message.system("You are a librarian"), Message.user(f"Recommend a {genre} book")]

    @decorate
    @prompt_template(TEMPLATE)
    async def template(genre: str) -> None: ...

    @decorate
    async def params(genre: str) -> list[Any]:
        return [
            Message(role="system", content="You are a librarian"),
            {"role": "user", "content": f"Recommend a {genre} book"},
        ]

    return {"shorthand": shorthand, "messages": messages, "template": template, "params": params}


PARAMS: Final[CallParams] = {
    "temperature": 0.2,
    "top_p": 0.9,
    "max_tokens": 64,
    "stop": ["END", "STOP"],
    "seed": 7,
    "extra": {"frequency_penalty": 0.5, "logprobs": True},
}


async def run_sync(style: str) -> Reply[Any]:
    reply: Reply[Any] = sync_functions(llm_call("gpt-4o-mini", **PARAMS))[style]("fantasy")
    return reply


async def run_async(style: str) -> Reply[Any]:
    reply: Reply[Any] = await async_functions(llm_call("gpt-4o-mini", **PARAMS))[style]("fantasy")
    return reply


async def run_stream(style: str) -> Reply[Any]:
    opened = sync_functions(llm_call("gpt-4o-mini", stream=True, **PARAMS))[style]("fantasy")
    assert "".join(chunk.text for chunk in opened) == TEXT
    reply: Reply[Any] = opened.reply
    return reply


async def run_async_stream(style: str) -> Reply[Any]:
    opened = async_functions(llm_call("gpt-4o-mini", stream=True, **PARAMS))[style]("fantasy")
    assert "".join([chunk.text async for chunk in opened]) == TEXT
    reply: Reply[Any] = opened.reply
    return reply


SENT: Final = {
    "model": "gpt-4o-mini",
    "temperature": 0.2,
    "top_p": 0.9,
    "max_completion_tokens": 64,
    "stop": ["END", "STOP"],
    "seed": 7,
    "frequency_penalty": 0.5,
    "logprobs": True,
}
RECORDED: Final = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.top_p": 0.9,
    "gen_ai.request.max_tokens": 64,
    "gen_ai.request.stop_sequences": ("END", "STOP"),
    "gen_ai.request.seed": 7,
    "gen_ai.request.frequency_penalty": 0.5,
    "llmtrace.request.logprobs": True,
    "openai.api.type": "chat_completions",
    "server.address": "127.0.0.1",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 21,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.reasoning.output_tokens": 2,
    "llmtrace.cost": 7.05e-06,
    "openai.response.service_tier": "default",
    "openai.response.system_fingerprint": "fp_06737a9306",
    "gen_ai.prompt.variable.genre": "fantasy",
    "gen_ai.output.messages": [
        {"role": "assistant", "parts": [{"type": "text", "content": TEXT}], "finish_reason": "stop"}
    ],
}


def sent_by(style: str, streamed: bool) -> dict[str, Any]:
    """The body that the server is to get."""
    messages = [USER] if style == "shorthand" else [SYSTEM, USER]
    more = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
    return {**SENT, "messages": messages, **more}


def recorded_of(style: str, streamed: bool, port: int) -> dict[str, Any]:
    """All attributes that the span is to have."""
    said = [USER] if style == "shorthand" else [SYSTEM, USER]
    expected = {
        **RECORDED,
        "server.port": port,
        "gen_ai.prompt.name": style,
        "gen_ai.response.id": "chatcmpl-S1" if streamed else "chatcmpl-B1",
        "gen_ai.input.messages": [
            {"role": each["role"], "parts": [{"type": "text", "content": each["content"]}]} for each in said
        ],
    }
    if style == "template":
        expected |= {"llmtrace.prompt.template": TEMPLATE, "gen_ai.prompt.version": "e40d983561d3"}
    if streamed:
        expected |= {"gen_ai.request.stream": True, "llmtrace.stream.outcome": "completed"}
    return expected


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "run",
    [
        pytest.param(run_sync, id="sync"),
        pytest.param(run_async, id="async"),
        pytest.param(run_stream, id="stream"),
        pytest.param(run_async_stream, id="async-stream"),
    ],
)
async def test_each_way_to_call_with_each_way_to_write_a_prompt(
    run: Run, style: str, server: ScriptedServer, spans: CapturedSpans
) -> None:
    streamed = run in (run_stream, run_async_stream)
    server.answers(stream() if streamed else answer())

    reply = await run(style)

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.json == sent_by(style, streamed)

    (span,) = spans
    attributes = dict(span.attributes)
    if streamed:
        first = attributes.pop("gen_ai.response.time_to_first_chunk")
        assert 0 < first <= ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    assert attributes == recorded_of(style, streamed, server.port)
    assert (span.name, span.kind, span.status.status_code) == (style, SpanKind.CLIENT, StatusCode.UNSET)
    assert (span.status.description, span.parent, tuple(span.events), tuple(span.links)) == (None, None, (), ())
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "llmtrace"

    assert (str(reply), reply.model, reply.finish_reasons) == (TEXT, "gpt-4o-mini-2024-07-18", ("stop",))
    assert (reply.usage.input_tokens, reply.usage.cached_tokens, reply.usage.reasoning_tokens) == (21, 4, 2)
    assert reply.cost == Decimal("0.00000705")
    assert span.context is not None
    assert reply.span_id == f"{span.context.span_id:016x}"
    assert reply.trace_id == f"{span.context.trace_id:032x}"

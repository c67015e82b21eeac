"""What the providers of the benchmarks answer: a whole message and a stream of the same length, from memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CHUNKS = 200
PROMPT = "Recommend a fantasy book to someone who liked The Name of the Wind. " * 10
ANSWER = "Readers love the prose and the music of this book; a third wish that more happened. " * 12
WORDS = [f"word{i} " for i in range(CHUNKS)]


@dataclass(frozen=True)
class Provider:
    """One provider, and its answers: a body, and the events of a stream."""

    backend: str
    model: str
    whole: Mapping[str, Any]
    events: Iterable[Mapping[str, Any]]
    base_url: str = "http://model.local/v1"
    options: Mapping[str, Any] = field(default_factory=dict)


def _chat() -> Provider:
    head = {"id": "chatcmpl-9x", "model": "gpt-4o-mini-2024-07-18", "created": 1763800000, "service_tier": "default"}
    usage = {
        "prompt_tokens": 312,
        "completion_tokens": 248,
        "total_tokens": 560,
        "prompt_tokens_details": {"cached_tokens": 128, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    whole = {**head, "object": "chat.completion", "system_fingerprint": "fp_1", "usage": usage, "choices": [choice]}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "object": "chat.completion.chunk", "system_fingerprint": "fp_1", "choices": [choice]}

    last = {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}
    events = [*(chunk({"content": word}) for word in WORDS), chunk({}, "stop"), last]
    return Provider("llmtrace.providers.OpenAI", "gpt-4o-mini", whole, events)


def _responses() -> Provider:
    usage = {
        "input_tokens": 312,
        "input_tokens_details": {"cached_tokens": 128},
        "output_tokens": 248,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 560,
    }
    text = {"type": "output_text", "text": ANSWER, "annotations": [], "logprobs": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1763800000,
        "status": "completed",
        "model": "gpt-4o-mini-2024-07-18",
        "output": [message],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 0.2,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "service_tier": "default",
        "usage": usage,
    }
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    deltas = [
        {"type": "response.output_text.delta", "sequence_number": n, "delta": word, **place}
        for n, word in enumerate(WORDS)
    ]
    end = {"type": "response.completed", "sequence_number": CHUNKS, "response": whole}
    options = {"api": "responses"}
    return Provider("llmtrace.providers.OpenAI", "gpt-4o-mini", whole, [*deltas, end], options=options)


def _anthropic() -> Provider:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929"}
    usage = {
        "input_tokens": 184,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 128,
        "output_tokens": 248,
        "service_tier": "standard",
    }
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    whole = {**head, "content": [{"type": "text", "text": ANSWER}], "usage": usage, **end}
    began: dict[str, Any] = {
        **head,
        "content": [],
        "usage": {**usage, "output_tokens": 1},
        "stop_reason": None,
        "stop_sequence": None,
    }
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": began},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in WORDS),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 248}},
        {"type": "message_stop"},
    ]
    return Provider("llmtrace.providers.Anthropic", "claude-sonnet-4-5", whole, events, "http://model.local")


PROVIDERS = {"OpenAI chat": _chat(), "OpenAI Responses": _responses(), "Anthropic": _anthropic()}


def sse(events: Iterable[Mapping[str, Any]]) -> bytes:
    """The events as a server sends them."""
    named = (f"event: {event['type']}\n" if "type" in event else "" for event in events)
    data = (f"data: {json.dumps(event)}\n\n" for event in events)
    return "".join(f"{name}{text}" for name, text in zip(named, data, strict=True)).encode() + b"data: [DONE]\n\n"


def http_client(name: str) -> Any:
    """An HTTP client whose transport answers from memory."""
    import httpx2 as httpx

    provider = PROVIDERS[name]
    whole, streamed = json.dumps(provider.whole).encode(), sse(provider.events)

    def answer(request: Any) -> Any:
        if b'"stream":true' in request.content.replace(b" ", b""):
            return httpx.Response(200, content=streamed, headers={"content-type": "text/event-stream"})
        return httpx.Response(200, content=whole, headers={"content-type": "application/json"})

    return httpx.Client(transport=httpx.MockTransport(answer))

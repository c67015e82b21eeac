"""A chat completion as the protocol writes it, whole and in chunks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from project.modelserver import answers, tokens
from project.modelserver.models import Model


@dataclass(frozen=True)
class Choice:
    """One answer: text or tool calls, and why it ended."""

    text: str | None
    calls: list[dict[str, Any]]
    finish: str
    size: int  # tokens

    def message(self) -> dict[str, Any]:
        """The answer as a message."""
        calls = {"tool_calls": self.calls} if self.calls else {}
        return {"role": "assistant", "content": self.text, **calls, "refusal": None, "annotations": []}

    def deltas(self) -> Iterator[dict[str, Any]]:
        """The answer in pieces, the role first."""
        yield {"role": "assistant", "content": None if self.calls else "", "refusal": None}
        for index, call in enumerate(self.calls):
            function = call["function"]
            yield {"tool_calls": [{**call, "index": index, "function": {"name": function["name"], "arguments": ""}}]}
            for piece in tokens.split(function["arguments"]):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
        for piece in tokens.split(self.text or ""):
            yield {"content": piece}


@dataclass(frozen=True)
class Completion:
    """All choices of one request, with what they cost."""

    model: Model
    body: Mapping[str, Any]
    choices: list[Choice]
    prompt: int
    cached: int
    reasoning: int
    created: int

    def _identity(self) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": self.created,
            "model": self.model.served,
            "service_tier": "default",
            "system_fingerprint": f"fp_{answers.number(self.model.served) % 16**10:010x}",
        }

    def usage(self) -> dict[str, Any]:
        """The tokens: cached ones are part of the prompt's, reasoning is part of the completion's."""
        completion = self.reasoning + sum(choice.size for choice in self.choices)
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": completion,
            "total_tokens": self.prompt + completion,
            "prompt_tokens_details": {"cached_tokens": self.cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def whole(self) -> dict[str, Any]:
        """The answer to a request without `stream`."""
        choices = [
            {"index": index, "message": choice.message(), "logprobs": None, "finish_reason": choice.finish}
            for index, choice in enumerate(self.choices)
        ]
        return {"object": "chat.completion", **self._identity(), "choices": choices, "usage": self.usage()}

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The answer to a request with `stream`; usage comes in a last chunk without choices, when it is asked for."""
        with_usage = bool((self.body.get("stream_options") or {}).get("include_usage"))
        base = {"object": "chat.completion.chunk", **self._identity()} | ({"usage": None} if with_usage else {})
        for index, choice in enumerate(self.choices):
            for delta in choice.deltas():
                yield {**base, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]}
            yield {**base, "choices": [{"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.finish}]}
        if with_usage:
            yield {**base, "choices": [], "usage": self.usage()}


def complete(body: Mapping[str, Any], model: Model, cache: tokens.PromptCache) -> Completion:
    """What the model answers to an accepted request."""
    prompt = tokens.prompt_tokens(body)
    choices = [_choice(body, model, index) for index in range(body.get("n") or 1)]
    reasoning = 64 * (1 + answers.number(answers.said(body, "user")) % 5) if model.reasons else 0
    cached = cache.cached(model.name, prompt)
    return Completion(model, body, choices, len(prompt), cached, reasoning, int(time.time()))


def _choice(body: Mapping[str, Any], model: Model, index: int) -> Choice:
    calls = answers.tool_calls(body, index)
    if calls:
        size = sum(len(tokens.split(call["function"]["name"] + call["function"]["arguments"])) for call in calls)
        return Choice(None, calls, "tool_calls", size)
    text, finish = answers.answer(body, index), "stop"
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0]
    pieces = tokens.split(text)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or len(pieces)
    if limit < len(pieces):
        pieces, finish = pieces[:limit], "length"
    if model.fault == "filtered":
        pieces, finish = pieces[: len(pieces) // 2], "content_filter"
    return Choice("".join(pieces), [], finish, len(pieces))

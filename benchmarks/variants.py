"""The same call four ways: the bare SDK, the SDK with a span by hand, llmtrace, and llmtrace with the SDK's object."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from benchmarks.answers import ANSWER, CHUNKS, PROMPT, PROVIDERS, WORDS
from benchmarks.discard import Discard
from llmtrace import llm_call

MESSAGES: Any = [{"role": "user", "content": PROMPT}]
WARMTH = {"temperature": 0.2}  # Anthropic's SDK has no parameter for it


class ByHand:
    """A span of 17 attributes around the SDK's call, as a careful person writes it, with the stock processor."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self.provider.add_span_processor(BatchSpanProcessor(Discard(), max_queue_size=1_000_000))
        self._tracer = self.provider.get_tracer("by hand")

    def around(self, model: str, call: Callable[[], tuple[Any, str, str, dict[str, int]]]) -> str:
        """The text of the answer."""
        with self._tracer.start_as_current_span(f"chat {model}", kind=SpanKind.CLIENT) as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.provider.name", "openai")
            span.set_attribute("gen_ai.request.model", model)
            span.set_attribute("gen_ai.request.temperature", 0.2)
            span.set_attribute("gen_ai.request.max_tokens", 500)
            span.set_attribute("server.address", "model.local")
            span.set_attribute("server.port", 80)
            parts = [{"type": "text", "content": PROMPT}]
            span.set_attribute("gen_ai.input.messages", json.dumps([{"role": "user", "parts": parts}]))
            answer, text, finish, usage = call()
            span.set_attribute("gen_ai.response.id", answer.id)
            span.set_attribute("gen_ai.response.model", answer.model)
            span.set_attribute("gen_ai.response.finish_reasons", [finish])
            span.set_attribute("gen_ai.usage.input_tokens", usage["input"])
            span.set_attribute("gen_ai.usage.output_tokens", usage["output"])
            span.set_attribute("gen_ai.usage.cache_read.input_tokens", usage["cached"])
            span.set_attribute("gen_ai.usage.reasoning.output_tokens", usage["reasoning"])
            span.set_attribute("openai.response.service_tier", "default")
            message = {"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": finish}
            span.set_attribute("gen_ai.output.messages", json.dumps([message]))
        return text


class Variants:
    """The ways to make one provider's call."""

    def __init__(self, name: str, client: Any, hand: ByHand) -> None:
        self._name = name
        self._hand = hand
        provider = PROVIDERS[name]
        self._model = model = provider.model
        options: dict[str, Any] = {"api_key": "k", "base_url": provider.base_url, "http_client": client}
        # Its own spans are switched off: the bare SDK is measured bare.
        self._sdk: Any = (
            anthropic.Anthropic(open_telemetry=False, **options) if name == "Anthropic" else openai.OpenAI(**options)
        )

        @llm_call(model, provider=name, temperature=0.2, max_tokens=500)
        def recommend(liked: str) -> str:
            return liked

        @llm_call(model, provider=name, temperature=0.2, max_tokens=500, stream=True)
        def recommend_streamed(liked: str) -> str:
            return liked

        self._recommend, self._recommend_streamed = recommend, recommend_streamed

    def whole(self) -> dict[str, Callable[[], str]]:
        """Calls that wait for the whole answer, and give its text."""
        return {
            "bare SDK": lambda: self._created()[1],
            "span by hand": lambda: self._hand.around(self._model, self._created),
            "llmtrace": lambda: self._recommend(PROMPT).text,
            "llmtrace, and the SDK's object": self._with_object,
        }

    def streamed(self) -> dict[str, Callable[[], str]]:
        """Calls that read a stream, and give its text."""
        return {
            "bare SDK": lambda: "".join(self._bare_stream()),
            "llmtrace": lambda: "".join(chunk.text for chunk in self._recommend_streamed(PROMPT)),
        }

    def check(self) -> None:
        """See that all ways give the same text, and that ours knows what it took."""
        assert {run() for run in self.whole().values()} == {ANSWER}
        assert {run() for run in self.streamed().values()} == {"".join(WORDS)}
        assert len(WORDS) == CHUNKS
        assert self._recommend(PROMPT).cost

    def _with_object(self) -> str:
        reply = self._recommend(PROMPT)
        assert reply.raw.id
        return reply.text

    def _created(self, **more: Any) -> tuple[Any, str, str, dict[str, int]]:
        if self._name == "Anthropic":
            answer = self._sdk.messages.create(
                model=self._model, messages=MESSAGES, max_tokens=500, extra_body=WARMTH, **more
            )
            usage = answer.usage
            cached = usage.cache_read_input_tokens
            counts = {"input": usage.input_tokens + cached, "output": usage.output_tokens, "cached": cached}
            return answer, answer.content[0].text, answer.stop_reason, {**counts, "reasoning": 0}
        if self._name == "OpenAI Responses":
            answer = self._sdk.responses.create(
                model=self._model, input=MESSAGES, max_output_tokens=500, temperature=0.2, **more
            )
            usage = answer.usage
            details = {
                "cached": usage.input_tokens_details.cached_tokens,
                "reasoning": usage.output_tokens_details.reasoning_tokens,
            }
            counts = {"input": usage.input_tokens, "output": usage.output_tokens, **details}
            return answer, answer.output_text, answer.status, counts
        answer = self._sdk.chat.completions.create(
            model=self._model, messages=MESSAGES, max_completion_tokens=500, temperature=0.2, **more
        )
        usage, choice = answer.usage, answer.choices[0]
        details = {
            "cached": usage.prompt_tokens_details.cached_tokens,
            "reasoning": usage.completion_tokens_details.reasoning_tokens,
        }
        counts = {"input": usage.prompt_tokens, "output": usage.completion_tokens, **details}
        return answer, choice.message.content, choice.finish_reason, counts

    def _bare_stream(self) -> list[str]:
        if self._name == "Anthropic":
            events = self._sdk.messages.create(
                model=self._model, messages=MESSAGES, max_tokens=500, extra_body=WARMTH, stream=True
            )
            return [event.delta.text for event in events if event.type == "content_block_delta"]
        if self._name == "OpenAI Responses":
            events = self._sdk.responses.create(
                model=self._model, input=MESSAGES, max_output_tokens=500, temperature=0.2, stream=True
            )
            return [event.delta for event in events if event.type == "response.output_text.delta"]
        chunks = self._sdk.chat.completions.create(
            model=self._model,
            messages=MESSAGES,
            max_completion_tokens=500,
            temperature=0.2,
            stream=True,
            stream_options={"include_usage": True},
        )
        return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]

"""Calls without a decorator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from llmtrace.calls.inference import Inference
from llmtrace.calls.params import CallParams, Messages, check
from llmtrace.calls.prompt import Prompt, messages_of
from llmtrace.calls.reply import Reply
from llmtrace.calls.stream import AsyncStream, Stream


class LLM:
    """A model to talk to.

    Args:
        model: the model of calls that name none; the provider's default if left out.
        provider: a name in ``LLMTRACE["PROVIDERS"]``.

    The methods raise what the provider's SDK raises, `ConfigurationError` for an unknown provider or a missing key,
    `PromptError` for messages that are none, and TypeError for a keyword that is none.
    """

    def __init__(self, model: str | None = None, *, provider: str = "default") -> None:
        self.model = model
        self.provider = provider

    def __repr__(self) -> str:
        return f"LLM({self.model!r}, provider={self.provider!r})"

    def chat(self, messages: Messages, *, model: str | None = None, **params: Unpack[CallParams]) -> Reply:
        """Send messages and wait for the answer."""
        return self._inference("LLM.chat()", messages, model, params, stream=False).run()

    async def achat(self, messages: Messages, *, model: str | None = None, **params: Unpack[CallParams]) -> Reply:
        """Send messages and await the answer."""
        return await self._inference("LLM.achat()", messages, model, params, stream=False).arun()

    def stream(self, messages: Messages, *, model: str | None = None, **params: Unpack[CallParams]) -> Stream:
        """Send messages; the answer comes in chunks."""
        return Stream(self._inference("LLM.stream()", messages, model, params, stream=True))

    def astream(self, messages: Messages, *, model: str | None = None, **params: Unpack[CallParams]) -> AsyncStream:
        """Send messages when the result is awaited or first iterated; the answer comes in chunks."""
        check(params, "LLM.astream()")

        async def prepare() -> Inference:
            return self._inference("LLM.astream()", messages, model, params, stream=True)

        return AsyncStream(prepare)

    def _inference(
        self, where: str, messages: Messages, model: str | None, params: Mapping[str, Any], *, stream: bool
    ) -> Inference:
        check(params, where)
        prompt = Prompt(messages_of(messages, where))
        return Inference(prompt, params, model or self.model, self.provider, None, stream)

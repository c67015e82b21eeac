"""Calls without a decorator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, Unpack, overload

from llmtrace.calls.embed import Embedding, Embeddings, EmbedParams
from llmtrace.calls.inference import Inference
from llmtrace.calls.making import amade, made, opened
from llmtrace.calls.messages import messages_of
from llmtrace.calls.params import CallParams, Messages
from llmtrace.calls.plan import Plan
from llmtrace.calls.prompt import Prompt
from llmtrace.calls.reply import Reply
from llmtrace.calls.stream import AsyncStream, Stream

T = TypeVar("T")


class LLM:
    """A model to talk to.

    Args:
        model: the model of calls that name none; the provider's default if left out.
        provider: a name in ``LLMTRACE["PROVIDERS"]``.

    The methods raise what the provider's SDK raises, `ConfigurationError` for an unknown provider or a missing key,
    `PromptError` for messages that are none, `OutputError` for an answer that is not of `response_model`, and TypeError
    for a keyword that is none.
    """

    def __init__(self, model: str | None = None, *, provider: str = "default") -> None:
        self.model = model
        self.provider = provider

    def __repr__(self) -> str:
        return f"LLM({self.model!r}, provider={self.provider!r})"

    @overload
    def chat(
        self, messages: Messages, *, model: str | None = None, response_model: None = None, **params: Unpack[CallParams]
    ) -> Reply: ...

    @overload
    def chat(
        self, messages: Messages, *, model: str | None = None, response_model: type[T], **params: Unpack[CallParams]
    ) -> Reply[T]: ...

    def chat(
        self, messages: Messages, *, model: str | None = None, response_model: Any = None, **params: Unpack[CallParams]
    ) -> Reply[Any]:
        """Send messages and wait for the answer."""
        plan = self._plan("LLM.chat()", model, params, response_model)
        return made(plan, _prompt(messages, plan), None)

    @overload
    async def achat(
        self, messages: Messages, *, model: str | None = None, response_model: None = None, **params: Unpack[CallParams]
    ) -> Reply: ...

    @overload
    async def achat(
        self, messages: Messages, *, model: str | None = None, response_model: type[T], **params: Unpack[CallParams]
    ) -> Reply[T]: ...

    async def achat(
        self, messages: Messages, *, model: str | None = None, response_model: Any = None, **params: Unpack[CallParams]
    ) -> Reply[Any]:
        """Send messages and await the answer."""
        plan = self._plan("LLM.achat()", model, params, response_model)
        return await amade(plan, _prompt(messages, plan), None)

    @overload
    def stream(
        self, messages: Messages, *, model: str | None = None, response_model: None = None, **params: Unpack[CallParams]
    ) -> Stream: ...

    @overload
    def stream(
        self, messages: Messages, *, model: str | None = None, response_model: type[T], **params: Unpack[CallParams]
    ) -> Stream[T]: ...

    def stream(
        self, messages: Messages, *, model: str | None = None, response_model: Any = None, **params: Unpack[CallParams]
    ) -> Stream[Any]:
        """Send messages; the answer comes in chunks."""
        plan = self._plan("LLM.stream()", model, params, response_model, stream=True)
        return Stream(opened(plan, _prompt(messages, plan), None))

    @overload
    def astream(
        self, messages: Messages, *, model: str | None = None, response_model: None = None, **params: Unpack[CallParams]
    ) -> AsyncStream: ...

    @overload
    def astream(
        self, messages: Messages, *, model: str | None = None, response_model: type[T], **params: Unpack[CallParams]
    ) -> AsyncStream[T]: ...

    def astream(
        self, messages: Messages, *, model: str | None = None, response_model: Any = None, **params: Unpack[CallParams]
    ) -> AsyncStream[Any]:
        """Send messages when the result is awaited or first iterated; the answer comes in chunks."""
        plan = self._plan("LLM.astream()", model, params, response_model, stream=True)
        prompt = _prompt(messages, plan)

        async def prepare() -> Inference:
            return opened(plan, prompt, None)

        return AsyncStream(prepare)

    def embed(
        self, texts: str | Sequence[str], *, model: str | None = None, **params: Unpack[EmbedParams]
    ) -> Embeddings:
        """Make vectors of texts, and wait for them."""
        return Embedding(texts, model or self.model, self.provider, params).run()

    async def aembed(
        self, texts: str | Sequence[str], *, model: str | None = None, **params: Unpack[EmbedParams]
    ) -> Embeddings:
        """Make vectors of texts, and await them."""
        return await Embedding(texts, model or self.model, self.provider, params).arun()

    def _plan(
        self,
        where: str,
        model: str | None,
        params: Mapping[str, Any],
        response_model: Any,
        *,
        stream: bool = False,
    ) -> Plan:
        return Plan(where, model or self.model, self.provider, params, response_model=response_model, stream=stream)


def _prompt(messages: Messages, plan: Plan) -> Prompt:
    return Prompt(messages_of(messages, plan.where))

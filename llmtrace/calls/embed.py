"""Embeddings: texts become vectors. The span has what they took; the vectors themselves are never stored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypedDict

from opentelemetry.trace import SpanKind

from llmtrace import semconv
from llmtrace.calls.accounting import account, asked, failure
from llmtrace.calls.plan import model_of
from llmtrace.exceptions import ConfigurationError
from llmtrace.providers.base import EmbeddingAnswer, EmbeddingRequest
from llmtrace.providers.registry import get_provider
from llmtrace.tracing.call_span import CallSpan
from llmtrace.types import Usage

OPERATION = "embeddings"


class EmbedParams(TypedDict, total=False):
    """What may be given with `embed`.

    dimensions: the length of the vectors, for models that let one choose.
    timeout: seconds for one attempt.
    max_retries: how often the provider's SDK tries again.
    capture_content: False leaves tokens and timing on the span, and no text.
    extra: whatever else the provider takes, sent as it is.
    """

    dimensions: int
    timeout: float
    max_retries: int
    capture_content: bool
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors in the order of the texts; `cost` is in USD."""

    vectors: list[list[float]]
    usage: Usage
    cost: Decimal | None
    model: str | None
    trace_id: str | None
    span_id: str | None


class Embedding:
    """A request for vectors that is ready to be sent."""

    def __init__(self, texts: str | Sequence[str], model: str | None, provider: str, params: Mapping[str, Any]) -> None:
        unknown = params.keys() - EmbedParams.__annotations__.keys()
        if unknown:
            raise TypeError(f"embed() got an unexpected keyword argument {min(unknown)!r}.")
        self.provider = get_provider(provider)
        if self.provider.embedding is None:
            raise ConfigurationError(f'LLMTRACE["PROVIDERS"]["{provider}"] embeds nothing.')
        self.capture: bool | None = params.get("capture_content")
        self.request = EmbeddingRequest(
            model_of(model, provider, self.provider),
            (texts,) if isinstance(texts, str) else tuple(texts),
            params.get("dimensions"),
            params.get("extra") or {},
            params.get("timeout"),
            params.get("max_retries"),
        )
        self.protocol = self.provider.embedding
        self.body = self.protocol.body(self.request)

    def begin(self) -> CallSpan:
        """Start the span."""
        host, port = self.provider.server()
        attributes: dict[str, Any] = {semconv.OPERATION: OPERATION, semconv.PROVIDER: self.provider.name}
        known = {semconv.SERVER_ADDRESS: host, semconv.SERVER_PORT: port}
        attributes.update((name, value) for name, value in known.items() if value is not None)
        attributes.update(asked(self.protocol, self.body) or {})
        span = CallSpan(f"{OPERATION} {self.request.model}", attributes, SpanKind.CLIENT, self.capture)
        if span.content is not None:
            span.content.add(self._input, sum(map(len, self.request.texts)))
        return span

    def _input(self) -> dict[str, Any]:
        parts = [{"type": "text", "content": text} for text in self.request.texts]
        return {semconv.INPUT_MESSAGES: [{"role": "user", "parts": [part]} for part in parts]}

    def finish(self, span: CallSpan, answer: EmbeddingAnswer) -> Embeddings:
        """End the span with what the vectors took."""
        end_time = time.time_ns()
        attributes, cost = account(self.provider, self.request.model, answer)
        if answer.vectors and answer.vectors[0]:
            attributes[semconv.EMBEDDINGS_DIMENSION_COUNT] = len(answer.vectors[0])
        span.end(attributes, end_time=end_time)
        return Embeddings(answer.vectors, answer.usage or Usage(), cost, answer.model, span.trace_id, span.span_id)

    def run(self) -> Embeddings:
        """Send and wait. The provider's exceptions pass unchanged."""
        span = self.begin()
        try:
            with span:
                answer = self.provider.embed(self.body, self.request)
        except BaseException as error:
            span.fail(error, failure(self.provider, error))
            raise
        return self.finish(span, answer)

    async def arun(self) -> Embeddings:
        """Send and await. The provider's exceptions pass unchanged."""
        span = self.begin()
        try:
            with span:
                answer = await self.provider.aembed(self.body, self.request)
        except BaseException as error:
            span.fail(error, failure(self.provider, error))
            raise
        return self.finish(span, answer)

"""What an answer says of itself, as span attributes: id, model, tokens, and the cost that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from llmtrace import semconv
from llmtrace.masking import get_logger
from llmtrace.mistakes import guarded, tell
from llmtrace.providers.base import Answer, ChatProtocol, EmbeddingAnswer, EmbeddingProtocol, Provider
from llmtrace.tracing import price

logger = get_logger("llmtrace.calls")

LONGEST_WORD: Final = 64

USAGE: Final = (
    ("input_tokens", semconv.USAGE_INPUT_TOKENS),
    ("output_tokens", semconv.USAGE_OUTPUT_TOKENS),
    ("cached_tokens", semconv.USAGE_CACHE_READ),
    ("cache_write_tokens", semconv.USAGE_CACHE_WRITE),
    ("reasoning_tokens", semconv.USAGE_REASONING),
)


def failure(provider: Provider, error: BaseException) -> dict[str, Any]:
    """Attributes of a call that raised: the HTTP status, where there was one that says so."""
    status = status_of(provider, error)
    return {} if status is None or status < 400 else {semconv.HTTP_STATUS: status}


@guarded("The HTTP status of a call that failed could not be read.")
def status_of(provider: Provider, error: BaseException) -> int | None:
    """The HTTP status that the SDK's exception tells of."""
    return provider.status_of(error)


def account(provider: Provider, asked: str, answer: Answer | EmbeddingAnswer) -> tuple[dict[str, Any], Decimal | None]:
    """Attributes of an answer, whole or so far, and its cost; `asked` is the model that was asked for."""
    attributes = dict(answer.attributes)
    if answer.id is not None:
        attributes[semconv.RESPONSE_ID] = answer.id
    if answer.model is not None:
        attributes[semconv.RESPONSE_MODEL] = answer.model
    usage = answer.usage
    if usage is None:
        return attributes, None
    for field, name in USAGE:
        value = getattr(usage, field)
        if value is not None:
            attributes[name] = value
    try:
        tier = answer.tier if isinstance(answer, Answer) else None
        cost = price.cost(provider.price_id, answer.model or asked, usage, tier)
    except Exception:
        tell(logger, "The cost of a call could not be computed.")
        return attributes, None
    if cost is not None:
        attributes[semconv.COST] = float(cost)
    return attributes, cost


@guarded("What a call asks for could not be put on its span.")
def asked(protocol: ChatProtocol | EmbeddingProtocol, body: Mapping[str, Any]) -> dict[str, Any]:
    """Span attributes of what is sent.

    Under a name of the provider's own, a text of several words may be what somebody said, which is no parameter.
    """
    attributes = protocol.request_attributes(body)
    speech = [name for name, value in attributes.items() if name.startswith(semconv.REQUEST_OTHER) and is_speech(value)]
    for name in speech:
        del attributes[name]
    return attributes


def is_speech(value: Any) -> bool:
    """Whether a value is a text that is more than a word."""
    return isinstance(value, str) and (len(value) > LONGEST_WORD or len(value.split()) > 1)

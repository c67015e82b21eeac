"""What an answer says of itself, as span attributes: id, model, tokens, and the cost that follows from them."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any, Final

from llmtrace import semconv
from llmtrace.providers.base import Answer, EmbeddingAnswer, Provider
from llmtrace.tracing import price

logger = logging.getLogger("llmtrace.calls")

USAGE: Final = (
    ("input_tokens", semconv.USAGE_INPUT_TOKENS),
    ("output_tokens", semconv.USAGE_OUTPUT_TOKENS),
    ("cached_tokens", semconv.USAGE_CACHE_READ),
    ("cache_write_tokens", semconv.USAGE_CACHE_WRITE),
    ("reasoning_tokens", semconv.USAGE_REASONING),
)


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
        logger.exception("The cost of a call could not be computed. This is a mistake of llmtrace.")
        return attributes, None
    if cost is not None:
        attributes[semconv.COST] = float(cost)
    return attributes, cost

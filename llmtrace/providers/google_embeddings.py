"""Google's embedContent protocol: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace import semconv
from llmtrace.providers.base import EmbeddingAnswer, EmbeddingProtocol, EmbeddingRequest
from llmtrace.providers.openai_embeddings import vector
from llmtrace.providers.reading import count, objects
from llmtrace.types import Usage


class EmbedContent(EmbeddingProtocol):
    """The protocol. Tokens are told by Vertex alone, for each text."""

    def body(self, request: EmbeddingRequest) -> dict[str, Any]:
        config = {**({"output_dimensionality": request.dimensions} if request.dimensions else {}), **request.extra}
        sent: dict[str, Any] = {"model": request.model, "contents": list(request.texts)}
        return {**sent, "config": config} if config else sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {semconv.REQUEST_MODEL: body["model"]}
        dimensions = (body.get("config") or {}).get("output_dimensionality")
        if dimensions is not None:
            attributes[semconv.EMBEDDINGS_DIMENSION_COUNT] = dimensions
        return attributes

    def answer(self, data: Any) -> EmbeddingAnswer:
        found = objects(data.get("embeddings")) if isinstance(data, Mapping) else []
        counts = [count(tokens(each.get("statistics"))) for each in found]
        known = [each for each in counts if each is not None]
        usage = Usage(sum(known)) if known and len(known) == len(found) else None
        return EmbeddingAnswer([vector(each.get("values")) for each in found], usage=usage)


def tokens(statistics: Any) -> Any:
    """The token count of a text, which comes as a float."""
    value = statistics.get("token_count") if isinstance(statistics, Mapping) else None
    return int(value) if isinstance(value, float) and value.is_integer() else value

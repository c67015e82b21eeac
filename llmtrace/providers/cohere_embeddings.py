"""Cohere's v2 embeddings protocol: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace import semconv
from llmtrace.providers.base import EmbeddingAnswer, EmbeddingProtocol, EmbeddingRequest
from llmtrace.providers.cohere_chat import usage
from llmtrace.providers.openai_embeddings import vector
from llmtrace.providers.reading import text_or_none


class CohereEmbeddings(EmbeddingProtocol):
    """The protocol. What the vectors are for is asked: ``extra={"input_type": …}``, ``search_document`` if left out."""

    def body(self, request: EmbeddingRequest) -> dict[str, Any]:
        sent: dict[str, Any] = {
            "model": request.model,
            "texts": list(request.texts),
            "input_type": "search_document",
            "embedding_types": ["float"],
        }
        if request.dimensions is not None:
            sent["output_dimension"] = request.dimensions
        sent.update(request.extra)
        return sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {semconv.REQUEST_MODEL: body["model"]}
        if body.get("output_dimension") is not None:
            attributes[semconv.EMBEDDINGS_DIMENSION_COUNT] = body["output_dimension"]
        if body.get("embedding_types"):
            attributes[semconv.REQUEST_ENCODING_FORMATS] = list(body["embedding_types"])
        return attributes

    def answer(self, data: Any) -> EmbeddingAnswer:
        if not isinstance(data, Mapping):
            return EmbeddingAnswer()
        found, meta = data.get("embeddings"), data.get("meta")
        held = found if isinstance(found, Mapping) else {}
        given = held.get("float_") or held.get("float")
        vectors = [vector(each) for each in given] if isinstance(given, list) else []
        counted = usage(meta) if isinstance(meta, Mapping) else None
        return EmbeddingAnswer(vectors, text_or_none(data.get("id")), usage=counted)

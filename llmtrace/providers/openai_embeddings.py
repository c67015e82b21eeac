"""OpenAI's embeddings protocol: pure, from our request to its body and from its answers to ours."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.providers.base import EmbeddingAnswer, EmbeddingProtocol, EmbeddingRequest
from llmtrace.providers.reading import count, objects, text_or_none
from llmtrace.types import Usage

PATH: Final = "/embeddings"


class OpenAIEmbeddings(EmbeddingProtocol):
    """The protocol. Vectors are asked for as base64, a quarter of the bytes that numbers take."""

    def __init__(self, encoding: str | None = "base64") -> None:
        self._encoding = encoding

    def body(self, request: EmbeddingRequest) -> dict[str, Any]:
        sent: dict[str, Any] = {"model": request.model, "input": list(request.texts)}
        if request.dimensions is not None:
            sent["dimensions"] = request.dimensions
        if self._encoding is not None:
            sent["encoding_format"] = self._encoding
        sent.update(request.extra)
        return sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {semconv.REQUEST_MODEL: body["model"]}
        if body.get("dimensions") is not None:
            attributes[semconv.EMBEDDINGS_DIMENSION_COUNT] = body["dimensions"]
        if body.get("encoding_format") is not None:
            attributes[semconv.REQUEST_ENCODING_FORMATS] = [body["encoding_format"]]
        return attributes

    def answer(self, data: Any) -> EmbeddingAnswer:
        if not isinstance(data, Mapping):
            return EmbeddingAnswer()
        vectors = [vector(each.get("embedding")) for each in objects(data.get("data"))]
        tokens = data.get("usage")
        usage = Usage(count(tokens.get("prompt_tokens"))) if isinstance(tokens, Mapping) else None
        return EmbeddingAnswer(vectors, text_or_none(data.get("id")), text_or_none(data.get("model")), usage)


def vector(given: Any) -> list[float]:
    """A vector from numbers, or from base64 of 32-bit floats, the lowest byte first; what is neither has none."""
    try:
        if isinstance(given, str):
            data = base64.b64decode(given)
            return list(struct.unpack(f"<{len(data) // 4}f", data))
        return [float(number) for number in given or ()]
    except (ValueError, TypeError, struct.error):
        return []

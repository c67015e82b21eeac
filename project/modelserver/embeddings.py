"""Embeddings: texts that share words point the same way."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping
from typing import Any

from project.modelserver import answers, tokens
from project.modelserver.models import Model
from project.modelserver.refusals import Refusal


def embed(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The answer to a request for embeddings; a `Refusal` when there is nothing to embed."""
    given = body.get("input")
    if given is None:
        message = "Missing required parameter: 'input'."
        raise Refusal(400, message, param="input", code="missing_required_parameter")
    several = isinstance(given, list) and not all(isinstance(item, int) for item in given)
    texts = [_pieces(item) for item in (given if several else [given])]
    if not texts or not all(texts):
        reference = "https://platform.openai.com/docs/api-reference."
        raise Refusal(400, f"'$.input' is invalid. Please check the API reference: {reference}")
    dimensions = body.get("dimensions") or model.dimensions or 0
    encode = _base64 if body.get("encoding_format") == "base64" else list
    data = [
        {"object": "embedding", "index": index, "embedding": encode(vector(pieces, dimensions))}
        for index, pieces in enumerate(texts)
    ]
    used = sum(map(len, texts))
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data, "model": model.served, "usage": usage}


def vector(pieces: list[str], dimensions: int) -> list[float]:
    """A vector of length 1 that counts the words at places which their hashes choose."""
    counts = [0.0] * dimensions
    for piece in pieces:
        place = answers.number(piece.strip().lower())
        counts[place % dimensions] += 1.0 if place >> 63 else -1.0
    length = math.hypot(*counts) or 1.0
    return [count / length for count in counts]


def _pieces(item: Any) -> list[str]:
    return tokens.split(item) if isinstance(item, str) else [str(token) for token in item]


def _base64(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()

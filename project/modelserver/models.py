"""The models that the server knows, and those whose name is a fault to try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Fault = Literal["busy", "broken", "filtered", "forbidden", "cut", "reset"]


@dataclass(frozen=True)
class Model:
    """A model by the name that is asked for; `served` is the dated name that the answer gives."""

    name: str
    served: str
    reasons: bool = False
    dimensions: int | None = None  # of an embedding; None for a chat model
    fault: Fault | None = None


_SERVED: Final = "gpt-4o-mini-2024-07-18"
_ALL: Final = (
    Model("gpt-4o-mini", _SERVED),
    Model("gpt-4o", "gpt-4o-2024-08-06"),
    Model("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
    Model("o4-mini", "o4-mini-2025-04-16", reasons=True),
    Model("text-embedding-3-small", "text-embedding-3-small", dimensions=1536),
    Model("text-embedding-3-large", "text-embedding-3-large", dimensions=3072),
    Model("busy-at-first", _SERVED, fault="busy"),  # 429 with Retry-After to the first request, then the answer
    Model("broken", _SERVED, fault="broken"),  # 500
    Model("filtered", _SERVED, fault="filtered"),  # the answer stops at the content filter
    Model("forbidden", _SERVED, fault="forbidden"),  # 400: the prompt is refused by the content policy
    Model("cut", _SERVED, fault="cut"),  # a stream that ends cleanly in the middle, without its end marker
    Model("reset", _SERVED, fault="reset"),  # the connection is reset before the end
)

MODELS: Final = {model.name: model for model in _ALL} | {model.served: model for model in _ALL if model.fault is None}

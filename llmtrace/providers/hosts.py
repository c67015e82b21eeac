"""Hosts that speak OpenAI's protocol, as data: where they are, what they are called, and in what they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Host:
    """One host.

    Args:
        name: `gen_ai.provider.name`.
        price_id: the host's id in genai-prices.
        title: its name for people.
        base_url: where its API is; None leaves that to the SDK.
        key_env: the environment variable that its key comes from, None for a host that needs none.
        max_tokens: its name for the longest answer.
        stream_options: whether it takes ``stream_options``; one that refuses them sends the usage anyway.
    """

    name: str
    price_id: str
    title: str
    base_url: str | None = None
    key_env: str | None = None
    max_tokens: str = "max_tokens"
    stream_options: bool = True


OPENAI: Final = Host(
    "openai",
    "openai",
    "OpenAI",
    key_env="OPENAI_API_KEY",
    # `max_tokens` is deprecated there, and refused by reasoning models.
    # Source: OpenAI, API reference, Create chat completion.
    max_tokens="max_completion_tokens",
)

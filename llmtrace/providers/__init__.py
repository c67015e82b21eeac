"""Who answers: one file for each wire protocol. ``LLMTRACE["PROVIDERS"]`` names these classes as ``BACKEND``.

Each is imported on first use: a project has one or two of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from llmtrace.lazy import lazily

if TYPE_CHECKING:
    from llmtrace.providers.anthropic import Anthropic
    from llmtrace.providers.bedrock import Bedrock
    from llmtrace.providers.cohere import Cohere
    from llmtrace.providers.fake import Fake, FakeReply
    from llmtrace.providers.google import Google
    from llmtrace.providers.openai import OpenAI
    from llmtrace.providers.presets import (
        VLLM,
        XAI,
        AzureAI,
        AzureOpenAI,
        DeepSeek,
        Fireworks,
        Groq,
        LiteLLM,
        Mistral,
        Ollama,
        OpenRouter,
        Perplexity,
        Together,
    )

_PRESETS: Final = (
    "AzureAI AzureOpenAI DeepSeek Fireworks Groq LiteLLM Mistral Ollama OpenRouter Perplexity Together VLLM XAI"
)
_HOMES: Final = {
    "Anthropic": "anthropic",
    "Bedrock": "bedrock",
    "Cohere": "cohere",
    "Fake": "fake",
    "FakeReply": "fake",
    "Google": "google",
    "OpenAI": "openai",
    **dict.fromkeys(_PRESETS.split(), "presets"),
}

__all__ = [
    "VLLM",
    "XAI",
    "Anthropic",
    "AzureAI",
    "AzureOpenAI",
    "Bedrock",
    "Cohere",
    "DeepSeek",
    "Fake",
    "FakeReply",
    "Fireworks",
    "Google",
    "Groq",
    "LiteLLM",
    "Mistral",
    "Ollama",
    "OpenAI",
    "OpenRouter",
    "Perplexity",
    "Together",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)

"""Who answers: one file for each wire protocol. ``LLMTRACE["PROVIDERS"]`` names these classes as ``BACKEND``."""

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

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
        seed: its name for the seed.
        required: its word for "call some tool".
        reasoning_beside: whether it counts reasoning tokens beside the completion's and not in them.
        json_schema: whether it can be asked for an answer of a schema; if not, the prompt asks for it.
        wants_thoughts: whether it wants back what it thought before it called tools, and refuses the call without.
        json_object: whether it can be asked for JSON; if not, the prompt asks for it.
    """

    name: str
    price_id: str
    title: str
    base_url: str | None = None
    key_env: str | None = None
    max_tokens: str = "max_tokens"
    stream_options: bool = True
    seed: str = "seed"
    required: str = "required"
    reasoning_beside: bool = False
    json_schema: bool = True
    json_object: bool = True
    wants_thoughts: bool = False


OPENAI: Final = Host(
    "openai",
    "openai",
    "OpenAI",
    key_env="OPENAI_API_KEY",
    # `max_tokens` is deprecated there, and refused by reasoning models.
    # Source: OpenAI, API reference, Create chat completion.
    max_tokens="max_completion_tokens",
)

# The first event of a stream has the prompt's filter results and no choices.
# Source: Microsoft, Azure OpenAI REST API reference, Create chat completion: `max_completion_tokens`; Content
# streaming.
AZURE_OPENAI: Final = Host(
    "azure.ai.openai", "azure", "Azure OpenAI", key_env="AZURE_OPENAI_API_KEY", max_tokens="max_completion_tokens"
)

# Its key goes in a header, its API version in the query, and its paths begin with /models.
# Source: Microsoft, Azure AI Model Inference REST API reference.
AZURE_AI: Final = Host("azure.ai.inference", "azure", "Azure AI inference", key_env="AZURE_INFERENCE_CREDENTIAL")

# A stream has its usage in `x_groq` as well. Source: Groq, OpenAI compatibility; API reference, Chat completion chunk.
GROQ: Final = Host("groq", "groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY")

# Source: xAI, Consumption and rate limits: reasoning tokens are counted beside the completion's, and in the total.
XAI: Final = Host("x_ai", "x-ai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY", reasoning_beside=True)

# `stream_options` and `max_completion_tokens` are refused with 422, the usage comes with the last chunk all the same.
# Source: Mistral, API reference, Chat completion: `random_seed`, `tool_choice`, `max_tokens`.
MISTRAL: Final = Host(
    "mistral_ai",
    "mistral",
    "Mistral",
    "https://api.mistral.ai/v1",
    "MISTRAL_API_KEY",
    stream_options=False,
    seed="random_seed",
    required="any",
)

# Source: LiteLLM, Proxy, Quick start: the port; Usage with OpenAI's SDK.
LITELLM: Final = Host("litellm", "litellm", "LiteLLM", "http://localhost:4000", "LITELLM_API_KEY")

# What fails while the model writes comes with status 200: in the body, among the events, or as a finish reason "error".
# Source: OpenRouter, API reference, Errors and debugging; Streaming.
OPENROUTER: Final = Host("openrouter", "openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY")

# `json_schema` is refused with 400, and so is a call of tools that comes back without its `reasoning_content`.
# Source: DeepSeek, API reference, Create chat completion: `response_format`; Thinking mode, "Tool calls".
DEEPSEEK: Final = Host(
    "deepseek",
    "deepseek",
    "DeepSeek",
    "https://api.deepseek.com",
    "DEEPSEEK_API_KEY",
    json_schema=False,
    wants_thoughts=True,
)

# Source: Together, OpenAI compatibility.
TOGETHER: Final = Host("together", "together", "Together", "https://api.together.ai/v1", "TOGETHER_API_KEY")

# Source: Fireworks, OpenAI compatibility.
FIREWORKS: Final = Host(
    "fireworks", "fireworks", "Fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"
)

# `json_object` is refused with 400, the usage comes with each chunk. Source: Perplexity, Structured outputs; Streaming.
PERPLEXITY: Final = Host(
    "perplexity",
    "perplexity",
    "Perplexity",
    "https://api.perplexity.ai",
    "PERPLEXITY_API_KEY",
    stream_options=False,
    json_object=False,
)

# Each call of a tool has come with the index 0 in streams: a new id is a new call. Source: ollama/ollama#15457; Ollama,
# OpenAI compatibility.
OLLAMA: Final = Host("ollama", "ollama", "Ollama", "http://localhost:11434/v1")

# Source: vLLM, OpenAI-compatible server.
VLLM: Final = Host("vllm", "vllm", "vLLM", "http://localhost:8000/v1")

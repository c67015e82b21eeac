"""The rows of the matrix: each provider with the server that speaks its protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.servers.anthropic import Messages
from tests.servers.bedrock import ACCESS_KEY, REGION, Converse
from tests.servers.chat import AZURE_AI_FIELDS, MISTRAL_FIELDS, OPENAI_FIELDS, PERPLEXITY_FIELDS, Chat, Dialect
from tests.servers.cohere import ChatV2
from tests.servers.google import GenerateContent
from tests.servers.responses import Responses
from tests.servers.wire import KEY, Host, Wire

MODES: Final = ("call", "async", "stream", "async stream", "tools", "streamed tools", "structured", "JSON")
STYLES: Final = ("shorthand", "messages", "template", "message params")


@dataclass(frozen=True)
class Row:
    """A provider.

    Args:
        name: as the matrix calls it.
        backend: its class in `llmtrace.providers`.
        says: `gen_ai.provider.name`.
        asked: the model that is asked for.
        wire: makes its protocol.
        base: the path of its base URL.
        options: more ``OPTIONS``.
        without: modes that the host does not have.
        schema: what it is asked for where an answer of a schema is wanted.
        json: what it is asked for where JSON is wanted.
        as_tool: whether such an answer comes as the input of a tool.
    """

    name: str
    backend: str
    says: str
    asked: str
    wire: Callable[[], Wire]
    base: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    schema: str = "schema"
    json: str = "json"
    as_tool: bool = False

    def __str__(self) -> str:
        return self.name

    def provider(self, host: Host, **options: Any) -> dict[str, Any]:
        """An entry of ``PROVIDERS`` that leads to `host`."""
        url = f"http://127.0.0.1:{host.port}{self.base}"
        given = {"api_key": KEY, "base_url": url, "max_retries": 0, **self.options, **options}
        return {"BACKEND": f"llmtrace.providers.{self.backend}", "OPTIONS": given}

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that it has."""
        return tuple(mode for mode in MODES if mode not in self.without)


def chat(asked: str, answers: str | None = None, **dialect: Any) -> Callable[[], Wire]:
    """Makes the protocol of a host of chat completions."""
    return lambda: Chat(Dialect(**dialect), answers or asked)


AZURE: Final = Dialect(
    path="/openai/deployments/gpt-4o-eu/chat/completions",
    key="api-key",
    query="api-version",
    fields=OPENAI_FIELDS,
    refused=frozenset({"max_tokens"}),
    asks_for_json=True,
    empty_first=True,
)

ROWS: Final = (
    Row(
        "openai",
        "OpenAI",
        "openai",
        "gpt-5-mini",
        chat(
            "gpt-5-mini",
            "gpt-5-mini-2025-08-07",
            fields=OPENAI_FIELDS,
            refused=frozenset({"max_tokens"}),
            asks_for_json=True,
        ),
        "/v1",
    ),
    Row("openai responses", "OpenAI", "openai", "gpt-5-mini", Responses, "/v1", {"api": "responses"}),
    Row(
        "azure openai",
        "AzureOpenAI",
        "azure.ai.openai",
        "gpt-4o-eu",
        lambda: Chat(AZURE, "gpt-4o-2024-11-20"),
        options={"api_version": "2024-10-21"},
    ),
    Row(
        "azure ai",
        "AzureAI",
        "azure.ai.inference",
        "Phi-4",
        chat("Phi-4", path="/models/chat/completions", key="api-key", query="api-version", fields=AZURE_AI_FIELDS),
    ),
    Row("anthropic", "Anthropic", "anthropic", "claude-sonnet-4-6", Messages, as_tool=True),
    Row("google", "Google", "gcp.gemini", "gemini-2.5-flash", GenerateContent),
    Row(
        "bedrock",
        "Bedrock",
        "aws.bedrock",
        "anthropic.claude-3-haiku-20240307-v1:0",
        Converse,
        options={
            "api_key": None,
            "region": REGION,
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": "secret-for-tests",
        },
        as_tool=True,
    ),
    Row("cohere", "Cohere", "cohere", "command-a-03-2025", ChatV2),
    Row(
        "mistral",
        "Mistral",
        "mistral_ai",
        "mistral-small-latest",
        chat(
            "mistral-small-latest",
            fields=MISTRAL_FIELDS,
            choices=frozenset({"auto", "none", "any"}),
            status=422,
            usage="finish",
            fingerprint=None,
        ),
        "/v1",
    ),
    Row(
        "groq",
        "Groq",
        "groq",
        "llama-3.3-70b-versatile",
        chat(
            "llama-3.3-70b-versatile",
            path="/openai/v1/chat/completions",
            refused=frozenset({"logprobs", "logit_bias", "top_logprobs"}),
            asks_for_json=True,
            usage="groq",
        ),
        "/openai/v1",
    ),
    Row("xai", "XAI", "x_ai", "grok-4", chat("grok-4", "grok-4-0709", beside=True), "/v1"),
    Row("litellm", "LiteLLM", "litellm", "gpt-4o-mini", chat("gpt-4o-mini", path="/chat/completions")),
    Row(
        "openrouter",
        "OpenRouter",
        "openrouter",
        "openai/gpt-4o-mini",
        chat("openai/gpt-4o-mini", path="/api/v1/chat/completions"),
        "/api/v1",
    ),
    Row(
        "deepseek",
        "DeepSeek",
        "deepseek",
        "deepseek-chat",
        chat(
            "deepseek-chat",
            path="/chat/completions",
            shapes=frozenset({"text", "json_object"}),
            asks_for_json=True,
            thinks=True,
        ),
        schema="json",
    ),
    Row("together", "Together", "together", "meta-llama/Llama-3.3-70B", chat("meta-llama/Llama-3.3-70B"), "/v1"),
    Row(
        "fireworks",
        "Fireworks",
        "fireworks",
        "accounts/fireworks/models/llama-v3p3-70b",
        chat("accounts/fireworks/models/llama-v3p3-70b", path="/inference/v1/chat/completions"),
        "/inference/v1",
    ),
    Row(
        "perplexity",
        "Perplexity",
        "perplexity",
        "sonar",
        chat(
            "sonar",
            path="/chat/completions",
            fields=PERPLEXITY_FIELDS,
            shapes=frozenset({"text", "json_schema"}),
            usage="each",
            fingerprint=None,
        ),
        without=frozenset({"tools", "streamed tools"}),
        json="text",
    ),
    Row("ollama", "Ollama", "ollama", "llama3.2", chat("llama3.2", key=None), "/v1"),
    Row("vllm", "VLLM", "vllm", "Qwen/Qwen3-8B", chat("Qwen/Qwen3-8B", key=None), "/v1"),
)

"""Classes for the hosts that speak OpenAI's protocol. What they differ in is in `hosts`, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from llmtrace.conf.kinds import Kind
from llmtrace.conf.options import NAME, PROVIDER
from llmtrace.exceptions import ConfigurationError
from llmtrace.providers import hosts
from llmtrace.providers.openai import OpenAI

TOKEN_PROVIDER: Final = Kind("a function that gives a token, or None", lambda v: v is None or callable(v))


class AzureOpenAI(OpenAI):
    """Azure OpenAI.

    Args:
        base_url: the resource's endpoint, without ``/openai``; without it ``AZURE_OPENAI_ENDPOINT``.
        api_version: the API's version; without it ``OPENAI_API_VERSION``.
        azure_ad_token: a token of Microsoft Entra in place of a key.
        azure_ad_token_provider: a function that gives such tokens.
        **options: those of `OpenAI`; `api_key` comes from ``AZURE_OPENAI_API_KEY`` if left out.
    """

    host: ClassVar[hosts.Host] = hosts.AZURE_OPENAI
    sync_class: ClassVar[str] = "AzureOpenAI"
    async_class: ClassVar[str] = "AsyncAzureOpenAI"
    option_kinds: ClassVar[Mapping[str, Kind]] = {
        **PROVIDER,
        "api_version": NAME,
        "azure_ad_token": NAME,
        "azure_ad_token_provider": TOKEN_PROVIDER,
    }

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_version: str | None = None,
        azure_ad_token: str | None = None,
        azure_ad_token_provider: Any = None,
        api_key: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        model: str | None = None,
        http_client: Any = None,
    ) -> None:
        super().__init__(
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
            headers=headers,
            model=model,
            http_client=http_client,
        )
        given = {
            "azure_endpoint": base_url,
            "api_version": api_version,
            "azure_ad_token": azure_ad_token,
            "azure_ad_token_provider": azure_ad_token_provider,
        }
        self._options |= {name: value for name, value in given.items() if value is not None}

    def client_options(self) -> dict[str, Any]:
        if "azure_ad_token" in self._options or "azure_ad_token_provider" in self._options:
            return self._options
        return super().client_options()


class AzureAI(OpenAI):
    """Azure AI model inference.

    Args:
        base_url: the resource's endpoint, without ``/models``.
        api_version: the API's version.
        **options: those of `OpenAI`; `api_key` comes from ``AZURE_INFERENCE_CREDENTIAL`` if left out.
    """

    host: ClassVar[hosts.Host] = hosts.AZURE_AI
    option_kinds: ClassVar[Mapping[str, Kind]] = {**PROVIDER, "api_version": NAME}

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_version: str = "2024-05-01-preview",
        api_key: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        model: str | None = None,
        http_client: Any = None,
    ) -> None:
        super().__init__(
            api_key=api_key,
            base_url=None if base_url is None else f"{base_url.rstrip('/')}/models",
            timeout=timeout,
            max_retries=max_retries,
            headers=headers,
            model=model,
            http_client=http_client,
        )
        self._options["default_query"] = {"api-version": api_version}

    def client_options(self) -> dict[str, Any]:
        options = super().client_options()
        if "base_url" not in options:
            raise ConfigurationError(
                'No address for Azure AI: set "base_url" in the OPTIONS of its entry in LLMTRACE["PROVIDERS"].'
            )
        headers = {"api-key": options["api_key"], **options.get("default_headers", {})}
        return {**options, "default_headers": headers}


class Groq(OpenAI):
    """Groq. Options are those of `OpenAI`; the key comes from ``GROQ_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.GROQ


class XAI(OpenAI):
    """xAI. Options are those of `OpenAI`; the key comes from ``XAI_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.XAI


class Mistral(OpenAI):
    """Mistral. Options are those of `OpenAI`; the key comes from ``MISTRAL_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.MISTRAL


class LiteLLM(OpenAI):
    """A LiteLLM proxy. Options are those of `OpenAI`; the key comes from ``LITELLM_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.LITELLM


class OpenRouter(OpenAI):
    """OpenRouter. Options are those of `OpenAI`; the key comes from ``OPENROUTER_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.OPENROUTER


class DeepSeek(OpenAI):
    """DeepSeek. Options are those of `OpenAI`; the key comes from ``DEEPSEEK_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.DEEPSEEK


class Together(OpenAI):
    """Together. Options are those of `OpenAI`; the key comes from ``TOGETHER_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.TOGETHER


class Fireworks(OpenAI):
    """Fireworks. Options are those of `OpenAI`; the key comes from ``FIREWORKS_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.FIREWORKS


class Perplexity(OpenAI):
    """Perplexity. Options are those of `OpenAI`; the key comes from ``PERPLEXITY_API_KEY`` if left out."""

    host: ClassVar[hosts.Host] = hosts.PERPLEXITY


class Ollama(OpenAI):
    """Ollama. Options are those of `OpenAI`; it needs no key."""

    host: ClassVar[hosts.Host] = hosts.OLLAMA


class VLLM(OpenAI):
    """vLLM. Options are those of `OpenAI`; it needs no key."""

    host: ClassVar[hosts.Host] = hosts.VLLM

"""The hosts that speak OpenAI's protocol, as they are without any option: where they are, and who they say they are."""

from __future__ import annotations

import os
from typing import Any, Final

import pytest

from llmtrace import providers
from llmtrace.exceptions import ConfigurationError
from llmtrace.providers.base import Provider, Request
from llmtrace.types import Message, Part

HOSTS: Final[list[tuple[str, str, str | None, str]]] = [
    ("OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY", "openai"),
    ("Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "groq"),
    ("XAI", "https://api.x.ai/v1", "XAI_API_KEY", "x_ai"),
    ("Mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "mistral_ai"),
    ("LiteLLM", "http://localhost:4000", "LITELLM_API_KEY", "litellm"),
    ("OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "openrouter"),
    ("DeepSeek", "https://api.deepseek.com", "DEEPSEEK_API_KEY", "deepseek"),
    ("Together", "https://api.together.ai/v1", "TOGETHER_API_KEY", "together"),
    ("Fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "fireworks"),
    ("Perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY", "perplexity"),
    ("Ollama", "http://localhost:11434/v1", None, "ollama"),
    ("VLLM", "http://localhost:8000/v1", None, "vllm"),
]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no address comes from the environment of the tests."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL", "_CREDENTIAL", "_ENDPOINT")):
            monkeypatch.delenv(name)


def made(name: str, **options: Any) -> Any:
    provider: Provider = getattr(providers, name)(**options)
    return provider


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, _, key, _ in HOSTS])
def test_a_key_that_is_given_empty_is_none_and_the_environment_does_not_stand_in(
    monkeypatch: pytest.MonkeyPatch, name: str, key: str | None
) -> None:
    if key is None:
        assert made(name, api_key="").client().api_key == "none"
        return
    monkeypatch.setenv(key, "key-of-the-host")
    with pytest.raises(ConfigurationError, match=r'is empty: see "api_key" in the OPTIONS .* LLMTRACE\["PROVIDERS"\]'):
        made(name, api_key="").client()


KEYS: Final = [
    *((name, key) for name, _, key, _ in HOSTS if key is not None),
    ("Anthropic", "ANTHROPIC_API_KEY"),
    ("Cohere", "CO_API_KEY"),
    ("Google", "GOOGLE_API_KEY"),
    ("Google", "GEMINI_API_KEY"),
]


@pytest.mark.parametrize(("name", "variable"), KEYS)
@pytest.mark.parametrize("key", ["sk-of-the-host\n", " sk-of-the-host", "sk-of-the-host…"])
def test_a_key_that_cannot_be_sent_is_not_quoted_as_http_clients_do(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, key: str
) -> None:
    monkeypatch.setenv(variable, key)
    with pytest.raises(ConfigurationError, match=f"{variable} has a character that cannot be sent") as raised:
        made(name).client()
    assert "sk-of" not in str(raised.value)


@pytest.mark.parametrize(("name", "url", "key", "says"), HOSTS, ids=[each[0] for each in HOSTS])
def test_a_host_is_where_its_documentation_has_it(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, key: str | None, says: str
) -> None:
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
        if key != "OPENAI_API_KEY":
            with pytest.raises(ConfigurationError, match=key):  # OpenAI's key goes to nobody else
                made(name).client()
        monkeypatch.setenv(key, "key-of-the-host")
    provider = made(name)
    client = provider.client()
    assert (str(client.base_url).rstrip("/"), client.api_key) == (url, "none" if key is None else "key-of-the-host")
    assert provider.name == says
    assert provider.server()[0] == client.base_url.host
    provider.close()
    given = made(name, api_key="given", base_url="https://proxy.example/v1", timeout=5, max_retries=1)
    client = given.client()
    assert (str(client.base_url), client.api_key, client.timeout, client.max_retries) == (
        "https://proxy.example/v1/",
        "given",
        5,
        1,
    )
    given.close()


def test_azure_openai_is_at_its_resource() -> None:
    provider = made("AzureOpenAI", api_key="k", base_url="https://eu.openai.azure.com", api_version="2024-10-21")
    client = provider.client()
    assert str(client.base_url) == "https://eu.openai.azure.com/openai/"
    assert provider.server() == ("eu.openai.azure.com", 443)
    provider.close()
    with_token = made("AzureOpenAI", base_url="https://eu.openai.azure.com", api_version="1", azure_ad_token="t")
    with_token.client()
    with_token.close()
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_API_KEY"):
        made("AzureOpenAI", base_url="https://eu.openai.azure.com", api_version="1").client()


def test_azure_ai_has_its_key_in_a_header_and_its_version_in_the_query() -> None:
    provider = made("AzureAI", api_key="k", base_url="https://hub.services.ai.azure.com/", headers={"x-team": "books"})
    client = provider.client()
    assert str(client.base_url) == "https://hub.services.ai.azure.com/models/"
    assert (client.default_headers["api-key"], client.default_headers["x-team"]) == ("k", "books")
    assert client.default_query == {"api-version": "2024-05-01-preview"}
    provider.close()
    with pytest.raises(ConfigurationError, match='No address for Azure AI: set "base_url"'):
        made("AzureAI", api_key="k").client()


def test_the_api_of_openai_is_one_that_there_is() -> None:
    with pytest.raises(ConfigurationError, match='"api" of OpenAI is "chat" or "responses"'):
        made("OpenAI", api="assistants")


PDF: Final = b"%PDF-1.7"


def test_bedrock_gives_each_document_a_name_of_its_own() -> None:
    """Two of one name are refused, also in different turns."""
    turns = [
        Message.user(["Compare", document(), document()]),
        Message.assistant("Done."),
        Message.user(["And this", document()]),
    ]
    body = made("Bedrock", region="eu-central-1").protocol.body(Request("m", turns))
    documents = [each["document"] for sent in body["messages"] for each in sent["content"] if "document" in each]
    assert [each["name"] for each in documents] == ["document 1", "document 2", "document 3"]
    assert {each["format"] for each in documents} == {"pdf"}


def document() -> Part:
    return Part.document(PDF, "application/pdf")

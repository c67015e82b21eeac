"""OpenAI and every host that speaks its protocol, through the official SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal

from llmtrace.conf.kinds import Kind, one_of
from llmtrace.conf.options import NAME, PROVIDER
from llmtrace.exceptions import ConfigurationError
from llmtrace.forking import awaited_by_forks
from llmtrace.providers import openai_chat, openai_embeddings, openai_responses
from llmtrace.providers.base import EmbeddingAnswer, EmbeddingProtocol, EmbeddingRequest, Request
from llmtrace.providers.hosts import OPENAI, Host
from llmtrace.providers.missing import empty_key, key_from, missing_key
from llmtrace.providers.stainless import StainlessProvider, decoded


class OpenAI(StainlessProvider):
    """OpenAI.

    Args:
        api_key: the key; without it that of the environment, for OpenAI ``OPENAI_API_KEY``.
        base_url: where the API is; without it the host's own, for OpenAI also ``OPENAI_BASE_URL``.
        timeout: seconds for one attempt.
        max_retries: how often the SDK tries again.
        headers: more HTTP headers for each request.
        model: the model of calls that name none.
        http_client: an HTTP client for the SDK, sync or async, or a list of one of each.
        api: "chat" for chat completions, "responses" for the Responses API.
        organization: the organisation's id.
        project: the project's id.
    """

    host: ClassVar[Host] = OPENAI
    name: ClassVar[str] = OPENAI.name
    price_id: ClassVar[str] = OPENAI.price_id
    sync_class: ClassVar[str] = "OpenAI"
    async_class: ClassVar[str] = "AsyncOpenAI"
    embedding: EmbeddingProtocol
    option_kinds: ClassVar[Mapping[str, Kind]] = {
        **PROVIDER,
        "api": one_of("chat", "responses"),
        "organization": NAME,
        "project": NAME,
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name, cls.price_id = cls.host.name, cls.host.price_id

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        model: str | None = None,
        http_client: Any = None,
        api: Literal["chat", "responses"] = "chat",
        organization: str | None = None,
        project: str | None = None,
    ) -> None:
        given = {
            "api_key": api_key,
            "base_url": self.host.base_url if base_url is None else base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": headers,
            "organization": organization,
            "project": project,
        }
        super().__init__(model=model, http_client=http_client, options=given)
        if api not in ("chat", "responses"):
            raise ConfigurationError(f'The option "api" of {self.host.title} is "chat" or "responses", not {api!r}.')
        self._responses = api == "responses"
        self.path = openai_responses.PATH if self._responses else openai_chat.PATH
        self.protocol = openai_responses.Responses() if self._responses else openai_chat.ChatCompletions(self.host)
        self.embedding = openai_embeddings.OpenAIEmbeddings()

    @classmethod
    @cache
    def sdk(cls) -> Any:
        with awaited_by_forks():
            from llmtrace.providers import openai_sdk

        return openai_sdk

    def client_options(self) -> dict[str, Any]:
        variable = self.host.key_env
        if self._options.get("api_key") == "":  # which the SDK refuses, in words that name no setting
            if variable is None:
                return {**self._options, "api_key": "none"}
            raise empty_key(self.host.title)
        if "api_key" in self._options:
            return self._options
        if variable is None:  # the SDK wants one all the same
            return {**self._options, "api_key": "none"}
        key = key_from(self.host.title, variable)
        if key is None:
            raise missing_key(self.host.title, variable)
        return {**self._options, "api_key": key}

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        events = super().stream(body, request)
        return self.sdk().raising(events) if self._responses else events

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        events = await super().astream(body, request)
        return self.sdk().araising(events) if self._responses else events

    def embed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        response = self.client().post(**self.posted(openai_embeddings.PATH, body, request))
        return self.embedding.read(decoded(response))

    async def aembed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        client = await self.async_client()
        response = await client.post(**self.posted(openai_embeddings.PATH, body, request))
        return self.embedding.read(decoded(response))

    def built(self, data: Any, response: Any) -> Any:
        return self.sdk().built(data, response, responses=self._responses)

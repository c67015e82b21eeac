"""Cohere, through its SDK."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache, partial
from typing import Any, ClassVar

from llmtrace.conf.kinds import Kind
from llmtrace.conf.options import PROVIDER
from llmtrace.providers.address import host_and_port
from llmtrace.providers.attempts import call_begins
from llmtrace.providers.base import Answer, EmbeddingAnswer, EmbeddingRequest, Provider, Request
from llmtrace.providers.cohere_chat import CohereChat
from llmtrace.providers.cohere_embeddings import CohereEmbeddings
from llmtrace.providers.kept import Kept
from llmtrace.providers.loops import PerLoop
from llmtrace.providers.missing import key_from, missing_key, needed


class Cohere(Provider):
    """Cohere.

    Args:
        api_key: the key; without it ``CO_API_KEY``.
        base_url: where the API is; without it ``CO_API_URL`` or Cohere itself.
        timeout: seconds for one attempt.
        max_retries: how often the SDK tries again.
        headers: more HTTP headers for each request.
        model: the model of calls that name none.
        http_client: an HTTP client for the SDK, sync or async, or a list of one of each.
    """

    name: ClassVar[str] = "cohere"
    price_id: ClassVar[str] = "cohere"
    embedding: CohereEmbeddings
    option_kinds: ClassVar[Mapping[str, Kind]] = PROVIDER

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
    ) -> None:
        super().__init__(model=model)
        self._api_key = api_key
        self._base_url = base_url
        self._limits = {"timeout": timeout, "max_retries": max_retries}
        self._headers = dict(headers or {})
        self._http_clients = http_client if isinstance(http_client, (list, tuple)) else (http_client,)
        self._client = Kept[Any]()
        self._async_clients = PerLoop[Any](None if self._given_client(wants_async=True) else _close)
        self.protocol = CohereChat()
        self.embedding = CohereEmbeddings()

    @classmethod
    @cache
    def sdk(cls) -> Any:
        with needed("cohere", "cohere"):
            from llmtrace.providers import cohere_sdk

        return cohere_sdk

    def client(self) -> Any:
        """The SDK's sync client, made on first use and kept."""
        return self._client.get(partial(self._make, wants_async=False))

    def close(self) -> None:
        client = self._client.taken()
        if client is not None and self._given_client(wants_async=False) is None:
            client._client_wrapper.httpx_client.httpx_client.close()

    def _make(self, *, wants_async: bool) -> Any:
        cohere_sdk = self.sdk()
        if self._api_key is None and key_from("Cohere", "CO_API_KEY") is None:
            raise missing_key("Cohere", "CO_API_KEY")
        options = {"api_key": self._api_key, "base_url": self._base_url, **self._limits}
        known = {name: value for name, value in options.items() if value is not None}
        return cohere_sdk.client(wants_async, self._given_client(wants_async), known)

    def _given_client(self, wants_async: bool) -> Any:
        fitting = (each for each in self._http_clients if each is not None and hasattr(each, "aclose") is wants_async)
        return next(fitting, None)

    def server(self) -> tuple[str | None, int | None]:
        return host_and_port(self._base_url or os.environ.get("CO_API_URL") or "https://api.cohere.com")

    def _arguments(self, body: dict[str, Any], request: Request | EmbeddingRequest) -> dict[str, Any]:
        options: dict[str, Any] = {"additional_headers": self._headers} if self._headers else {}
        if request.timeout is not None:
            options["timeout_in_seconds"] = request.timeout
        if request.max_retries is not None:
            options["max_retries"] = request.max_retries
        return {**body, "request_options": options} if options else body

    def _read(self, response: Any) -> Answer:
        answer = self.protocol.read(response.model_dump())
        answer.size = sum(len(choice.text or "") for choice in answer.choices)
        answer.raw = response
        return answer

    def send(self, body: dict[str, Any], request: Request) -> Answer:
        call_begins()
        return self._read(self.client().chat(**self._arguments(body, request)))

    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        call_begins()
        client = await self._async_clients.get(partial(self._make, wants_async=True))
        return self._read(await client.chat(**self._arguments(body, request)))

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        client = self.client()
        from llmtrace.providers import cohere_sdk

        call_begins()
        return cohere_sdk.opened(client.chat_stream(**self._arguments(body, request)))

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        client = await self._async_clients.get(partial(self._make, wants_async=True))
        from llmtrace.providers import cohere_sdk

        call_begins()
        return await cohere_sdk.aopened(client.chat_stream(**self._arguments(body, request)))

    def embed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        call_begins()
        return self.embedding.read(self.client().embed(**self._arguments(body, request)).model_dump())

    async def aembed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        call_begins()
        client = await self._async_clients.get(partial(self._make, wants_async=True))
        return self.embedding.read((await client.embed(**self._arguments(body, request))).model_dump())


async def _close(client: Any) -> None:
    await client._client_wrapper.httpx_client.httpx_client.aclose()

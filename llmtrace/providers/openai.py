"""OpenAI and every host that speaks its protocol, through the official SDK."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic_core import from_json

from llmtrace.exceptions import ConfigurationError
from llmtrace.providers import openai_chat, openai_embeddings, openai_responses
from llmtrace.providers.base import Answer, EmbeddingAnswer, EmbeddingProtocol, EmbeddingRequest, Provider, Request
from llmtrace.providers.hosts import OPENAI, Host
from llmtrace.providers.loops import PerLoop

SDK_OPTIONS: Final = frozenset({"extra_headers", "extra_query", "extra_body"})


class OpenAI(Provider):
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
        super().__init__(model=model)
        given = {
            "api_key": api_key,
            "base_url": base_url or self.host.base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": headers,
            "organization": organization,
            "project": project,
        }
        self._options = {name: value for name, value in given.items() if value is not None}
        self._http_clients = http_client if isinstance(http_client, (list, tuple)) else (http_client,)
        self._client: Any = None
        self._async_clients = PerLoop[Any](lambda: self._make(self.async_class), self._close)
        self._server: tuple[str | None, int | None] | None = None
        if api not in ("chat", "responses"):
            raise ConfigurationError(f'The option "api" of {self.host.title} is "chat" or "responses", not {api!r}.')
        self._responses = api == "responses"
        self._path = openai_responses.PATH if self._responses else openai_chat.PATH
        self.protocol = openai_responses.Responses() if self._responses else openai_chat.ChatCompletions(self.host)
        self.embedding = openai_embeddings.OpenAIEmbeddings()

    def client(self) -> Any:
        """The SDK's sync client, made on first use and kept."""
        if self._client is None:
            self._client = self._make(self.sync_class)
        return self._client

    async def async_client(self) -> Any:
        """The SDK's async client for the running loop, closed with it."""
        return await self._async_clients.get()

    def _make(self, kind: str) -> Any:
        # Imported here: the SDK takes 0.4 s to load, and a process that makes no call does without it.
        from llmtrace.providers import openai_sdk

        http_client = openai_sdk.fitting(self._http_clients, kind)
        return getattr(openai_sdk, kind)(http_client=http_client, **self.client_options())

    async def _close(self, client: Any) -> None:
        from llmtrace.providers import openai_sdk

        if openai_sdk.fitting(self._http_clients, self.async_class) is None:  # one that was given is not ours to close
            await client.close()

    def client_options(self) -> dict[str, Any]:
        """Arguments of the SDK's client.

        Raises:
            ConfigurationError: there is no key.
        """
        variable = self.host.key_env
        if "api_key" in self._options or (variable == OPENAI.key_env and os.environ.get(OPENAI.key_env or "")):
            return self._options
        if variable is None:  # the SDK wants one all the same
            return {**self._options, "api_key": "none"}
        if os.environ.get(variable):
            return {**self._options, "api_key": os.environ[variable]}
        raise ConfigurationError(
            f'No API key for {self.host.title}: set "api_key" in the OPTIONS of its entry in LLMTRACE["PROVIDERS"], '
            f"or the environment variable {variable}."
        )

    def server(self) -> tuple[str | None, int | None]:
        if self._server is None:
            url = self.client().base_url
            self._server = (url.host or None, url.port or {"https": 443, "http": 80}.get(url.scheme))
        return self._server

    def send(self, body: dict[str, Any], request: Request) -> Answer:
        return self._read(self.client().post(**self._post(self._path, body, request)))

    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        return self._read(await (await self.async_client()).post(**self._post(self._path, body, request)))

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        from llmtrace.providers import openai_sdk

        events: Iterator[Any] = self.client().post(**self._post(self._path, body, request, "Stream"))
        return openai_sdk.raising(events) if self._responses else events

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        from llmtrace.providers import openai_sdk

        post = self._post(self._path, body, request, "AsyncStream")
        events: AsyncIterator[Any] = await (await self.async_client()).post(**post)
        return openai_sdk.araising(events) if self._responses else events

    def embed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        response = self.client().post(**self._post(openai_embeddings.PATH, body, request))
        return self.embedding.answer(decoded(response))

    async def aembed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        client = await self.async_client()
        response = await client.post(**self._post(openai_embeddings.PATH, body, request))
        return self.embedding.answer(decoded(response))

    def _post(
        self, path: str, body: dict[str, Any], request: Request | EmbeddingRequest, stream_of: str | None = None
    ) -> dict[str, Any]:
        """Arguments of the SDK's `post`, its way to endpoints without building models of what they answer."""
        from llmtrace.providers import openai_sdk

        options = openai_sdk.options(body, request)
        if not SDK_OPTIONS.isdisjoint(body):
            body = {key: value for key, value in body.items() if key not in SDK_OPTIONS}
        arguments = {"path": path, "body": body, "options": options}
        if stream_of is None:
            return {**arguments, "cast_to": openai_sdk.RESPONSE}
        return {**arguments, "cast_to": object, "stream": True, "stream_cls": getattr(openai_sdk, stream_of)}

    def _read(self, response: Any) -> Answer:
        from llmtrace.providers import openai_sdk

        data = decoded(response)
        answer = self.protocol.answer(data)
        answer.size = len(response.content)
        answer.raw = lambda: openai_sdk.built(data, response, responses=self._responses)
        return answer


def decoded(response: Any) -> Any:
    """The JSON of an HTTP answer; for what is none, this raises what the SDK raises."""
    try:
        return from_json(response.content)
    except ValueError:
        return response.json()

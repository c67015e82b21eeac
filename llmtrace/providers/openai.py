"""OpenAI and every host that speaks its protocol, through the official SDK."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar, Final

from pydantic_core import from_json

from llmtrace.exceptions import ConfigurationError
from llmtrace.providers import openai_chat
from llmtrace.providers.base import Answer, Provider, Reader, Request

SDK_OPTIONS: Final = ("extra_headers", "extra_query", "extra_body")


class OpenAI(Provider):
    """OpenAI.

    Args:
        api_key: the key; without it the SDK's ``OPENAI_API_KEY``.
        base_url: where the API is; without it the SDK's ``OPENAI_BASE_URL`` or OpenAI itself.
        timeout: seconds for one attempt.
        max_retries: how often the SDK tries again.
        headers: more HTTP headers for each request.
        model: the model of calls that name none.
        http_client: an HTTP client for the SDK, sync or async, or one of each.
        organization: the organisation's id.
        project: the project's id.
    """

    name: ClassVar[str] = "openai"
    price_id: ClassVar[str] = "openai"

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
        organization: str | None = None,
        project: str | None = None,
    ) -> None:
        super().__init__(model=model)
        given = {
            "api_key": api_key,
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": headers,
            "organization": organization,
            "project": project,
        }
        self._options = {name: value for name, value in given.items() if value is not None}
        self._http_clients = http_client if isinstance(http_client, (list, tuple)) else (http_client,)
        self._client: Any = None
        self._async_clients: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._server: tuple[str | None, int | None] | None = None

    def client(self) -> Any:
        """The SDK's sync client, made on first use and kept."""
        if self._client is None:
            self._client = self._make("OpenAI")
        return self._client

    def async_client(self) -> Any:
        """The SDK's async client for the running loop: one that outlives its loop fails on its open connections."""
        loop = asyncio.get_running_loop()
        client = self._async_clients.get(loop)
        if client is None:
            client = self._async_clients[loop] = self._make("AsyncOpenAI")
        return client

    def _make(self, kind: str) -> Any:
        # Imported here: the SDK takes 0.4 s to load, and a process that makes no call does without it.
        from llmtrace.providers import openai_sdk

        self._check_key()
        cls = getattr(openai_sdk, kind)
        return cls(http_client=openai_sdk.fitting(self._http_clients, kind), **self._options)

    def _check_key(self) -> None:
        if "api_key" not in self._options and not os.environ.get("OPENAI_API_KEY"):
            raise ConfigurationError(
                'No API key for OpenAI: set "api_key" in the OPTIONS of its entry in LLMTRACE["PROVIDERS"], '
                "or the environment variable OPENAI_API_KEY."
            )

    def server(self) -> tuple[str | None, int | None]:
        if self._server is None:
            url = self.client().base_url
            self._server = (url.host or None, url.port or {"https": 443, "http": 80}.get(url.scheme))
        return self._server

    def body(self, request: Request) -> dict[str, Any]:
        return openai_chat.body(request)

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return openai_chat.request_attributes(body)

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return openai_chat.input_content(body)

    def output(self, answer: Answer) -> list[dict[str, Any]]:
        return openai_chat.output_content(answer)

    def send(self, body: dict[str, Any], request: Request) -> Answer:
        return self._read(self.client().post(**self._post(body, request)))

    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        return self._read(await self.async_client().post(**self._post(body, request)))

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        stream: Iterator[Any] = self.client().post(**self._post(body, request, stream_of="Stream"))
        return stream

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        stream: AsyncIterator[Any] = await self.async_client().post(
            **self._post(body, request, stream_of="AsyncStream")
        )
        return stream

    def reader(self) -> Reader:
        return openai_chat.ChatReader()

    def _post(self, body: dict[str, Any], request: Request, stream_of: str | None = None) -> dict[str, Any]:
        """Arguments of the SDK's `post`, its way to endpoints without building models of what they answer."""
        from llmtrace.providers import openai_sdk

        options = openai_sdk.options(body, request)
        sent = {key: value for key, value in body.items() if key not in SDK_OPTIONS}
        arguments = {"path": openai_chat.PATH, "body": sent, "options": options}
        if stream_of is None:
            return {**arguments, "cast_to": openai_sdk.RESPONSE}
        return {**arguments, "cast_to": object, "stream": True, "stream_cls": getattr(openai_sdk, stream_of)}

    def _read(self, response: Any) -> Answer:
        from llmtrace.providers import openai_sdk

        content = response.content
        try:
            data = from_json(content)
        except ValueError:
            data = response.json()  # raises what the SDK raises
        answer = openai_chat.answer(data)
        answer.size = len(content)
        answer.raw = lambda: openai_sdk.completion(data, response)
        return answer

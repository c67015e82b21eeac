"""The SDKs without llmtrace, asked the same: what they raise is what a caller of llmtrace has to see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import anthropic
import boto3
import cohere
import openai
from botocore.config import Config
from google import genai

from tests.providers.rows import Row
from tests.servers.bedrock import ACCESS_KEY, REGION
from tests.servers.wire import KEY, Host

PROMPT: Final = "Recommend a fantasy book"
MESSAGES: Final[Any] = [{"role": "user", "content": PROMPT}]


class Bare(ABC):
    """An SDK that talks to a provider's server and tries nothing twice. A stream is read to its end.

    `limit` is the time for an attempt, in seconds.
    """

    def __init__(self, row: Row, host: Host) -> None:
        self.model = row.asked
        self.url = f"http://127.0.0.1:{host.port}{row.base}"

    @abstractmethod
    def call(self, limit: float | None = None) -> Any:
        """Ask, and wait."""

    @abstractmethod
    def stream(self, limit: float | None = None) -> Any:
        """Ask for a stream."""

    @abstractmethod
    async def acall(self, limit: float | None = None) -> Any:
        """Ask, and await."""

    @abstractmethod
    async def astream(self, limit: float | None = None) -> Any:
        """Ask for a stream from async code."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the connections."""


class OpenAI(Bare):
    """Chat completions of OpenAI and those who speak like it."""

    def __init__(self, row: Row, host: Host) -> None:
        super().__init__(row, host)
        classes: tuple[Any, Any] = openai.OpenAI, openai.AsyncOpenAI
        options: dict[str, Any] = {"base_url": self.url}
        if row.backend == "AzureOpenAI":
            classes = openai.AzureOpenAI, openai.AsyncAzureOpenAI
            options = {"azure_endpoint": self.url, **row.options}
        if row.backend == "AzureAI":
            options |= {"base_url": f"{self.url}/models", "default_headers": {"api-key": KEY}}
            options["default_query"] = {"api-version": "2024-05-01-preview"}
        self.client, self.async_client = (each(api_key=KEY, max_retries=0, **options) for each in classes)

    def asked(self, limit: float | None, *, stream: bool) -> dict[str, Any]:
        """Arguments of the SDK's method."""
        more = {} if limit is None else {"timeout": limit}
        return {"model": self.model, "messages": MESSAGES, **({"stream": True} if stream else {}), **more}

    def call(self, limit: float | None = None) -> Any:
        return self.client.chat.completions.create(**self.asked(limit, stream=False))

    def stream(self, limit: float | None = None) -> Any:
        return list(self.client.chat.completions.create(**self.asked(limit, stream=True)))

    async def acall(self, limit: float | None = None) -> Any:
        return await self.async_client.chat.completions.create(**self.asked(limit, stream=False))

    async def astream(self, limit: float | None = None) -> Any:
        opened = await self.async_client.chat.completions.create(**self.asked(limit, stream=True))
        return [event async for event in opened]

    async def close(self) -> None:
        self.client.close()
        await self.async_client.close()


class Responses(OpenAI):
    """OpenAI's Responses API."""

    def asked(self, limit: float | None, *, stream: bool) -> dict[str, Any]:
        asked = super().asked(limit, stream=stream)
        asked["input"] = asked.pop("messages")
        return asked

    def call(self, limit: float | None = None) -> Any:
        return self.client.responses.create(**self.asked(limit, stream=False))

    def stream(self, limit: float | None = None) -> Any:
        return list(self.client.responses.create(**self.asked(limit, stream=True)))

    async def acall(self, limit: float | None = None) -> Any:
        return await self.async_client.responses.create(**self.asked(limit, stream=False))

    async def astream(self, limit: float | None = None) -> Any:
        return [event async for event in await self.async_client.responses.create(**self.asked(limit, stream=True))]


class Anthropic(Bare):
    """Anthropic's Messages. The SDK's own span is left out: it is no part of what is compared."""

    def __init__(self, row: Row, host: Host) -> None:
        super().__init__(row, host)
        options: dict[str, Any] = {"api_key": KEY, "base_url": self.url, "max_retries": 0, "open_telemetry": False}
        self.client, self.async_client = anthropic.Anthropic(**options), anthropic.AsyncAnthropic(**options)

    def asked(self, limit: float | None, *, stream: bool) -> dict[str, Any]:
        """Arguments of the SDK's method."""
        asked = {"model": self.model, "messages": MESSAGES, "max_tokens": 64, "stream": stream}
        return asked if limit is None else {**asked, "timeout": limit}

    def call(self, limit: float | None = None) -> Any:
        return self.client.messages.create(**self.asked(limit, stream=False))

    def stream(self, limit: float | None = None) -> Any:
        return list(self.client.messages.create(**self.asked(limit, stream=True)))

    async def acall(self, limit: float | None = None) -> Any:
        return await self.async_client.messages.create(**self.asked(limit, stream=False))

    async def astream(self, limit: float | None = None) -> Any:
        return [event async for event in await self.async_client.messages.create(**self.asked(limit, stream=True))]

    async def close(self) -> None:
        self.client.close()
        await self.async_client.close()


class Google(Bare):
    """Gemini. The SDK tries nothing twice unless it is told to."""

    def __init__(self, row: Row, host: Host) -> None:
        super().__init__(row, host)
        self.client = genai.Client(api_key=KEY, http_options={"base_url": self.url})

    def asked(self, limit: float | None) -> dict[str, Any]:
        """Arguments of the SDK's method."""
        asked: dict[str, Any] = {"model": self.model, "contents": PROMPT}
        return asked if limit is None else {**asked, "config": {"http_options": {"timeout": int(limit * 1000)}}}

    def call(self, limit: float | None = None) -> Any:
        return self.client.models.generate_content(**self.asked(limit))

    def stream(self, limit: float | None = None) -> Any:
        return list(self.client.models.generate_content_stream(**self.asked(limit)))

    async def acall(self, limit: float | None = None) -> Any:
        return await self.client.aio.models.generate_content(**self.asked(limit))

    async def astream(self, limit: float | None = None) -> Any:
        opened = await self.client.aio.models.generate_content_stream(**self.asked(limit))
        return [event async for event in opened]

    async def close(self) -> None:
        self.client.close()
        await self.client.aio.aclose()


class Bedrock(Bare):
    """Converse. boto3 has no async methods, and time limits by client."""

    def __init__(self, row: Row, host: Host) -> None:
        super().__init__(row, host)
        self.clients: dict[float | None, Any] = {}
        self.asked: dict[str, Any] = {
            "modelId": self.model,
            "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
        }

    def client(self, limit: float | None) -> Any:
        """The client with this time limit."""
        if limit not in self.clients:
            limits: Mapping[str, Any] = {} if limit is None else {"read_timeout": limit, "connect_timeout": limit}
            self.clients[limit] = boto3.client(
                "bedrock-runtime",
                region_name=REGION,
                aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key="secret-for-tests",
                endpoint_url=self.url,
                config=Config(retries={"total_max_attempts": 1}, **limits),
            )
        return self.clients[limit]

    def call(self, limit: float | None = None) -> Any:
        return self.client(limit).converse(**self.asked)

    def stream(self, limit: float | None = None) -> Any:
        stream = self.client(limit).converse_stream(**self.asked)["stream"]
        try:
            return list(stream)
        finally:
            stream.close()

    async def acall(self, limit: float | None = None) -> Any:
        return self.call(limit)

    async def astream(self, limit: float | None = None) -> Any:
        return self.stream(limit)

    async def close(self) -> None:
        for each in self.clients.values():
            each.close()


class Cohere(Bare):
    """Cohere's v2 chat."""

    def __init__(self, row: Row, host: Host) -> None:
        super().__init__(row, host)
        options: dict[str, Any] = {"api_key": KEY, "base_url": self.url, "max_retries": 0}
        self.client, self.async_client = cohere.ClientV2(**options), cohere.AsyncClientV2(**options)

    def asked(self, limit: float | None) -> dict[str, Any]:
        """Arguments of the SDK's method."""
        asked: dict[str, Any] = {"model": self.model, "messages": MESSAGES}
        return asked if limit is None else {**asked, "request_options": {"timeout_in_seconds": limit}}

    def call(self, limit: float | None = None) -> Any:
        return self.client.chat(**self.asked(limit))

    def stream(self, limit: float | None = None) -> Any:
        return list(self.client.chat_stream(**self.asked(limit)))

    async def acall(self, limit: float | None = None) -> Any:
        return await self.async_client.chat(**self.asked(limit))

    async def astream(self, limit: float | None = None) -> Any:
        return [event async for event in self.async_client.chat_stream(**self.asked(limit))]

    async def close(self) -> None:
        clients: tuple[Any, Any] = self.client, self.async_client
        clients[0]._client_wrapper.httpx_client.httpx_client.close()
        await clients[1]._client_wrapper.httpx_client.httpx_client.aclose()


OWN: Final[Mapping[str, type[Bare]]] = {
    "openai responses": Responses,
    "anthropic": Anthropic,
    "google": Google,
    "bedrock": Bedrock,
    "cohere": Cohere,
}


def bare(row: Row, host: Host) -> Bare:
    """The SDK of a provider."""
    return OWN.get(row.name, OpenAI)(row, host)

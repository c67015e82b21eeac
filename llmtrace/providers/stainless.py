"""What the SDKs of OpenAI and Anthropic have in common: one generator made both.

Their `post` is the public way to endpoints that they have no method for. With it an answer's JSON is read once, and the
models that the SDK would build of it are built only when somebody asks for them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar, Final

from pydantic_core import from_json

from llmtrace.providers.address import PORTS
from llmtrace.providers.base import Answer, EmbeddingRequest, Provider, Request
from llmtrace.providers.kept import Kept
from llmtrace.providers.loops import PerLoop
from llmtrace.providers.retries import note_retry

SDK_OPTIONS: Final = frozenset({"extra_headers", "extra_query", "extra_body"})

_refused: ContextVar[Any] = ContextVar("llmtrace_refused", default=None)  # the response that a retry is made for


class Retrying:
    """Notes each retry on the call's span. The SDK computes the wait right before it sleeps; where there was no
    response, it is handling what was raised instead."""

    max_retries: int

    def _sleep_for_retry(self, *, response: Any = None, **options: Any) -> Any:
        _refused.set(response)
        return super()._sleep_for_retry(response=response, **options)  # type: ignore[misc]  # to be awaited in async code

    def _calculate_retry_timeout(self, remaining_retries: int, options: Any, response_headers: Any = None) -> float:
        wait: float = super()._calculate_retry_timeout(remaining_retries, options, response_headers)  # type: ignore[misc]
        attempt = options.get_max_retries(self.max_retries) - remaining_retries + 1
        note_retry(attempt, getattr(_refused.get(), "status_code", None), wait)
        return wait


class StainlessProvider(Provider):
    """A provider on such an SDK."""

    sync_class: ClassVar[str]
    async_class: ClassVar[str]
    path: str

    def __init__(self, *, model: str | None, http_client: Any, options: Mapping[str, Any]) -> None:
        super().__init__(model=model)
        self._options = {name: value for name, value in options.items() if value is not None}
        self._http_clients: Sequence[Any] = http_client if isinstance(http_client, (list, tuple)) else (http_client,)
        self._client = Kept[Any]()
        self._async_clients = PerLoop[Any](None if self._given_client(self.async_class) else _close)
        self._server: tuple[str | None, int | None] | None = None

    @classmethod
    @abstractmethod
    def sdk(cls) -> Any:
        """The file that imports the SDK, with the two client classes, `RESPONSE`, `Stream` and `AsyncStream`."""

    @abstractmethod
    def client_options(self) -> dict[str, Any]:
        """Arguments of the SDK's client.

        Raises:
            ConfigurationError: there is no key.
        """

    @abstractmethod
    def built(self, data: Any, response: Any) -> Any:
        """The object that the SDK's own method would have returned."""

    def client(self) -> Any:
        """The SDK's sync client, made on first use and kept."""
        return self._client.get(partial(self._make, self.sync_class))

    def close(self) -> None:
        client = self._client.taken()
        if client is not None and self._given_client(self.sync_class) is None:
            client.close()

    async def async_client(self) -> Any:
        """The SDK's async client for the running loop, closed with it."""
        return await self._async_clients.get(partial(self._make, self.async_class))

    def _make(self, kind: str) -> Any:
        client = getattr(self.sdk(), kind)(http_client=self._given_client(kind), **self.client_options())
        getattr(
            client, "default_headers", None
        )  # asks the system about itself, once, below a lock that a fork would keep
        return client

    def _given_client(self, kind: str) -> Any:
        """The one of the HTTP clients in ``OPTIONS`` that serves the SDK's client `kind`, None for the SDK's own."""
        wants_async = kind == self.async_class
        for client in self._http_clients:
            if client is not None and hasattr(client, "aclose") is wants_async:
                return client
        return None

    def server(self) -> tuple[str | None, int | None]:
        if self._server is None:
            url = self.client().base_url
            self._server = (url.host or None, url.port or PORTS.get(url.scheme))
        return self._server

    def send(self, body: dict[str, Any], request: Request) -> Answer:
        return self._read(self.client().post(**self.posted(self.path, body, request)))

    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        return self._read(await (await self.async_client()).post(**self.posted(self.path, body, request)))

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        events: Iterator[Any] = self.client().post(**self.posted(self.path, body, request, "Stream"))
        return events

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        post = self.posted(self.path, body, request, "AsyncStream")
        events: AsyncIterator[Any] = await (await self.async_client()).post(**post)
        return events

    def posted(
        self, path: str, body: dict[str, Any], request: Request | EmbeddingRequest, stream_of: str | None = None
    ) -> dict[str, Any]:
        """Arguments of the SDK's `post`; `stream_of` names the class of its streams for one that is streamed."""
        given = {
            "timeout": request.timeout,
            "max_retries": request.max_retries,
            "headers": body.get("extra_headers"),
            "params": body.get("extra_query"),
            "extra_json": body.get("extra_body"),
        }
        options = {name: value for name, value in given.items() if value is not None}
        if not SDK_OPTIONS.isdisjoint(body):
            body = {key: value for key, value in body.items() if key not in SDK_OPTIONS}
        arguments = {"path": path, "body": body, "options": options}
        if stream_of is None:
            return {**arguments, "cast_to": self.sdk().RESPONSE}
        return {**arguments, "cast_to": object, "stream": True, "stream_cls": getattr(self.sdk(), stream_of)}

    def _read(self, response: Any) -> Answer:
        data = decoded(response)
        answer = self.protocol.read(data)
        answer.size = len(response.content)
        answer.raw = lambda: self.built(data, response)
        return answer


async def _close(client: Any) -> None:
    await client.close()


def decoded(response: Any) -> Any:
    """The JSON of an HTTP answer; for what is none, this raises what the SDK raises."""
    try:
        return from_json(response.content)
    except ValueError:
        return response.json()

"""Google's Gemini API and Vertex AI, through the google-genai SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

from llmtrace.conf.kinds import BOOL, Kind
from llmtrace.conf.options import NAME, PROVIDER, none_or
from llmtrace.providers.address import host_and_port
from llmtrace.providers.attempts import call_begins
from llmtrace.providers.base import Answer, EmbeddingAnswer, EmbeddingRequest, Provider, Request
from llmtrace.providers.google_embeddings import EmbedContent
from llmtrace.providers.google_generate import GenerateContent
from llmtrace.providers.kept import Kept
from llmtrace.providers.loops import PerLoop
from llmtrace.providers.missing import key_from, missing_key, needed

KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


class Google(Provider):
    """Google's Gemini API, or Vertex AI with ``vertexai=True`` or a project.

    Args:
        api_key: the key; without it ``GOOGLE_API_KEY`` or ``GEMINI_API_KEY``.
        base_url: where the API is; without it Google's own.
        timeout: seconds for one attempt.
        max_retries: how often the SDK tries again; it does not by itself.
        headers: more HTTP headers for each request.
        model: the model of calls that name none.
        http_client: an HTTP client for the SDK, sync or async, or a list of one of each.
        vertexai: whether to ask Vertex AI.
        project: the Google Cloud project, for Vertex AI.
        location: its region, for Vertex AI.
        credentials: credentials of google-auth, for Vertex AI; without them those of the machine.
        api_version: the API's version.
    """

    name: ClassVar[str] = "gcp.gemini"
    price_id: ClassVar[str] = "google"
    embedding: EmbedContent
    option_kinds: ClassVar[Mapping[str, Kind]] = {
        **PROVIDER,
        "vertexai": none_or(BOOL),
        **dict.fromkeys(("project", "location", "api_version"), NAME),
    }

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
        vertexai: bool | None = None,
        project: str | None = None,
        location: str | None = None,
        credentials: Any = None,
        api_version: str | None = None,
    ) -> None:
        super().__init__(model=model)
        self._vertexai = bool(project) if vertexai is None else vertexai
        if self._vertexai:
            self.name = "gcp.vertex_ai"  # type: ignore[misc]  # one class speaks to both
        given = {"api_key": api_key, "project": project, "location": location, "credentials": credentials}
        self._options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        self._http = {"base_url": base_url, "headers": dict(headers) if headers else None, "api_version": api_version}
        self._limits = (timeout, max_retries)
        self._http_clients = http_client if isinstance(http_client, (list, tuple)) else (http_client,)
        self._client = Kept[Any]()
        self._async_clients = PerLoop[Any](_close)
        self.protocol = GenerateContent()
        self.embedding = EmbedContent()

    @classmethod
    @cache
    def sdk(cls) -> Any:
        with needed("google.genai", "google"):
            from llmtrace.providers import google_sdk

        return google_sdk

    def client(self) -> Any:
        """The SDK's client for sync code, made on first use and kept."""
        return self._client.get(self._make)

    def close(self) -> None:
        client = self._client.taken()
        if client is not None:
            client.close()  # the SDK leaves open what it was given

    def _make(self) -> Any:
        google_sdk = self.sdk()
        if not self._vertexai and "api_key" not in self._options and key_from("Google", *KEYS) is None:
            raise missing_key("Google", KEYS[0])
        return google_sdk.client(self._vertexai, self._options, self._http, self._limits, self._http_clients)

    def server(self) -> tuple[str | None, int | None]:
        return host_and_port(self.client()._api_client._http_options.base_url)

    def _arguments(self, body: dict[str, Any], request: Request | EmbeddingRequest) -> dict[str, Any]:
        limits = self.sdk().limits(request.timeout, request.max_retries)
        return {**body, "config": {**body.get("config", {}), "http_options": limits}} if limits else body

    def _read(self, response: Any) -> Answer:
        answer = self.protocol.read(response.model_dump(exclude_none=True, mode="json"))
        answer.size = sum(len(choice.text or "") for choice in answer.choices)
        answer.raw = response
        return answer

    def send(self, body: dict[str, Any], request: Request) -> Answer:
        call_begins()
        return self._read(self.client().models.generate_content(**self._arguments(body, request)))

    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        client = await self._async_clients.get(self._make)
        call_begins()
        return self._read(await client.aio.models.generate_content(**self._arguments(body, request)))

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        client = self.client()
        call_begins()
        events: Iterator[Any] = self.sdk().opened(
            client.models.generate_content_stream(**self._arguments(body, request))
        )
        return events

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        client = await self._async_clients.get(self._make)
        attempts = call_begins()
        events = await client.aio.models.generate_content_stream(**self._arguments(body, request))
        opened: AsyncIterator[Any] = await self.sdk().aopened(events, attempts.aclose)
        return opened

    def status_of(self, error: BaseException) -> int | None:
        status = getattr(error, "code", None)
        return status if isinstance(status, int) else None

    def embed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        call_begins()
        response = self.client().models.embed_content(**self._arguments(body, request))
        return self.embedding.read(response.model_dump(exclude_none=True))

    async def aembed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        client = await self._async_clients.get(self._make)
        call_begins()
        response = await client.aio.models.embed_content(**self._arguments(body, request))
        return self.embedding.read(response.model_dump(exclude_none=True))


async def _close(client: Any) -> None:
    await client.aio.aclose()  # the SDK leaves open what it was given

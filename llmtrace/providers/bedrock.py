"""Amazon Bedrock, through boto3."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache, partial
from typing import Any, ClassVar

from llmtrace.conf.kinds import Kind
from llmtrace.conf.options import NAME, PROVIDER
from llmtrace.providers.address import host_and_port
from llmtrace.providers.base import Answer, Provider, Request
from llmtrace.providers.bedrock_converse import Converse
from llmtrace.providers.events import Events
from llmtrace.providers.missing import needed
from llmtrace.providers.threads import opened_in_thread


class Bedrock(Provider):
    """Amazon Bedrock's Converse API. From async code boto3 runs in a thread.

    What is left out comes from where boto3 looks for it: the environment, its configuration files, the machine's role.

    Args:
        api_key: a Bedrock API key, in place of the other credentials.
        region: the AWS region.
        profile: a profile of the AWS configuration.
        aws_access_key_id: with the next, an access key.
        aws_secret_access_key: its secret.
        aws_session_token: the token of temporary credentials.
        base_url: another endpoint.
        timeout: seconds for one attempt.
        max_retries: how often boto3 tries again.
        headers: more HTTP headers for each request.
        model: the model of calls that name none.
        http_client: a ``bedrock-runtime`` client of boto3 to use as it is.
    """

    name: ClassVar[str] = "aws.bedrock"
    price_id: ClassVar[str] = "aws"
    option_kinds: ClassVar[Mapping[str, Kind]] = {
        **PROVIDER,
        **dict.fromkeys(("region", "profile", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"), NAME),
    }

    def __init__(
        self,
        *,
        api_key: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        model: str | None = None,
        http_client: Any = None,
    ) -> None:
        super().__init__(model=model)
        self._session = {
            "region_name": region,
            "profile_name": profile,
            "aws_access_key_id": aws_access_key_id,
            "aws_secret_access_key": aws_secret_access_key,
            "aws_session_token": aws_session_token,
        }
        self._api_key = api_key
        self._base_url = base_url
        self._timeout = timeout
        self._max_retries = max_retries
        self._headers = dict(headers or {})
        self._given = http_client
        self._clients: dict[tuple[float | None, int | None], Any] = {}
        self._lock = threading.Lock()
        self.protocol = Converse()

    @classmethod
    @cache
    def sdk(cls) -> Any:
        with needed("boto3", "bedrock"):
            from llmtrace.providers import bedrock_sdk

        return bedrock_sdk

    def client(self, timeout: float | None = None, max_retries: int | None = None) -> Any:
        """The client for these limits: boto3 has them by client and not by call."""
        if self._given is not None:
            return self._given
        key = (self._timeout if timeout is None else timeout, self._max_retries if max_retries is None else max_retries)
        with self._lock:  # making a session is not safe in threads
            if key not in self._clients:
                session = {name: value for name, value in self._session.items() if value is not None}
                self._clients[key] = self.sdk().client(session, self._base_url, self._api_key, self._headers, *key)
            return self._clients[key]

    def server(self) -> tuple[str | None, int | None]:
        return host_and_port(self.client().meta.endpoint_url)

    def send(self, body: dict[str, Any], request: Request) -> Answer:
        data = self.client(request.timeout, request.max_retries).converse(**body)
        answer = self.protocol.read(data)
        answer.size = sum(len(choice.text or "") for choice in answer.choices)
        answer.raw = data
        return answer

    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        return await asyncio.to_thread(self.send, body, request)

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        data = self.client(request.timeout, request.max_retries).converse_stream(**body)
        stream = data["stream"]
        return Events(iter(stream), stream.close, None, {"ResponseMetadata": data.get("ResponseMetadata")})

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        return await opened_in_thread(partial(self.stream, body, request))

    def status_of(self, error: BaseException) -> int | None:
        response = getattr(error, "response", None)
        metadata = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
        status = metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None
        return status if isinstance(status, int) else None

"""The OpenAI SDK as llmtrace uses it: clients that tell of their retries, and what its `post` needs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

import openai
from openai import AsyncStream as SDKAsyncStream
from openai import Stream as SDKStream
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from llmtrace.providers.base import EmbeddingRequest, Request, note_retry

try:
    import httpx2 as httpx  # openai 3
except ImportError:
    import httpx  # type: ignore[no-redef,import-not-found,unused-ignore]  # openai 2

RESPONSE: Final = httpx.Response
Stream: Final = SDKStream[object]
AsyncStream: Final = SDKAsyncStream[object]


class Retrying:
    """Notes each retry on the call's span. The SDK computes the wait right before it sleeps, handling the cause."""

    max_retries: int

    def _calculate_retry_timeout(self, remaining_retries: int, options: Any, response_headers: Any = None) -> float:
        wait: float = super()._calculate_retry_timeout(remaining_retries, options, response_headers)  # type: ignore[misc]
        response = getattr(sys.exc_info()[1], "response", None)
        attempt = options.get_max_retries(self.max_retries) - remaining_retries + 1
        note_retry(attempt, getattr(response, "status_code", None), wait)
        return wait


class OpenAI(Retrying, openai.OpenAI):
    """The SDK's client."""


class AsyncOpenAI(Retrying, openai.AsyncOpenAI):
    """The SDK's client for async code."""


def fitting(clients: Sequence[Any], kind: str) -> Any:
    """The one of the HTTP clients that were given which serves the SDK client `kind`, None for the SDK's default."""
    wants_async = kind.startswith("Async")
    for client in clients:
        if client is not None and hasattr(client, "aclose") is wants_async:
            return client
    return None


def options(body: Mapping[str, Any], request: Request | EmbeddingRequest) -> dict[str, Any]:
    """The SDK's request options: timeout, retries, and what its methods take as ``extra_headers`` and the like."""
    given = {
        "timeout": request.timeout,
        "max_retries": request.max_retries,
        "headers": body.get("extra_headers"),
        "params": body.get("extra_query"),
        "extra_json": body.get("extra_body"),
    }
    return {name: value for name, value in given.items() if value is not None}


def built(data: Any, response: Any, *, responses: bool) -> ChatCompletion | Response:
    """The object that the SDK's own method would have returned."""
    made = Response.construct(**data) if responses else ChatCompletion.construct(**data)
    made._request_id = response.headers.get("x-request-id")
    return made


def raising(events: Any) -> Iterator[Any]:
    """The events of a streamed response; an error among them is raised, as the SDK itself does for chat completions."""
    with events:
        for event in events:
            _raise_error(event, events.response)
            yield event


async def araising(events: Any) -> AsyncIterator[Any]:
    """The same for async code."""
    async with events:
        async for event in events:
            _raise_error(event, events.response)
            yield event


def _raise_error(event: Any, response: Any) -> None:
    if event.get("type") == "error":
        message = event.get("message") or "An error occurred during streaming"
        raise openai.APIError(message, response.request, body=event)

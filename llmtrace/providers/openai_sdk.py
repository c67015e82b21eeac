"""The OpenAI SDK as llmtrace uses it: clients that tell of their retries, and what comes of their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import openai
from openai import AsyncStream as SDKAsyncStream
from openai import Stream as SDKStream
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from llmtrace.providers.stainless import Retrying

try:
    import httpx2 as httpx  # openai 3
except ImportError:
    import httpx  # type: ignore[no-redef,import-not-found,unused-ignore]  # openai 2

RESPONSE: Final = httpx.Response
Stream: Final = SDKStream[object]
AsyncStream: Final = SDKAsyncStream[object]


class OpenAI(Retrying, openai.OpenAI):
    """The SDK's client."""


class AsyncOpenAI(Retrying, openai.AsyncOpenAI):
    """The SDK's client for async code."""


class AzureOpenAI(Retrying, openai.AzureOpenAI):
    """The SDK's client for Azure, which puts the model into the path."""


class AsyncAzureOpenAI(Retrying, openai.AsyncAzureOpenAI):
    """The same for async code."""


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

"""The OpenAI SDK as llmtrace uses it: clients that tell of their retries, and what comes of their answers."""

from __future__ import annotations

from typing import Any, Final

import openai
from openai import AsyncStream as SDKAsyncStream
from openai import Stream as SDKStream
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from llmtrace.providers.events import AsyncEvents, Events
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


class RaisingEvents(Events):
    """The events of a streamed response; an error among them is raised, as the SDK itself does for chat completions.

    It is raised when the next event is asked for, so that all that came with it has been read.
    """

    _error: Exception | None = None

    def __next__(self) -> Any:
        if self._error is not None:
            raise self._error
        event = super().__next__()
        self._error = error_in(event, self._events)
        return event


class AsyncRaisingEvents(AsyncEvents):
    """The same for async code."""

    _error: Exception | None = None

    async def __anext__(self) -> Any:
        if self._error is not None:
            raise self._error
        event = await super().__anext__()
        self._error = error_in(event, self._events)
        return event


def raising(stream: Any) -> RaisingEvents:
    """The events of a streamed response."""
    return RaisingEvents(stream, stream.close)


def araising(stream: Any) -> AsyncRaisingEvents:
    """The same for async code."""
    return AsyncRaisingEvents(stream, stream.close)


def error_in(event: Any, stream: Any) -> Exception | None:
    """The exception that an event stands for."""
    kind = event.get("type")
    if kind not in ("error", "response.failed"):
        return None
    error = event if kind == "error" else (event.get("response") or {}).get("error") or {}
    message = error.get("message") or "An error occurred during streaming"
    return openai.APIError(message, stream.response.request, body=error)

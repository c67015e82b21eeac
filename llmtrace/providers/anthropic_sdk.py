"""The Anthropic SDK as llmtrace uses it."""

from __future__ import annotations

from typing import Any, Final

import anthropic
import httpx2
from anthropic import AsyncStream as SDKAsyncStream
from anthropic import Stream as SDKStream
from anthropic.types import Message

from llmtrace.providers.stainless import Retrying

RESPONSE: Final = httpx2.Response
Stream: Final = SDKStream[object]
AsyncStream: Final = SDKAsyncStream[object]


class Anthropic(Retrying, anthropic.Anthropic):
    """The SDK's client."""


class AsyncAnthropic(Retrying, anthropic.AsyncAnthropic):
    """The SDK's client for async code."""


def built(data: Any, response: Any) -> Message:
    """The object that the SDK's own method would have returned."""
    made = Message.construct(**data)
    made._request_id = response.headers.get("request-id")
    return made

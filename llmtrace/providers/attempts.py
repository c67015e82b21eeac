"""Retries of SDKs that tell of none: they are seen where each attempt passes through the HTTP client."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Any

from llmtrace.providers.retries import note_retry

_attempts: ContextVar[Attempts | None] = ContextVar("llmtrace_attempts", default=None)


class Attempts:
    """The attempts of one call. What comes after one that failed is a retry."""

    __slots__ = ("_at", "_cause", "_count", "_status", "response")

    def __init__(self) -> None:
        self._count = 0
        self._status: int | None = None
        self._cause: BaseException | None = None
        self._at = 0.0
        self.response: Any = None
        """the last answer of the HTTP client"""

    def begins(self) -> None:
        """An attempt is sent."""
        if self._count:
            note_retry(self._count, self._status, time.monotonic() - self._at, self._cause)
        self._count += 1

    def ended(self, status: int | None, cause: BaseException | None = None) -> None:
        """It was answered with a status, or broke with a cause."""
        self._status, self._cause, self._at = status, cause, time.monotonic()

    async def aclose(self) -> None:
        """Let go of the connection of the last answer."""
        if self.response is not None:
            await self.response.aclose()


def call_begins() -> Attempts:
    """Count the attempts of a new call from here on."""
    begun = Attempts()
    _attempts.set(begun)
    return begun


def attempts() -> Attempts:
    """Those of the call that is being made."""
    return _attempts.get() or Attempts()


class Watched:
    """A transport of httpx that notes what passes through it, and is for the rest the one that it wraps."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def __enter__(self) -> Any:
        return self._transport.__enter__()

    def __exit__(self, *error: Any) -> Any:
        return self._transport.__exit__(*error)

    async def __aenter__(self) -> Any:
        return await self._transport.__aenter__()

    async def __aexit__(self, *error: Any) -> Any:
        return await self._transport.__aexit__(*error)

    def handle_request(self, request: Any) -> Any:
        seen = attempts()
        seen.begins()
        try:
            response = self._transport.handle_request(request)
        except BaseException as error:
            seen.ended(None, error)
            raise
        seen.ended(response.status_code)
        return response

    async def handle_async_request(self, request: Any) -> Any:
        seen = attempts()
        seen.begins()
        try:
            response = await self._transport.handle_async_request(request)
        except BaseException as error:
            seen.ended(None, error)
            raise
        seen.response = response
        seen.ended(response.status_code)
        return response


def watch(client: Any) -> Any:
    """Watch an HTTP client, httpx's or httpx2's. A transport of one's own would switch its proxy settings off."""
    if client is not None and hasattr(client, "_transport") and not isinstance(client._transport, Watched):
        client._transport = Watched(client._transport)
        mounts = getattr(client, "_mounts", {})
        mounts.update({pattern: each and Watched(each) for pattern, each in mounts.items()})
    return client

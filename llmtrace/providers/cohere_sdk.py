"""The Cohere SDK as llmtrace uses it: clients whose attempts are seen, and streams that are open when they return."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import cohere
import httpx

from llmtrace.providers.attempts import watch

TIMEOUT_S = 300.0  # the SDK's own


def client(wants_async: bool, given: Any, options: Mapping[str, Any]) -> Any:
    """The SDK's client on the HTTP client that was given, or one as the SDK would make it."""
    timeout = options.get("timeout", TIMEOUT_S)
    made: Any = httpx.AsyncClient if wants_async else httpx.Client
    http_client = watch(given or made(timeout=timeout, follow_redirects=True))
    cls: Any = cohere.AsyncClientV2 if wants_async else cohere.ClientV2
    client = cls(httpx_client=http_client, **options)
    if given is None and not wants_async:  # an async client is closed with its loop
        weakref.finalize(client, http_client.close)
    return client


def opened(events: Iterator[Any]) -> Iterator[Any]:
    """The events as dicts. The SDK sends nothing before the first is asked for: it is asked for here."""
    first = next(events, None)

    def rest() -> Iterator[Any]:
        try:
            if first is not None:
                yield first.model_dump()
            for event in events:
                yield event.model_dump()
        finally:
            events.close()  # type: ignore[attr-defined]  # it is a generator

    return rest()


async def aopened(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The same for async code."""
    first = await anext(events, None)

    async def rest() -> AsyncIterator[Any]:
        try:
            if first is not None:
                yield first.model_dump()
            async for event in events:
                yield event.model_dump()
        finally:
            await events.aclose()  # type: ignore[attr-defined]  # it is a generator

    return rest()

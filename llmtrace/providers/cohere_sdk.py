"""The Cohere SDK as llmtrace uses it: clients whose attempts are seen, and streams that are open when they return."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import cohere
import httpx

from llmtrace.providers.attempts import watch
from llmtrace.providers.events import AsyncEvents, Events

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


def opened(events: Any) -> Events:
    """The events as dicts. The SDK sends nothing before the first is asked for: it is asked for here."""
    first = [event for event in (next(events, None),) if event is not None]
    return Events(events, events.close, dumped, *first)


async def aopened(events: Any) -> AsyncEvents:
    """The same for async code."""
    first = [event for event in (await anext(events, None),) if event is not None]
    return AsyncEvents(events, events.aclose, dumped, *first)


def dumped(event: Any) -> Any:
    """An event as a dict."""
    return event.model_dump()

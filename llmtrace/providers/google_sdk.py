"""The google-genai SDK as llmtrace uses it: clients whose attempts are seen, and streams that are open at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import google.genai as genai  # not from `google`, a namespace that other packages bring: that is no missing module

from llmtrace.providers.attempts import watch
from llmtrace.providers.events import AsyncEvents, Events


def limits(timeout: float | None, max_retries: int | None) -> dict[str, Any]:
    """Time and retries as the SDK's HTTP options: it counts in milliseconds, and the first attempt too."""
    options: dict[str, Any] = {}
    if timeout is not None:
        options["timeout"] = int(timeout * 1000)
    if max_retries is not None:
        options["retry_options"] = {"attempts": max_retries + 1}
    return options


def client(
    vertexai: bool,
    options: Mapping[str, Any],
    http: Mapping[str, Any],
    limit: tuple[float | None, int | None],
    given: Sequence[Any],
) -> Any:
    """The SDK's client, for sync and async code."""
    http_options = {name: value for name, value in http.items() if value is not None} | limits(*limit)
    for each in given:
        if each is not None:
            http_options["httpx_async_client" if hasattr(each, "aclose") else "httpx_client"] = each
    # The SDK would use aiohttp for async code where that is installed: it is asked for the client that is watched.
    made = genai.Client(vertexai=vertexai, http_options=http_options, **options)  # type: ignore[arg-type]
    api: Any = made._api_client
    watch(getattr(api, "_httpx_client", None))
    pool = getattr(api, "_async_httpx_client", None)
    if pool is not None and hasattr(pool, "_per_loop"):
        pool._per_loop = False  # a client here serves one loop only: the inner ones that it makes would not be watched
    watch(pool)
    return made


def opened(events: Any) -> Events:
    """The chunks as dicts. The SDK sends nothing before the first is asked for: it is asked for here."""
    first = [event for event in (next(events, None),) if event is not None]
    return Events(events, events.close, dumped, *first)


async def aopened(events: Any, close: Callable[[], Awaitable[object]]) -> AsyncEvents:
    """The same for async code. The SDK's iterator is part of a circle: the connection is closed by `close`."""
    first = [event for event in (await anext(events, None),) if event is not None]
    return AsyncEvents(events, close, dumped, *first)


def dumped(event: Any) -> Any:
    """A chunk as a dict."""
    return event.model_dump(exclude_none=True, mode="json")

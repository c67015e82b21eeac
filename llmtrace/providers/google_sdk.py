"""The google-genai SDK as llmtrace uses it: clients whose attempts are seen, and streams that are open at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from google import genai

from llmtrace.providers.attempts import watch


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
    watch(getattr(api, "_async_httpx_client", None))
    return made


def opened(events: Iterator[Any]) -> Iterator[Any]:
    """The chunks as dicts. The SDK sends nothing before the first is asked for: it is asked for here."""
    first = next(events, None)

    def rest() -> Iterator[Any]:
        if first is not None:
            yield first.model_dump(exclude_none=True, mode="json")
        for event in events:
            yield event.model_dump(exclude_none=True, mode="json")

    return rest()


async def aopened(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The same for async code."""
    first = await anext(events, None)

    async def rest() -> AsyncIterator[Any]:
        if first is not None:
            yield first.model_dump(exclude_none=True, mode="json")
        async for event in events:
            yield event.model_dump(exclude_none=True, mode="json")

    return rest()

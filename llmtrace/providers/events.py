"""Streams of events with one way to let go of the connection, which works before the first event is read as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Self

Read = Callable[[Any], Any]


class Events:
    """The events of an SDK's stream.

    Args:
        events: the SDK's own, from the second on where `first` holds one that was read to open the stream.
        close: lets go of the connection.
        read: makes of an event what a protocol's reader takes.
        first: events that come before.
    """

    def __init__(
        self, events: Iterator[Any], close: Callable[[], object], read: Read | None = None, *first: Any
    ) -> None:
        self._events = events
        self._close = close
        self._read = read
        self._first = list(first)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        event = self._first.pop(0) if self._first else next(self._events)
        return event if self._read is None else self._read(event)

    def close(self) -> None:
        """Let go of the connection."""
        self._close()


class AsyncEvents:
    """The same for async code."""

    def __init__(
        self, events: AsyncIterator[Any], close: Callable[[], Awaitable[object]], read: Read | None = None, *first: Any
    ) -> None:
        self._events = events
        self._close = close
        self._read = read
        self._first = list(first)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        event = self._first.pop(0) if self._first else await anext(self._events)
        return event if self._read is None else self._read(event)

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._close()

"""A blocking stream of events for async code, read in a thread one event at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from llmtrace.masking import get_logger

logger = get_logger("llmtrace.providers")

END: Final = object()


async def opened_in_thread(open_: Callable[[], Iterator[Any]]) -> InThread:
    """The events of the stream that `open_` opens. One that is still being opened when the task is cancelled is closed
    as soon as it is open."""
    opening = asyncio.ensure_future(asyncio.to_thread(open_))
    try:
        return InThread(await asyncio.shield(opening))
    except asyncio.CancelledError:
        opening.add_done_callback(_close_opened)
        raise


def _close_opened(opening: asyncio.Future[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        _close(opening.result())


class InThread:
    """The events. Who leaves while one is being read does not wait for it: the connection is free when it has come."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._busy = threading.Lock()
        self._left = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        event = await asyncio.to_thread(self._next)
        if event is END:
            raise StopAsyncIteration
        return event

    def _next(self) -> Any:
        with self._busy:
            event = END if self._left else next(self._events, END)
        if self._left:
            self._leave()
        return event

    async def aclose(self) -> None:
        """Let go of the connection."""
        self._leave()

    def _leave(self) -> None:
        self._left = True
        if self._busy.acquire(blocking=False):
            try:
                _close(self._events)
            finally:
                self._busy.release()


def _close(events: Any) -> None:
    try:
        events.close()
    except Exception:
        logger.debug("The connection of a stream that was left could not be closed.", exc_info=True)

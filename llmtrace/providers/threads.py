"""A blocking stream of events for async code, read in a thread one event at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

END: Final = object()


async def in_thread(events: Iterator[Any]) -> AsyncIterator[Any]:
    """The events. One that is being read when the task is cancelled is read to its end: then the connection is free."""
    try:
        while True:
            event = await asyncio.to_thread(next, events, END)
            if event is END:
                return
            yield event
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            await asyncio.shield(asyncio.to_thread(close))

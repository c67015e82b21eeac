"""One client for each event loop, closed with its loop: one that outlives it holds its connections open, and fails on
them."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from llmtrace.forking import awaited_by_forks

C = TypeVar("C")


class PerLoop(Generic[C]):
    """Makes a client when a loop first needs one.

    A loop that shuts down, as ``asyncio.run`` and ``async_to_sync`` let theirs do after each call, closes the
    asynchronous generators that are open in it: a generator that holds the client closes that as well.
    """

    def __init__(self, close: Callable[[C], Awaitable[None]] | None) -> None:
        """`close` is None where a client is not ours to close. It is a function, and not a method of who owns this:
        else both would be garbage only together, and connections closed in whatever order that is collected."""
        self._close = close
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[C, AsyncGenerator[None]]]
        self._clients = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._clients)

    async def get(self, make: Callable[[], C]) -> C:
        """The running loop's client, made by `make` if there is none."""
        loop = asyncio.get_running_loop()
        known = self._clients.get(loop)
        if known is not None:
            return known[0]
        with awaited_by_forks():  # some of an SDK is imported by its client
            client = make()
        keeper = self._keep(loop, client)
        with self._lock:
            self._forget_closed()
            self._clients[loop] = (client, keeper)
        await anext(keeper)
        return client

    async def _keep(self, loop: asyncio.AbstractEventLoop, client: C) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            with self._lock:
                self._clients.pop(loop, None)
            if self._close is not None:
                await self._close(client)

    def _forget_closed(self) -> None:
        """Let go of the clients of loops that were closed without being shut down."""
        for loop in [each for each in self._clients if each.is_closed()]:
            del self._clients[loop]

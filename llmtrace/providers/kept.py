"""A client that is made when it is first needed, and once, however many threads need it at that moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from llmtrace.forking import awaited_by_forks

C = TypeVar("C")


class Kept(Generic[C]):
    """Keeps the client. Making one takes tens of milliseconds, and each has connections of its own."""

    def __init__(self) -> None:
        self._client: C | None = None
        self._lock = threading.Lock()

    def get(self, make: Callable[[], C]) -> C:
        """The client, made by `make` if there is none: kept here, it would make a circle with who owns both."""
        client = self._client
        if client is None:
            with self._lock:
                client = self._client
                if client is None:
                    with awaited_by_forks():  # some of an SDK is imported by its client
                        client = self._client = make()
        return client

    def taken(self) -> C | None:
        """The client for the last time, None if there was none; the next one who needs it has a new one made."""
        with self._lock:
            client, self._client = self._client, None
        return client

"""The stretch of work that an open stream belongs to: a request with its body, or one run of a job."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from types import MethodType
from typing import Any, Final

from llmtrace.masking import get_logger

logger = get_logger("llmtrace.tracing")

Callback = Callable[[], Any]

_keys = itertools.count()


class Scope:
    """What is still open in one request or job, and has to end with it at the latest."""

    __slots__ = ("_callbacks", "client_gone", "ended")

    def __init__(self) -> None:
        self.client_gone = False  # nobody reads the request's body any more: what it streams is cancelled
        self.ended = False
        self._callbacks: dict[int, Callable[[], Callback | None]] = {}

    def on_end(self, callback: Callback) -> Callable[[], Any]:
        """Have `callback` called when the scope ends; returns a function that takes it back.

        A bound method is held weakly, so that an object which is dropped before can go.
        """
        key = next(_keys)
        self._callbacks[key] = weakref.WeakMethod(callback) if isinstance(callback, MethodType) else lambda: callback
        return partial(self._callbacks.pop, key, None)

    def end(self) -> None:
        """Call what is registered, the latest first. May be called twice, from any thread, and never raises."""
        self.ended = True
        while self._callbacks:
            try:
                callback = self._callbacks.popitem()[1]()
                if callback is not None:
                    callback()
            except Exception:
                logger.exception("Something that was open when a request or a job ended could not be closed.")


current_scope: Final[ContextVar[Scope | None]] = ContextVar("llmtrace_scope", default=None)


@contextmanager
def scope() -> Iterator[Scope]:
    """A new scope for a block of work; it ends with the block."""
    new = Scope()
    token = current_scope.set(new)
    try:
        yield new
    finally:
        current_scope.reset(token)
        new.end()


def on_end(callback: Callback) -> Callable[[], Any]:
    """Have `callback` called when the request or job that runs here ends; returns a function that takes it back.

    Outside of both, and in work that has outlived its request, there is nothing to wait for: then it is never called.
    """
    current = current_scope.get()
    if current is None or current.ended:
        return _nothing
    return current.on_end(callback)


def client_gone() -> bool:
    """Whether the client of the request that runs here has gone before the body's end."""
    current = current_scope.get()
    return current is not None and current.client_gone


def is_cancelled() -> bool:
    """Whether the asyncio task that runs here was told to stop, as when the client of its request has gone."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return False
    return task is not None and task.cancelling() > 0


def _nothing() -> None:
    """Nothing was registered."""

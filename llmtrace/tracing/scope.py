"""The stretch of work that an open stream belongs to: a request with its body, one run of a job, or its process."""

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

from llmtrace.forking import at_fork
from llmtrace.masking import get_logger

logger = get_logger("llmtrace.tracing")

Callback = Callable[[], Any]

Reference = Callable[[], Callback | None]

_keys = itertools.count()
_open: Final[dict[int, Reference]] = {}
"""All that is open in this process, in scopes and outside of any."""


class Scope:
    """What is still open in one request or job, and has to end with it at the latest."""

    __slots__ = ("_open", "client_gone", "ended")

    def __init__(self) -> None:
        self.client_gone = False  # nobody reads the request's body any more: what it streams is cancelled
        self.ended = False
        self._open: dict[int, Reference] = {}

    def end(self) -> None:
        """Call what is registered, the latest first. May be called twice, from any thread, and never raises."""
        self.ended = True
        _end(self._open)


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

    Outside of both, and in work that has outlived its request, that is when the process ends. A bound method is held
    weakly, so that an object which is dropped before can go.
    """
    key, current = next(_keys), current_scope.get()
    reference = weakref.WeakMethod(callback) if isinstance(callback, MethodType) else lambda: callback
    _open[key] = reference
    if current is None or current.ended:
        return partial(_open.pop, key, None)
    current._open[key] = reference
    return partial(_take_back, key, current._open)


def _take_back(key: int, of_scope: dict[int, Reference]) -> None:
    _open.pop(key, None)
    of_scope.pop(key, None)


def end_all() -> None:
    """Call what is registered anywhere in this process, the latest first: it ends. Never raises."""
    _end(_open)


def _end(references: dict[int, Reference]) -> None:
    while references:
        try:
            key, reference = references.popitem()
        except KeyError:  # another thread has taken back the last of them
            return
        _open.pop(key, None)
        try:
            callback = reference()
            if callback is not None:
                callback()
        except Exception:
            logger.exception("Something that was open when its request, job or process ended could not be closed.")


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


def _after_fork_in_child() -> None:
    _open.clear()  # the parent ends what is its own


at_fork(after_in_child=_after_fork_in_child)

"""The order of the receivers of Celery's signals, so that what the project's do is within what is traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def connect_first(signal: Any, receiver: Callable[..., None], uid: str) -> None:
    """Connect a receiver before those that are connected; what is connected later comes after it.

    Those of the project's may be earlier, from when its application was made, and so are those of another
    instrumentation.
    """
    signal.connect(receiver, weak=False, dispatch_uid=uid)
    order(signal, lambda connected: connected is not receiver)


def order(signal: Any, key: Callable[[Any], Any]) -> None:
    """Put a signal's receivers in the order of `key`, and leave those of the same as they are."""
    with signal.lock:
        signal.receivers[:] = sorted(signal.receivers, key=lambda connected: key(connected[1]))
        signal.sender_receivers_cache.clear()

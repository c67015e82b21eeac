"""Ours come first among the receivers of Celery's signals, so that what the project's do is within what is traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def connect_first(signal: Any, receiver: Callable[..., None], uid: str) -> None:
    """Connect a receiver before those that are connected; what is connected later comes after it.

    Those of the project's may be earlier, from when its application was made, and so are those of another
    instrumentation.
    """
    signal.connect(receiver, weak=False, dispatch_uid=uid)
    with signal.lock:
        signal.receivers[:] = sorted(signal.receivers, key=lambda connected: connected[1] is not receiver)
        signal.sender_receivers_cache.clear()

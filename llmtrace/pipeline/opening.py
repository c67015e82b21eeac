"""A fork waits for who opens a file and locks it: a child would keep the lock of a file that it knows nothing of."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Final

from llmtrace.forking import at_fork

FORK_PATIENCE_S: Final = 2.0  # how long a fork waits for a thread

_lock = threading.RLock()


def opening() -> threading.RLock:
    """What is held from before a file is opened until there is something that a child can close it by."""
    return _lock


def _before_fork() -> None:
    _lock.acquire(timeout=FORK_PATIENCE_S)


def _after_fork_in_parent() -> None:
    with suppress(RuntimeError):  # the wait was too long
        _lock.release()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

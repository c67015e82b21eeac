"""A fork waits for what is imported late: its child would have modules that are half there, locked for ever."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Final

PATIENCE_S: Final = 10.0  # how long a fork waits; to make an exporter of others may take for ever

_changed = threading.Condition(threading.RLock())
_under_way: list[int] = []  # the thread of each import


class importing:  # noqa: N801  # written as a function is: a generator would take twice the time, which calls pay
    """What a thread imports within this is whole when a process forks, unless it takes longer than `PATIENCE_S`.

    No thread waits for another here: with a lock around an import two could wait for each other.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        with _changed:
            _under_way.append(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        with _changed:
            _under_way.remove(threading.get_ident())
            _changed.notify_all()


def _is_whole() -> bool:
    own = threading.get_ident()
    return all(thread == own for thread in _under_way)


def _before_fork() -> None:
    if _changed.acquire(timeout=PATIENCE_S):
        _changed.wait_for(_is_whole, PATIENCE_S)


def _after_fork_in_parent() -> None:
    with suppress(RuntimeError):  # the wait was too long
        _changed.release()


def _after_fork_in_child() -> None:
    global _changed
    own = threading.get_ident()
    _changed = threading.Condition(threading.RLock())
    _under_way[:] = [thread for thread in _under_way if thread == own]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

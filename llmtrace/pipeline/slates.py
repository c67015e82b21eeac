"""A slate for each child that this process forks, once it has asked for it: a main process whose children do the work.

A child that is killed takes along what it has in memory; what its slate says of it, its parent can tell.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from typing import Final

from llmtrace.forking import at_fork
from llmtrace.pipeline.slate import Slate

MOST: Final = 1024  # children whose slates are kept; a child that has gone makes room first


class Slates:
    """Those of this process."""

    def __init__(self) -> None:
        self.own: Slate | None = None  # in a child: where it notes its open spans
        self._watching = False
        self._next: dict[int, Slate] = {}  # of the child that a thread is about to fork
        self._children: deque[Slate] = deque(maxlen=MOST)

    def watch(self) -> None:
        """Give each child a slate from now on. Its own children have none."""
        self._watching = True

    def of(self, pid: object) -> Slate | None:
        """The slate of the child with that number, the latest one: numbers come again. None if there is none."""
        return next((slate for slate in reversed(tuple(self._children)) if slate.pid == pid), None)

    def gone(self) -> list[Slate]:
        """Those of children that are no more, and have left something."""
        return [each for each in tuple(self._children) if _has_gone(each) and not each.is_empty]

    def before_fork(self) -> None:
        """Make a slate, which parent and child then share."""
        if self._watching:
            self._next[threading.get_ident()] = Slate()

    def after_fork_in_parent(self) -> None:
        """Keep it, and let go of those whose child has gone and has left nothing. Other threads may fork meanwhile."""
        slate = self._next.pop(threading.get_ident(), None)
        if slate is None:
            return
        for each in tuple(self._children):
            if _has_gone(each) and each.is_empty:
                with suppress(ValueError):  # another thread was quicker
                    self._children.remove(each)
        self._children.append(slate)

    def after_fork_in_child(self) -> None:
        """Write on it; the others are not the child's."""
        self._watching = False
        self._children = deque(maxlen=MOST)
        self.own, self._next = self._next.get(threading.get_ident()), {}
        if self.own is not None:
            self.own.begin(os.getpid())


def _has_gone(slate: Slate) -> bool:
    """Whether its child is no more. One that has just been forked has not said yet whose it is."""
    return bool(slate.pid) and not is_there(slate.pid)


def is_there(pid: int) -> bool:
    """Whether there is a process with that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


slates: Final = Slates()
"""The slates of this process's children, and its own if it is a child."""

at_fork(
    before=lambda: slates.before_fork(),
    after_in_parent=lambda: slates.after_fork_in_parent(),
    after_in_child=lambda: slates.after_fork_in_child(),
)

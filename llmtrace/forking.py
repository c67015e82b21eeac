"""What a fork waits for, and what is done before and after it.

A child has the threads of its parent no more: what one of them was importing or making it would have half there, with
locks that nobody opens.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  # else the first connection of any thread imports it
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

PATIENCE_S: Final = 10.0  # how long a fork waits; to make an exporter of others may take for ever

_changed = threading.Condition(threading.RLock())
_under_way: list[int] = []  # the threads within
_before: list[Callable[[], object]] = []
_after_in_parent: list[Callable[[], object]] = []
_after_in_child: list[Callable[[], object]] = []


class awaited_by_forks:  # noqa: N801  # written as a function is: a generator would take twice the time
    """What a thread imports or makes within this is whole when a process forks, unless that takes longer than
    `PATIENCE_S`.

    It comes before every lock that a fork takes. No thread waits for another here: with a lock around an import two
    could wait for each other.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        with _changed:
            _under_way.append(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        with _changed:
            _under_way.remove(threading.get_ident())
            _changed.notify_all()


def at_fork(
    *,
    before: Callable[[], object] | None = None,
    after_in_parent: Callable[[], object] | None = None,
    after_in_child: Callable[[], object] | None = None,
) -> None:
    """Have functions called at each fork from now on, as `os.register_at_fork` does.

    Args:
        before: called when nothing is under way that a fork waits for, those registered last first.
        after_in_parent: called in the order in which they were registered, as `after_in_child`.
        after_in_child: the same in the child.
    """
    from llmtrace.mistakes import guarded  # which needs Django; what uses names of `llmtrace` alone need not have it

    kinds = (_before, before), (_after_in_parent, after_in_parent), (_after_in_child, after_in_child)
    for functions, function in kinds:
        if function is not None:
            functions.append(guarded("Something could not be done at a fork.")(function))


def _is_whole() -> bool:
    own = threading.get_ident()
    return all(thread == own for thread in _under_way)


def _run_before() -> None:
    if _changed.acquire(timeout=PATIENCE_S):  # held until there is a child
        _changed.wait_for(_is_whole, PATIENCE_S)
    for function in reversed(_before):
        function()


def _run_after_in_parent() -> None:
    for function in _after_in_parent:
        function()
    with suppress(RuntimeError):  # the wait was too long
        _changed.release()


def _run_after_in_child() -> None:
    global _changed
    own = threading.get_ident()
    _changed = threading.Condition(threading.RLock())
    _under_way[:] = [thread for thread in _under_way if thread == own]
    for function in _after_in_child:
        function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_run_before, after_in_parent=_run_after_in_parent, after_in_child=_run_after_in_child)

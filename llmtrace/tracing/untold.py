"""Exceptions of calls with ``capture_content=False``: their texts may quote what was said, and stand on no span.

Such an exception may leave the view or the job that made the call, or become part of another one on its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

MARK: Final = "__llmtrace_untold__"


def keep_untold(error: BaseException) -> None:
    """Keep the texts of `error`, and of what is raised because of it, off every span."""
    with suppress(Exception):  # a class may forbid it
        error.__dict__[MARK] = True


def is_untold(error: BaseException) -> bool:
    """Whether `error`, or one that it came from or holds, is to stay untold."""
    return any(MARK in getattr(each, "__dict__", ()) for each in _around(error))


def _around(error: BaseException) -> Iterator[BaseException]:
    """The exception, those that it came from, and those of a group."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions

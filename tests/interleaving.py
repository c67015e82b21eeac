"""What another thread does in the middle of something, without threads: it is done wherever something is called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from types import FrameType
from typing import Any, Final

WEAK: Final = ("weakref.py", "_weakrefset.py")
"""Python's own collections of weak references."""


def at_each_call(of: str, tried: Callable[[AbstractContextManager[None]], object], done: Callable[[], object]) -> int:
    """Call `tried` again and again with a context manager that has `done` done at another call each time, see
    `between_calls`; how many there were.
    """
    place, came = 0, True
    while came:
        came = False

        def once(seen: count[int], place: int) -> None:
            nonlocal came
            if next(seen) == place:
                came = True
                done()

        tried(between_calls(of, partial(once, count(), place)))
        place += 1
    return place - 1


@contextmanager
def between_calls(of: str | tuple[str, ...], done: Callable[[], object]) -> Iterator[None]:
    """Have `done` done at each call that this thread makes in, or to, files whose names end with (one of) `of`.

    CPython lets other threads and signals come in between there, and not between looking at a value and storing one.
    """

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        if any(each is not None and each.f_code.co_filename.endswith(of) for each in (frame, frame.f_back)):
            done()

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)

"""What another thread does in the middle of something, without threads: it is done between the lines of a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def between_lines(of: str | tuple[str, ...], done: Callable[[], object]) -> Iterator[None]:
    """Have `done` done before each line of the files whose names end with (one of) `of` that this thread comes to."""

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.endswith(of):
            return None
        if event == "line":
            done()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


WEAK = ("weakref.py", "_weakrefset.py")
"""Python's own collections of weak references."""

"""The wall between the host and mistakes of ours: they are logged and go no further."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from llmtrace.mistakes import tell

logger = logging.getLogger("llmtrace")

P = ParamSpec("P")
T = TypeVar("T")


def guarded(what: str) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Make a function return None where it would raise, and log `what` went wrong: once, then at debug level."""

    def decorate(function: Callable[P, T]) -> Callable[P, T | None]:
        @wraps(function)
        def wall(*args: P.args, **kwargs: P.kwargs) -> T | None:
            try:
                return function(*args, **kwargs)
            except Exception:
                tell(logger, what)
                return None

        return wall

    return decorate

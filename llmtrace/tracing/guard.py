"""The wall between the host and mistakes of ours: they are logged and go no further."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

logger = logging.getLogger("llmtrace")

P = ParamSpec("P")
T = TypeVar("T")


def guarded(what: str) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Make a function return None where it would raise, and log `what` went wrong: once, then at debug level."""

    def decorate(function: Callable[P, T]) -> Callable[P, T | None]:
        logged = False

        @wraps(function)
        def wall(*args: P.args, **kwargs: P.kwargs) -> T | None:
            nonlocal logged
            try:
                return function(*args, **kwargs)
            except Exception:
                level, logged = logging.DEBUG if logged else logging.ERROR, True
                logger.log(level, "%s This is a mistake of llmtrace; nothing else is affected.", what, exc_info=True)
                return None

        return wall

    return decorate

"""The wall between the host and mistakes of llmtrace: they are told in the host's log, and go no further.

Each is told once, and at debug level when it happens again.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from llmtrace.masking import get_logger

P = ParamSpec("P")
T = TypeVar("T")

SIGN: Final = "This is a mistake of llmtrace"

ELSE: Final = "nothing else is affected"

_told: set[str] = set()


def tell(logger: logging.Logger, what: str, rest: str = ELSE) -> None:
    """Log the exception that is being handled.

    Args:
        logger: whose line it is.
        what: a sentence on what went wrong; the same one is told once in a process.
        rest: what that means for everything else.
    """
    level = logging.DEBUG if what in _told else logging.ERROR
    _told.add(what)
    logger.log(level, "%s %s; %s.", what, SIGN, rest, exc_info=sys.exc_info())


def guarded(what: str, rest: str = ELSE) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Make a function return None where it would raise, and `tell` of it; what is raised to end a process passes."""

    def decorate(function: Callable[P, T]) -> Callable[P, T | None]:
        logger = get_logger(function.__module__.rpartition(".")[0])

        @wraps(function)
        def wall(*args: P.args, **kwargs: P.kwargs) -> T | None:
            try:
                return function(*args, **kwargs)
            except Exception:
                tell(logger, what, rest)
                return None

        return wall

    return decorate

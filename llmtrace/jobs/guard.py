"""The wall between the host's jobs and mistakes of ours: they are logged and go no further."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

logger = logging.getLogger("llmtrace.jobs")

P = ParamSpec("P")
T = TypeVar("T")


def guarded(function: Callable[P, T]) -> Callable[P, T | None]:
    """Make a function that returns None where `function` raises, and logs what it was."""

    @wraps(function)
    def wall(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception:
            logger.exception("A job could not be traced. This is a mistake of llmtrace; the job is not affected.")
            return None

    return wall

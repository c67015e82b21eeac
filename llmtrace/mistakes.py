"""Mistakes of llmtrace, as they are told in the host's log: each once, and at debug level when it happens again."""

from __future__ import annotations

import logging
import sys
from typing import Final

SIGN: Final = "This is a mistake of llmtrace"

_told: set[str] = set()


def tell(logger: logging.Logger, what: str, rest: str = "nothing else is affected") -> None:
    """Log the exception that is being handled.

    Args:
        logger: whose line it is.
        what: a sentence on what went wrong; the same one is told once in a process.
        rest: what that means for everything else.
    """
    level = logging.DEBUG if what in _told else logging.ERROR
    _told.add(what)
    logger.log(level, "%s %s; %s.", what, SIGN, rest, exc_info=sys.exc_info())

"""Texts that people read beside spans, such as errors and log lines, with the secrets in them masked.

They are masked whatever ``REDACT`` says: it is about spans, and a key has no business in a log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from django.utils.module_loading import import_string

REDACT: Final = "llmtrace.filters.redact.redact_text"
MOST: Final = 100_000  # characters of a text that are read, and kept
UNREADABLE: Final = "a text that could not be read"


def masked(text: str) -> str:
    """`text` without its secrets, and without what is beyond its first `MOST` characters. Never raises."""
    try:
        redact: Callable[[str], str] = import_string(REDACT)
        return redact(text[:MOST])
    except Exception:
        return UNREADABLE


def get_logger(name: str) -> logging.Logger:
    """The logger of that name; what it logs, exceptions included, is masked before any handler sees it."""
    logger = logging.getLogger(name)
    logger.addFilter(_MASKING)
    return logger


class _Masking(logging.Filter):
    """Changes those records alone that have a secret: others keep their arguments and exception for the handlers."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = _told(record)
        if (without := masked(message)) != message:
            record.msg, record.args = without, ()
        if record.exc_info and record.exc_info[0] is not None:
            stack = _FORMATTER.formatException(record.exc_info)
            if (without := masked(stack)) != stack:
                record.exc_info, record.exc_text = None, without
        return True


def _told(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # the arguments do not fit, which the handler tells of
        return str(record.msg)


_FORMATTER: Final = logging.Formatter()
_MASKING: Final = _Masking()

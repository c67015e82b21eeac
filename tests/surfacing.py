"""Mistakes of llmtrace surface in its own tests: what a host would only find in its log fails the test."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

import pytest

from llmtrace.mistakes import SIGN

LOGGERS: Final = ("llmtrace", "opentelemetry.context", "opentelemetry.sdk.trace")
SIGNS: Final = (SIGN, "Failed to detach context", "Calling end() on an ended span")


class Surfacing(logging.Handler):
    """Keeps the log lines that tell of a mistake."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if any(sign in record.getMessage() for sign in SIGNS):
            self.found.append(self.format(record))


@pytest.fixture(autouse=True)
def mistakes() -> Iterator[list[str]]:
    """Mistakes that were logged in the test; one that provokes some takes them out of the list."""
    handler, ours = Surfacing(), logging.getLogger("llmtrace")
    level = ours.level
    ours.setLevel(logging.DEBUG)  # a mistake that happens again is told at that level
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
    yield handler.found
    ours.setLevel(level)
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(handler)
    if handler.found:
        pytest.fail("\n".join(["llmtrace has made a mistake:", *handler.found]), pytrace=False)

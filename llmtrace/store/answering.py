"""Whether the store's database answers: a page or a command that has something to say without it waits no longer."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Final

from llmtrace.forking import awaited_by_forks
from llmtrace.pipeline.testrun import under_test
from llmtrace.store.connection import StoreConnection

PATIENCE_S: Final = 3.0
PROBE: Final = "SELECT 1 FROM llmtrace_ledger WHERE 1 = 0"
SILENT: Final = f"no answer within {PATIENCE_S:g} s"

_asked: _Question | None = None


class _Question(threading.Thread):
    """Asks once, over a connection of its own: drivers can't be told how long they may wait for a lock or a socket."""

    def __init__(self) -> None:
        super().__init__(name="llmtrace-question", daemon=True)
        self.refusal: str | None = SILENT

    def run(self) -> None:
        try:
            with awaited_by_forks():  # here, since the admin is loaded also where nobody gets a span
                from opentelemetry.instrumentation.utils import suppress_instrumentation
            with suppress_instrumentation():
                _ask()
            self.refusal = None
        except Exception as error:
            self.refusal = type(error).__name__


def _ask() -> None:
    connection = StoreConnection()
    with connection.lock:
        try:
            wrapper = connection.open(connection.name())
            with closing(wrapper.connection.cursor()) as cursor:
                cursor.execute(PROBE)
        finally:
            connection.close()


def refusal() -> str | None:
    """Why the table of ledgers can't be read now; None where it can.

    While one question is without an answer no other is asked: each would hold a thread and a connection. In a test run
    none is asked at all, since the test's own transaction may hold the tables.
    """
    global _asked
    if under_test():
        return None
    asked = _asked
    if asked is None or not asked.is_alive():
        asked = _asked = _Question()
        asked.start()
    asked.join(PATIENCE_S)
    return asked.refusal

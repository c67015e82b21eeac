"""Keeps the tables of ledgers and running spans behind what processes know, for pages on other hosts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.conf import DATABASE_BACKEND, get_config
from llmtrace.jsontext import as_json
from llmtrace.pipeline.ledgers import Entry
from llmtrace.store.connection import StoreConnection
from llmtrace.store.engines import ENGINES
from llmtrace.store.mirror import Key, Mirror, Row, Statements
from llmtrace.store.records import record

LEDGERS: Final = "llmtrace_ledger"
RUNNING: Final = "llmtrace_runningspan"
NUMBERS: Final = ("ended", "sent", "waiting", "spooled", "dropped", "failed_closed", "last_error", "last_error_at")
SHOWN: Final = (
    *("parent_id", "name", "kind", "service", "operation", "provider", "model"),
    *("user_id", "session_id", "conversation_id", "started_at"),
)
HEARTBEAT_S: Final = 20.0  # after which what is alive is written once more, with the time


class Board:
    """Writes over a connection of its own, which it closes each time, and only what has changed."""

    def __init__(self) -> None:
        """
        Raises:
            llmtrace.exceptions.ConfigurationError: the setting names no database.
        """
        self._connection = StoreConnection()
        self._ledgers = Mirror(LEDGERS, "folder", ("process", "exporter"), (*NUMBERS, "alive"))
        self._running = Mirror(RUNNING, "process", ("trace_id", "span_id"), SHOWN)
        self._beat = time.monotonic()

    def is_wanted(self) -> bool:
        """Whether the tables are to be written at all.

        A host's own SQLite file is left alone unless spans are kept there: to write into it makes transactions of the
        host's fail, and there is no other host that could read it.
        """
        config, connection = get_config(), self._connection
        if connection.is_dummy() or connection.in_memory():
            return False
        kept = any(entry.backend == DATABASE_BACKEND for entry in config.exporters)
        return kept or not connection.is_sqlite()

    def follow(
        self, folder: str, entries: Sequence[Entry] | None, process: str, running: Sequence[ReadableSpan]
    ) -> None:
        """Write what has changed.

        Args:
            folder: the id of the folder that the ledgers are in.
            entries: all ledgers in it, None where another process writes them.
            process: this one.
            running: its open spans as the database exporter would get them if they ended now.

        Raises:
            django.db.Error: the database is away, locked, or without our tables.
        """
        ledgers = None if entries is None else dict(map(_ledger, entries))
        spans = dict(map(_open_span, running))
        if time.monotonic() - self._beat > HEARTBEAT_S:
            self._beat = time.monotonic()
            self._ledgers.touch()
            self._running.touch()
        behind = ledgers is not None and self._ledgers.is_behind(ledgers)
        if not behind and not self._running.is_behind(spans):
            return
        with self._connection.lock:
            try:
                wrapper = self._connection.open(self._connection.name())
                with wrapper.wrap_database_errors:
                    self._write(wrapper, folder, ledgers, process, spans)
            finally:
                self._connection.close()

    def _write(
        self,
        wrapper: BaseDatabaseWrapper,
        folder: str,
        ledgers: Mapping[Key, Row] | None,
        process: str,
        spans: Mapping[Key, Row],
    ) -> None:
        with self._connection.transaction(ENGINES[wrapper.vendor].begin) as cursor:
            statements = Statements(cursor, wrapper)
            if ledgers is not None:
                self._ledgers.follow(statements, folder, ledgers)
            if self._running.is_behind(spans):
                self._running.follow(statements, process, spans)
        if ledgers is not None:
            self._ledgers.settle(ledgers)
        self._running.settle(spans)


def _ledger(entry: Entry) -> tuple[Key, Row]:
    values = {**vars(entry.account), "dropped": as_json(entry.account.dropped)}
    row = Row((*(values[name] for name in NUMBERS), entry.alive), None if entry.alive else entry.seen_at)
    return (entry.process, entry.exporter), row


def _open_span(span: ReadableSpan) -> tuple[Key, Row]:
    kept: dict[str, Any] = record(span)._asdict()
    return (kept["trace_id"], kept["span_id"]), Row(tuple(kept[name] for name in SHOWN))

"""Writes ended spans into the store in batches: each span once, and none lost because of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, Error, IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import get_default_timezone
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.store.connection import Moved, StoreConnection, driver_error
from llmtrace.store.engines import ENGINES, Engine, text_in_zone
from llmtrace.store.records import Record, record

IN_MEMORY: Final = "an SQLite database in memory is not written from another thread: it would lock its owner out"
MOVED: Final = "the database configured when they ended is not the one configured now"
UNKNOWN_VENDOR: Final = "the store needs SQLite, PostgreSQL, MySQL or MariaDB"
NOT_WHOLE: Final = "not a whole span"


class Writer:
    """Writes through a connection that nobody else uses, in transactions of its own."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    def write(self, spans: Sequence[ReadableSpan], name: str) -> Exported:
        """Write `spans` into the database `name`; those that are there already stay as they are, unless incomplete.

        Raises:
            RetryLater: the database is locked, away, or without our tables.
        """
        if self._connection.in_memory():
            return Exported(0, {IN_MEMORY: len(spans)})
        refused = Counter[str]()
        records = _records(spans, refused)
        try:
            if records:
                self._divide(records, name, refused)
        except Moved:  # to wait for a test database that has gone, or for the end of a test run, would hold up others
            return Exported(0, {MOVED: len(spans)})
        return Exported(len(spans) - refused.total(), dict(refused))

    def _divide(self, records: Sequence[Record], name: str, refused: Counter[str]) -> None:
        """Write all at once; where that is refused, each half by itself, down to the row that it is about."""
        reason = self._try(records, name)
        if reason is None:
            return
        if len(records) == 1:
            refused[reason] += 1
            return
        middle = len(records) // 2
        self._divide(records[:middle], name, refused)
        self._divide(records[middle:], name, refused)

    def _try(self, records: Sequence[Record], name: str) -> str | None:
        """Write `records` in one transaction; the reason, when one of them is refused for good."""
        was_open = self._connection.is_open
        try:
            return self._insert(records, name)
        except Error as error:
            had_died = was_open and not self._connection.is_usable()
            # Not to be kept: its server may be one that takes no writes any more, since another does now.
            self._connection.close()
            if not had_died:
                raise _later(error) from error
        try:  # a connection that was kept had died in the meantime: once more with a new one
            return self._insert(records, name)
        except Error as error:
            self._connection.close()
            raise _later(error) from error

    def _insert(self, records: Sequence[Record], name: str) -> str | None:
        wrapper = self._open(name)
        engine = ENGINES.get(wrapper.vendor)
        if engine is None:
            return UNKNOWN_VENDOR
        try:
            with wrapper.wrap_database_errors:
                self._transaction(wrapper, engine, records)
        except (Error, ValueError, OverflowError) as error:
            cause = driver_error(error)
            if isinstance(error, DataError | IntegrityError | ValueError | OverflowError) or engine.refuses_row(cause):
                return f"refused by the database: {type(cause).__name__}"
            if engine.lacks_tables(cause):
                alias = self._connection.alias
                command = f"manage.py migrate llmtrace --database={alias}"
                raise RetryLater(f"no tables of llmtrace in it: run {command}") from error
            raise
        return None

    def _open(self, name: str) -> BaseDatabaseWrapper:
        try:
            return self._connection.open(name)
        except (Error, Moved):
            raise
        except ImproperlyConfigured as error:  # a missing driver: Django says which
            raise RetryLater(f"no connection to the database: {error}") from error
        except Exception as error:  # a handler of the host for new connections
            raise RetryLater(f"no connection to the database: {type(error).__name__}") from error

    def _transaction(self, wrapper: BaseDatabaseWrapper, engine: Engine, records: Sequence[Record]) -> None:
        with self._connection.transaction(engine.begin) as cursor:
            engine.insert(cursor, records, text_in_zone(wrapper.timezone or get_default_timezone()))


def _later(error: Error) -> RetryLater:
    cause = driver_error(error)
    said = str(cause).strip().partition("\n")[0][:200]
    return RetryLater(f"{type(cause).__name__}: {said}")


def _records(spans: Sequence[ReadableSpan], refused: Counter[str]) -> list[Record]:
    records = []
    for span in spans:
        try:
            records.append(record(span))
        except Exception:  # a span that is not one, or attributes that can't be read
            refused[NOT_WHOLE] += 1
    return records

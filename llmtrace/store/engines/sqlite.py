"""SQLite: one write lock taken at once, then `executemany`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llmtrace.store.engines.base import COLUMNS, CONTENTS, IS_INCOMPLETE, SPANS, Stamp, is_whole, row
from llmtrace.store.records import Record

# "OR IGNORE" would also skip rows that break another constraint, in silence.
INSERT_SPAN: Final = (
    f"INSERT INTO {SPANS} (id, {', '.join(COLUMNS)}) VALUES (?{', ?' * len(COLUMNS)}) "
    "ON CONFLICT (trace_id, span_id) DO NOTHING"
)
INSERT_CONTENT: Final = f"INSERT OR REPLACE INTO {CONTENTS} (span_id, data) VALUES (?, ?)"
LAST_ID: Final = f"SELECT coalesce(max(id), 0) FROM {SPANS}"
NEWER: Final = f"SELECT id FROM {SPANS} WHERE id > ?"
INCOMPLETE: Final = f"SELECT id FROM {SPANS} WHERE trace_id = ? AND span_id = ? AND attributes LIKE ?"
DELETE_CONTENT: Final = f"DELETE FROM {CONTENTS} WHERE span_id = ?"
DELETE_SPAN: Final = f"DELETE FROM {SPANS} WHERE id = ?"


class SQLite:
    """IMMEDIATE, since a transaction that reads first and writes then fails at once when another one writes."""

    begin = "BEGIN IMMEDIATE"

    def insert(self, cursor: Any, records: Sequence[Record], stamp: Stamp) -> None:
        """Insert under ids that follow the last one: nobody else can take them while the lock is held."""
        last: int = cursor.execute(LAST_ID).fetchone()[0]
        numbered = list(enumerate(records, last + 1))
        cursor.executemany(INSERT_SPAN, [(id, *row(record, stamp)) for id, record in numbered])
        if cursor.rowcount != len(records):
            new = {id for (id,) in cursor.execute(NEWER, (last,))}
            there = [pair for pair in numbered if pair[0] not in new]
            numbered = [pair for pair in numbered if pair[0] in new]
            numbered += [pair for pair in there if self._completes(cursor, *pair, stamp)]
        contents = [(id, record.content) for id, record in numbered if record.content is not None]
        cursor.executemany(INSERT_CONTENT, contents)

    def _completes(self, cursor: Any, id: int, record: Record, stamp: Stamp) -> bool:
        """Put a record in the place of an incomplete one; False if there is none."""
        if not is_whole(record):
            return False
        found = cursor.execute(INCOMPLETE, (*record[:2], IS_INCOMPLETE)).fetchone()
        if found is None:
            return False
        cursor.execute(DELETE_CONTENT, found)
        cursor.execute(DELETE_SPAN, found)
        cursor.execute(INSERT_SPAN, (id, *row(record, stamp)))
        return True

    def refuses_row(self, error: BaseException) -> bool:
        return False

    def lacks_tables(self, error: BaseException) -> bool:
        return str(error).startswith("no such table") or "has no column named" in str(error)

"""SQLite: one write lock taken at once, then `executemany`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llmtrace.store.engines.base import COLUMNS, CONTENTS, SPANS, Stamp, row
from llmtrace.store.records import Record

# "OR IGNORE" would also skip rows that break another constraint, in silence.
INSERT_SPAN: Final = (
    f"INSERT INTO {SPANS} (id, {', '.join(COLUMNS)}) VALUES (?{', ?' * len(COLUMNS)}) "
    "ON CONFLICT (trace_id, span_id) DO NOTHING"
)
INSERT_CONTENT: Final = f"INSERT OR REPLACE INTO {CONTENTS} (span_id, data) VALUES (?, ?)"
LAST_ID: Final = f"SELECT coalesce(max(id), 0) FROM {SPANS}"
NEWER: Final = f"SELECT id FROM {SPANS} WHERE id > ?"


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
            numbered = [pair for pair in numbered if pair[0] in new]
        contents = [(id, record.content) for id, record in numbered if record.content is not None]
        cursor.executemany(INSERT_CONTENT, contents)

    def refuses_row(self, error: BaseException) -> bool:
        return False

    def lacks_tables(self, error: BaseException) -> bool:
        return str(error).startswith("no such table") or "has no column named" in str(error)

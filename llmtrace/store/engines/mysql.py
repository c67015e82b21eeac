"""MySQL and MariaDB: inserts of many rows, which the drivers build from `executemany`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llmtrace.store.engines.base import COLUMNS, CONTENTS, IS_INCOMPLETE, SPANS, Stamp, is_whole, row
from llmtrace.store.records import Record

# "INSERT IGNORE" would also cut what does not fit a column, in silence. The drivers find the row to repeat by its
# parentheses, so that what follows must have none.
INSERT_SPAN: Final = (
    f"INSERT INTO {SPANS} ({', '.join(COLUMNS)}) VALUES (%s{', %s' * (len(COLUMNS) - 1)}) "
    f"ON DUPLICATE KEY UPDATE span_id = {SPANS}.span_id"
)
INSERT_CONTENT: Final = (
    f"INSERT INTO {CONTENTS} (span_id, data) VALUES (%s, %s) ON DUPLICATE KEY UPDATE span_id = {CONTENTS}.span_id"
)
IDS: Final = f"SELECT trace_id, span_id, id FROM {SPANS} WHERE (trace_id, span_id) IN "
INCOMPLETE: Final = f"SELECT id FROM {SPANS} WHERE attributes LIKE %s AND (trace_id, span_id) IN "
DELETE_CONTENT: Final = f"DELETE FROM {CONTENTS} WHERE span_id = %s"
DELETE_SPAN: Final = f"DELETE FROM {SPANS} WHERE id = %s"
ROW_ERRORS: Final = frozenset(
    {
        1118,  # row size too large
        1366,  # a character that the column's character set has not
        1690,  # out of range
        3140,  # invalid JSON
        3819,  # a check constraint, in MySQL
        4025,  # a check constraint, in MariaDB: JSON
    }
)
MISSING: Final = frozenset({1054, 1146})  # unknown column, no such table


class TooLarge(ValueError):
    """A record that is larger than what the server takes in one statement; it would close the connection."""


class MySQL:
    """Rows go in the order of their key, so that two processes that replay the same spans wait and don't deadlock."""

    begin = "START TRANSACTION"

    def insert(self, cursor: Any, records: Sequence[Record], stamp: Stamp) -> None:
        """Insert the spans, then ask for their ids: the server tells none of many rows, or of those that were there."""
        records = sorted(records, key=lambda record: record[:2])
        self._check_sizes(cursor, records)
        self._delete_incomplete(cursor, [record[:2] for record in records if is_whole(record)])
        cursor.executemany(INSERT_SPAN, [row(record, stamp) for record in records])
        said = {record[:2]: record.content for record in records if record.content is not None}
        if said:
            cursor.execute(IDS + _pairs(len(said)), [part for key in said for part in key])
            contents = [(id, said[trace_id, span_id]) for trace_id, span_id, id in cursor.fetchall()]
            cursor.executemany(INSERT_CONTENT, contents)

    def _delete_incomplete(self, cursor: Any, keys: Sequence[tuple[str, str]]) -> None:
        """Make room for whole records; the server does not tell which of many rows were there already."""
        if not keys:
            return
        cursor.execute(INCOMPLETE + _pairs(len(keys)), [IS_INCOMPLETE, *(part for key in keys for part in key)])
        for gone in cursor.fetchall():
            cursor.execute(DELETE_CONTENT, gone)
            cursor.execute(DELETE_SPAN, gone)

    def _check_sizes(self, cursor: Any, records: Sequence[Record]) -> None:
        # Escaping and encoding can make a text up to four times as long as it has characters.
        largest = max(len(record.content or "") + len(record.attributes) + len(record.events) for record in records)
        cursor.execute("SELECT @@max_allowed_packet")
        if largest > cursor.fetchone()[0] // 4:
            raise TooLarge

    def refuses_row(self, error: BaseException) -> bool:
        return _code(error) in ROW_ERRORS

    def lacks_tables(self, error: BaseException) -> bool:
        return _code(error) in MISSING


def _pairs(count: int) -> str:
    return f"({', '.join(['(%s, %s)'] * count)})"


def _code(error: BaseException) -> Any:
    return error.args[0] if error.args else None

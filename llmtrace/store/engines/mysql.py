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
LAST_ID: Final = f"SELECT coalesce(max(id), 0) FROM {SPANS}"
NEWER: Final = f"SELECT trace_id, span_id, id, attributes LIKE %s FROM {SPANS} WHERE id > %s"
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
        """Insert the spans, then ask which are new: the server does not tell of many rows which were there already."""
        records = sorted(records, key=lambda record: record[:2])
        self._check_sizes(cursor, records)
        ids, incomplete = self._inserted(cursor, records, stamp)
        doubtful = {record[:2]: record for record in records if is_whole(record)}
        doubtful = {key: record for key, record in doubtful.items() if key not in ids or key in incomplete}
        if doubtful and self._delete_incomplete(cursor, list(doubtful)):
            ids |= self._inserted(cursor, list(doubtful.values()), stamp)[0]
        said = [
            (ids[record[:2]], record.content) for record in records if record[:2] in ids and record.content is not None
        ]
        if said:
            cursor.executemany(INSERT_CONTENT, said)

    def _inserted(
        self, cursor: Any, records: Sequence[Record], stamp: Stamp
    ) -> tuple[dict[tuple[str, str], int], set[tuple[str, str]]]:
        """Insert what is not there; the ids of what was not, and which of these are incomplete.

        Ids grow. Among those that are greater than all before may be what others have inserted at the same time.
        """
        cursor.execute(LAST_ID)
        last = cursor.fetchone()
        cursor.executemany(INSERT_SPAN, [row(record, stamp) for record in records])
        cursor.execute(NEWER, (IS_INCOMPLETE, *last))
        keys = {record[:2] for record in records}
        found = [(key, id, flag) for *key_, id, flag in cursor.fetchall() if (key := tuple(key_)) in keys]
        return {key: id for key, id, _ in found}, {key for key, _, flag in found if flag}

    def _delete_incomplete(self, cursor: Any, keys: Sequence[tuple[str, str]]) -> bool:
        """Make room for whole records; False where there was no need to."""
        cursor.execute(INCOMPLETE + _pairs(len(keys)), [IS_INCOMPLETE, *(part for key in keys for part in key)])
        gone = cursor.fetchall()
        for id in gone:
            cursor.execute(DELETE_CONTENT, id)
            cursor.execute(DELETE_SPAN, id)
        return bool(gone)

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

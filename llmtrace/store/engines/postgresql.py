"""PostgreSQL: `COPY`, which cannot skip a row; where one is there already, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, Final

from llmtrace.store.engines.base import COLUMNS, CONTENTS, IS_INCOMPLETE, SPANS, Stamp, is_whole
from llmtrace.store.records import Record

COPY_SPANS: Final = f"COPY {SPANS} (id, {', '.join(COLUMNS)}) FROM STDIN"
COPY_CONTENTS: Final = f"COPY {CONTENTS} (span_id, data) FROM STDIN"
NEW_IDS: Final = f"SELECT nextval(pg_get_serial_sequence('{SPANS}', 'id')) FROM generate_series(1, %s)"
INSERT_SPAN: Final = (
    f"INSERT INTO {SPANS} ({', '.join(COLUMNS)}) VALUES (%s{', %s' * (len(COLUMNS) - 1)}) "
    "ON CONFLICT (trace_id, span_id) DO NOTHING RETURNING id"
)
INSERT_CONTENT: Final = f"INSERT INTO {CONTENTS} (span_id, data) VALUES (%s, %s)"
DELETE_INCOMPLETE: Final = (
    f"DELETE FROM {SPANS} WHERE trace_id = %s AND span_id = %s AND attributes::text LIKE %s RETURNING id"
)
DELETE_CONTENT: Final = f"DELETE FROM {CONTENTS} WHERE span_id = %s"
JSON_AT: Final = COLUMNS.index("attributes")
UNIQUE_VIOLATION: Final = "23505"
DEADLOCK: Final = "40P01"  # two processes replay the same spans in another order
ROW_CLASSES: Final = ("22", "23", "54")  # data exception, integrity violation, program limit
MISSING: Final = ("42P01", "42703")  # undefined table, undefined column


class PostgreSQL:
    """Takes psycopg 3 and psycopg 2."""

    begin = "BEGIN"

    def insert(self, cursor: Any, records: Sequence[Record], stamp: Stamp) -> None:
        """Copy all; should some be there already, insert the others in the order of their key, against deadlocks."""
        cursor.execute("SAVEPOINT llmtrace")
        try:
            self._copy_all(cursor, records)
        except Exception as error:
            if _state(error) not in (UNIQUE_VIOLATION, DEADLOCK):
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT llmtrace")
            for record in sorted(records, key=lambda record: record[:2]):
                self._insert_one(cursor, record)

    def _copy_all(self, cursor: Any, records: Sequence[Record]) -> None:
        cursor.execute(NEW_IDS, (len(records),))
        numbered = [(id, record) for (id,), record in zip(cursor.fetchall(), records, strict=True)]
        _copy(cursor, COPY_SPANS, (span_line(id, record) for id, record in numbered))
        contents = [(id, record.content) for id, record in numbered if record.content is not None]
        if contents:
            _copy(cursor, COPY_CONTENTS, (f"{id}\t{_escaped_json(content)}\n" for id, content in contents))

    def _insert_one(self, cursor: Any, record: Record) -> None:
        cursor.execute(INSERT_SPAN, record[:-1])
        new = cursor.fetchone()
        if new is None and is_whole(record):
            cursor.execute(DELETE_INCOMPLETE, (*record[:2], IS_INCOMPLETE))
            if (gone := cursor.fetchone()) is None:
                return
            cursor.execute(DELETE_CONTENT, gone)
            cursor.execute(INSERT_SPAN, record[:-1])
            new = cursor.fetchone()
        if new is not None and record.content is not None:
            cursor.execute(INSERT_CONTENT, (new[0], record.content))

    def refuses_row(self, error: BaseException) -> bool:
        return _state(error)[:2] in ROW_CLASSES

    def lacks_tables(self, error: BaseException) -> bool:
        return _state(error) in MISSING


def _copy(cursor: Any, statement: str, lines: Iterable[str]) -> None:
    text = "".join(lines)
    if hasattr(cursor, "copy"):
        with cursor.copy(statement) as copy:
            copy.write(text)
    else:
        cursor.copy_expert(statement, StringIO(text))


def span_line(id: int, record: Record) -> str:
    """The line of one span in COPY's text format."""
    values = record[:JSON_AT]
    head = "\t".join(["\\N" if v is None else v if v.__class__ is str else str(v) for v in values])
    special = head.count("\t") >= JSON_AT or "\n" in head or "\r" in head or head.count("\\") > values.count(None)
    if special:
        head = "\t".join(["\\N" if v is None else _escaped(str(v)) for v in values])
    tail = _escaped_json(f"{record.attributes}\t{record.events}\t{record.links}")
    return f"{id}\t{head}\t{tail}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _escaped_json(text: str) -> str:
    """JSON has its own escapes for everything but the backslash with which they begin."""
    return text.replace("\\", "\\\\")


def _state(error: BaseException) -> str:
    """The SQLSTATE, by the name that psycopg 3 or psycopg 2 has for it."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""

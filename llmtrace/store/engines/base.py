"""What the engines share: the statements' names, and what the writer asks of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Protocol

from llmtrace import semconv
from llmtrace.store.records import Record

SPANS: Final = "llmtrace_span"
CONTENTS: Final = "llmtrace_spancontent"
COLUMNS: Final = Record._fields[:-1]
STARTED_AT: Final = COLUMNS.index("started_at")
CONTENT: Final = len(COLUMNS)
INCOMPLETE: Final = f'"{semconv.INCOMPLETE}":'
IS_INCOMPLETE: Final = f"%{INCOMPLETE}%true%"
"""What the attributes are like, as text, of a span that a process ended in the stead of one that was killed."""

Stamp = Callable[[datetime], str]
"""Writes a moment in UTC as the text that Django would store for it in a column without a zone."""


class Engine(Protocol):
    """Inserts records through a cursor of the driver's own, and reads the errors of that driver."""

    begin: str

    def insert(self, cursor: Any, records: Sequence[Record], stamp: Stamp) -> None:
        """Insert within the transaction that is open.

        A span that is there already stays as it is, unless it is incomplete there and is not here.
        """
        ...

    def refuses_row(self, error: BaseException) -> bool:
        """Whether the driver's `error` is about a row, where Django's name for it does not say so."""
        ...

    def lacks_tables(self, error: BaseException) -> bool:
        """Whether the driver's `error` means that the store's tables are not there, or not all of their columns."""
        ...


def row(record: Record, stamp: Stamp) -> tuple[Any, ...]:
    """The values of `COLUMNS`, the moment as text."""
    return (*record[:STARTED_AT], stamp(record.started_at), *record[STARTED_AT + 1 : CONTENT])


def is_whole(record: Record) -> bool:
    """Whether the record may take the place of an incomplete one."""
    return INCOMPLETE not in record.attributes


def text_in_zone(zone: tzinfo) -> Stamp:
    """A `Stamp` for a connection that keeps its times in `zone`."""
    if zone is UTC:
        return _utc_text
    return lambda moment: str(moment.astimezone(zone).replace(tzinfo=None))


def _utc_text(moment: datetime) -> str:
    return str(moment.replace(tzinfo=None))

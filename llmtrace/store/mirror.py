"""Rows of a table that follow what somebody knows: inserted when new, updated when changed, deleted when gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import get_default_timezone

from llmtrace.store.engines import text_in_zone

SEEN_AT: Final = "seen_at"
Key = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """The values of one row. `seen_at` is None where it is now: such a row is written again from time to time."""

    values: tuple[Any, ...]
    seen_at: datetime | None = None


class Mirror:
    """The rows of one owner in one table.

    Args:
        table: its name.
        owner: the column that says whose rows they are; every other owner's are left alone.
        key: the columns by which a row is found, among all owners.
        columns: those that hold the values of a `Row`, in their order.
    """

    def __init__(self, table: str, owner: str, key: Sequence[str], columns: Sequence[str]) -> None:
        found = " AND ".join(f"{name} = %s" for name in key)
        changed = [owner, *columns, SEEN_AT]
        names = [*changed, *key]
        self._select = f"SELECT {', '.join(key)} FROM {table} WHERE {owner} = %s"
        self._update = f"UPDATE {table} SET {', '.join(f'{name} = %s' for name in changed)} WHERE {found}"
        self._insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
        self._delete = f"DELETE FROM {table} WHERE {owner} = %s AND {found}"
        self._known: dict[Key, Row | None] | None = None  # None where it has to be asked for first

    def is_behind(self, rows: Mapping[Key, Row]) -> bool:
        """Whether `follow` would change anything."""
        return self._known != rows and not (self._known is None and not rows)

    def follow(self, statements: Statements, owner: str, rows: Mapping[Key, Row]) -> None:
        """Make the owner's rows those of `rows`, by the values of their key; `settle` has to follow the commit."""
        known, self._known = self._known, None  # until all is committed nobody knows what is there
        if known is None:
            known = dict.fromkeys(statements.all(self._select, owner))
        for key in known.keys() - rows.keys():
            statements.run(self._delete, owner, *key)
        for key, row in rows.items():
            if row != known.get(key):
                values = (owner, *row.values, row.seen_at or datetime.now(UTC), *key)
                if not statements.run(self._update, *values):
                    statements.run(self._insert, *values)

    def settle(self, rows: Mapping[Key, Row]) -> None:
        """What `follow` has written is there for good."""
        self._known = dict(rows)

    def touch(self) -> None:
        """Have `follow` write once more all that is seen now."""
        if self._known is not None:
            self._known = {key: row if row and row.seen_at else None for key, row in self._known.items()}


class Statements:
    """Runs SQL with ``%s`` for its values on a cursor of the driver's own."""

    def __init__(self, cursor: Any, wrapper: BaseDatabaseWrapper) -> None:
        self._cursor = cursor
        self._vendor = wrapper.vendor
        self._stamp = text_in_zone(wrapper.timezone or get_default_timezone())

    def run(self, statement: str, *values: Any) -> int:
        """How many rows it changed or found."""
        self._execute(statement, values)
        count: int = self._cursor.rowcount
        return count

    def all(self, statement: str, *values: Any) -> list[Key]:
        """The rows that it finds."""
        self._execute(statement, values)
        return [tuple(row) for row in self._cursor.fetchall()]

    def _execute(self, statement: str, values: Sequence[Any]) -> None:
        if self._vendor == "sqlite":
            statement = statement.replace("%s", "?")
        if self._vendor != "postgresql":
            values = [self._stamp(value) if isinstance(value, datetime) else value for value in values]
        self._cursor.execute(statement, values)

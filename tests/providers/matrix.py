"""The matrix as a table: what the test run prints, and what the documentation has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tests.providers.rows import MODES, ROWS, STYLES

MARKS: Final = {"passed": "✓", "failed": "✗", "skipped": "skipped"}
COLUMNS: Final[Mapping[str, Sequence[str]]] = {"mode": MODES, "prompt": STYLES}

Cell = tuple[str, str, str]
"""The table, the row and the column."""


def table(name: str, mark: Callable[[Cell], str]) -> str:
    """One of the tables, in Markdown."""
    columns = COLUMNS[name]
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[row.name, *(mark((name, row.name, column)) for column in columns)] for row in ROWS]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |", 1) for line in lines)


def promised(cell: Cell) -> str:
    """What the documentation says of a cell."""
    _, row, column = cell
    without = next(each.without for each in ROWS if each.name == row)
    return "–" if column in without else MARKS["passed"]

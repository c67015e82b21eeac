"""The matrix of providers, printed at the end of the run, also where several processes share the tests out."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.providers.matrix import COLUMNS, MARKS, Cell, table

OUTCOMES: Final[dict[Cell, str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how a cell has ended."""
    cell = dict(report.user_properties).get("cell")
    if cell is not None and OUTCOMES.get(cell, "passed") == "passed":  # type: ignore[call-overload]  # it is a Cell
        OUTCOMES[cell] = report.outcome  # type: ignore[index]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was tested of the matrix."""
    for name in COLUMNS:
        tested = [cell for cell in OUTCOMES if cell[0] == name]
        if tested:
            terminalreporter.section(f"providers by {name}: {len(tested)} cells over real HTTP")
            terminalreporter.write_line(table(name, lambda cell: MARKS[OUTCOMES[cell]] if cell in OUTCOMES else "–"))

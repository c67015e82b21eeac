"""The loss table: what each cell counted, printed at the end of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

from tests.losses.host import Host

Record = Callable[[str, Any], None]
"""Pytest's `record_property`."""


class Cell(NamedTuple):
    """One exporter in one situation."""

    situation: str
    exporter: str
    ended: int
    arrived: int
    twice: int
    dropped: int

    @property
    def whole(self) -> bool:
        """Whether all arrived, each once."""
        return self.arrived == self.ended and self.twice == 0


COUNTED: Final[list[Cell]] = []


def count(host: Host, situation: str, record: Record, unseen: int = 0) -> list[Cell]:
    """Count a cell for each exporter of the host, keep it for the table, and hold the ledger to the witness.

    `unseen` is how many spans may have ended which the witness had no time to write down.
    """
    ended, status, cells = host.ended, host.status(), []
    for exporter in host.exporters:
        arrived, account = host.arrived(exporter), status[exporter]
        assert len(arrived.keys() - ended) <= unseen
        assert 0 <= account["ended"] - len(ended) <= unseen
        assert account["waiting"] == 0, (exporter, account)
        assert account["sent"] == len(arrived), (exporter, account)
        twice, dropped = arrived.total() - len(arrived), account["dropped"].total()
        assert account["ended"] == len(arrived) + dropped  # lost without a count: none
        cells.append(Cell(situation, exporter, account["ended"], len(arrived), twice, dropped))
        record("loss", tuple(cells[-1]))
    return cells


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a test has counted."""
    if report.when == "call":
        found: list[Any] = [value for name, value in report.user_properties if name == "loss"]
        COUNTED.extend(Cell(*value) for value in found)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    if COUNTED:
        terminalreporter.section("spans ended and arrived")
        terminalreporter.write_line(table(COUNTED))


def table(cells: list[Cell]) -> str:
    """The cells in Markdown, a row for each situation."""
    exporters = list(dict.fromkeys(cell.exporter for cell in cells))
    lines = [f"| | {' | '.join(exporters)} |", "| --- " * (len(exporters) + 1) + "|"]
    for situation in dict.fromkeys(cell.situation for cell in cells):
        found = {cell.exporter: cell for cell in cells if cell.situation == situation}
        texts = (_text(found[name]) if name in found else "–" for name in exporters)
        lines.append(f"| {situation} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _text(cell: Cell) -> str:
    more = [f"{cell.dropped} dropped and counted"] if cell.dropped else []
    more += [f"{cell.twice} twice"] if cell.twice else []
    return f"{cell.arrived} of {cell.ended}" + (f" ({', '.join(more)})" if more else "")

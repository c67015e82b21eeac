"""The ledgers of all processes that share a folder: reading them, and keeping their number in bounds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from llmtrace.pipeline import acknowledged, book
from llmtrace.pipeline.account import Account
from llmtrace.pipeline.crediting import credit_earlier, only_one
from llmtrace.pipeline.folder import folder_id
from llmtrace.pipeline.process import host
from llmtrace.pipeline.sheet import Sheet

KEPT_S: Final = 86_400.0  # how long the ledger of a dead process stays by itself
KEPT: Final = 200  # how many of them


@dataclass(frozen=True)
class Entry:
    """The account of one exporter in one process. Of a process that is no more, what it had in memory is dropped."""

    process: str
    exporter: str
    account: Account
    alive: bool
    seen_at: datetime  # when it was last known to live or has changed
    folder: str = ""  # the id of the folder that it is in, if that is another machine's


def read(folder: Path) -> list[Entry]:
    """All ledgers in `folder`, the sum of earlier processes last."""
    entries = [entry for process in book.processes(folder) for entry in _of(folder, process)]
    earlier = book.path_of(folder, book.EARLIER)
    seen_at = _changed_at(earlier)
    summed = [
        Entry(name_of_earlier(folder), exporter, account.of_the_dead(), False, seen_at)
        for exporter, account in book.accounts(earlier).items()
    ]
    return entries + summed


def name_of_earlier(folder: Path) -> str:
    """How the sum of earlier processes is called where their ids would stand."""
    return f"{host()}-{book.EARLIER}-{folder_id(folder)[:8]}"


def _of(folder: Path, process: str) -> list[Entry]:
    path = book.path_of(folder, process)
    alive = book.is_alive(path)  # asked first: one that dies after this has not lost anything yet
    seen_at = datetime.now(UTC) if alive else _changed_at(path)
    return [
        Entry(process, exporter, account if alive else account.of_the_dead(), alive, seen_at)
        for exporter, account in book.accounts(path).items()
    ]


def _changed_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.now(UTC)


def fold(folder: Path, now: float | None = None) -> None:
    """Sum up what dead processes have counted and remove their files: those older than `KEPT_S`, and the oldest beyond
    `KEPT`. One that still has spans on disk stays.

    Args:
        folder: that of the spool.
        now: seconds since 1970.
    """
    oldest = (time.time() if now is None else now) - KEPT_S
    with only_one(folder):
        settled = [process for process in book.processes(folder) if _is_settled(book.path_of(folder, process))]
        ended_at = {process: _changed_at(book.path_of(folder, process)) for process in settled}
        for number, process in enumerate(sorted(settled, key=ended_at.__getitem__, reverse=True)):
            if number >= KEPT or ended_at[process].timestamp() < oldest:
                _fold(folder, process)


def _is_settled(path: Path) -> bool:
    return not book.is_alive(path) and not any(account.spooled for account in book.accounts(path).values())


def _fold(folder: Path, process: str) -> None:
    path = book.path_of(folder, process)
    counted = {exporter: account.of_the_dead() for exporter, account in book.accounts(path).items()}
    earlier = book.accounts(book.path_of(folder, book.EARLIER))
    for exporter, account in counted.items():
        credit_earlier(folder, exporter, partial(Sheet.add, account=account))
    path.unlink()
    acknowledged.move(folder, process, counted, earlier)

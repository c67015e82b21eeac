"""Ledgers made by hand: files of processes on this machine, and rows of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.test import override_settings

from llmtrace.models import Ledger
from llmtrace.pipeline.account import DIED, LEFT_OUT
from llmtrace.pipeline.book import Book
from llmtrace.store.health import Account


@contextmanager
def ledgers_in(folder: Path, **settings: Any) -> Iterator[Path]:
    """A folder of this user alone inside `folder`, where ``LLMTRACE`` with these `settings` keeps its ledgers."""
    made = folder / "spool"
    made.mkdir(0o700)
    with override_settings(LLMTRACE={**settings, "SPOOL": {"DIRECTORY": str(made)}}):
        yield made


def counted(folder: Path, process: str, exporter: str = "collector", **numbers: Any) -> Book:
    """The file of a process that has counted this; it lives until the file is closed."""
    book = Book(folder, process)
    add(book, exporter, **numbers)
    return book


def add(book: Book, exporter: str, **numbers: Any) -> None:
    """Have a process count for one more exporter. What is left out is 0."""
    fields = {"ended": 0, "sent": 0, "waiting": 0, "dropped": {}, "failed_closed": 0, "spooled": 0}
    sheet = book.sheet(exporter)
    sheet.add(Account(**{**fields, "last_error": None, "last_error_at": None, **numbers}))
    sheet.release()


def ledger_row(process: str, exporter: str = "collector", **columns: Any) -> Ledger:
    """A row of a process on another machine, which has just been heard of."""
    numbers = {"ended": 0, "sent": 0, "waiting": 0, "spooled": 0, "failed_closed": 0, "dropped": {}}
    given = {"folder": "elsewhere", "alive": True, "seen_at": datetime.now(UTC), **numbers, **columns}
    return Ledger.objects.create(process=process, exporter=exporter, **given)


def shop_ledgers(folder: Path) -> ExitStack:
    """What a shop in production has: two processes that run here, one elsewhere, and some that have ended."""
    now, running = datetime.now(UTC), ExitStack()
    error = {"last_error": "HTTP 503 from https://collector.example/v1/traces: upstream unavailable"}
    for process, ended in (("web-1-4101-m3k9x", 81_234), ("web-1-4102-m3k9z", 79_877)):
        book = counted(folder, process, "Database", ended=ended, sent=ended - 3)
        add(book, "collector", ended=ended * 3, sent=ended * 3 - 1300, spooled=1200, dropped={LEFT_OUT: 88},
            last_error_at=now - timedelta(minutes=2), **error)  # fmt: skip
        running.callback(book.close)
    dead = counted(folder, "web-1-3988-m3k1a", "Database", ended=12_020, sent=12_020)
    add(dead, "collector", ended=36_060, sent=35_412, dropped={"queue full": 431, DIED: 217})
    dead.close()
    counted(folder, "web-1-3801-m3j0q", "Langfuse (old)", ended=40, sent=28, spooled=12).close()
    ledger_row("worker-7-22-m3k8f", "Database", ended=9_120, sent=9_120)
    ledger_row("worker-7-22-m3k8f", "collector", ended=27_360, sent=27_360)
    return running

"""How the exporters of all processes are, by their ledgers: this machine's from its files, others' from the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from django.db.models import QuerySet
from django.utils.timezone import get_default_timezone, is_aware

from llmtrace.conf import get_config
from llmtrace.models import Ledger
from llmtrace.pipeline import ledgers
from llmtrace.pipeline.account import Account
from llmtrace.pipeline.acknowledged import Place, remembered
from llmtrace.pipeline.folder import folder_id, spool_folder
from llmtrace.pipeline.ledgers import Entry
from llmtrace.store import acknowledged
from llmtrace.store.answering import refusal

__all__ = ["Account", "Entry", "Health", "acknowledge", "read"]

SILENT: Final = timedelta(seconds=90)
"""A process of another machine that has not been heard of for so long is no more."""

MOST: Final = 5_000  # rows that are read from the table


@dataclass(frozen=True)
class Health:
    """All ledgers that could be read; `away` says why those of other machines could not."""

    entries: list[Entry]
    away: str | None = None
    known: Mapping[Place, int] = field(default_factory=dict)  # losses that somebody has acknowledged

    def by_exporter(self) -> dict[str, Account]:
        """The sums over all processes, by the exporter's name."""
        sums: dict[str, Account] = {}
        for entry in self.entries:
            known = sums.get(entry.exporter)
            sums[entry.exporter] = entry.account if known is None else known + entry.account
        return dict(sorted(sums.items()))

    @cached_property
    def fresh(self) -> Counter[tuple[str, str, str]]:
        """Losses that nobody has acknowledged, by process, exporter and reason."""
        return acknowledged.fresh(self.entries, self.known)

    def alive(self) -> frozenset[str]:
        """The exporters that a process which runs has."""
        return frozenset(entry.exporter for entry in self.entries if entry.alive)


def read(now: datetime | None = None) -> Health:
    """The ledgers of this machine, which need no database, and those of others."""
    now = now or datetime.now(UTC)
    here, folder = _here()
    known = _known()
    if (away := refusal()) is not None:
        return Health(here, away, known)
    try:
        others = [_entry(row, now) for row in _others(folder)]
    except Exception as error:  # away, without our tables, unknown, or without a driver: the files say enough
        return Health(here, type(error).__name__, known)
    return Health(here + others, known=known)


def acknowledge(health: Health) -> int:
    """Remember the losses that `health` has; how many spans of them are new.

    Raises:
        OSError: there is no folder to remember them in, or it can't be written.
    """
    folder = spool_folder()
    if folder is None:
        raise FileNotFoundError("there is no folder for the spool")
    acknowledged.acknowledge(folder, health.entries, all_seen=health.away is None)
    return health.fresh.total()


def _known() -> Mapping[Place, int]:
    folder = spool_folder()
    return {} if folder is None else remembered(folder)


def _here() -> tuple[list[Entry], str | None]:
    folder = spool_folder()
    if folder is None:
        return [], None
    try:
        return ledgers.read(folder), folder_id(folder)
    except OSError:
        return [], None


def _others(folder: str | None) -> Iterable[Ledger]:
    rows: QuerySet[Ledger] = Ledger.objects.using(get_config().database).order_by("process", "exporter")
    return (rows if folder is None else rows.exclude(folder=folder))[:MOST]


def _entry(row: Ledger, now: datetime) -> Entry:
    account = Account(
        row.ended,
        row.sent,
        row.waiting,
        row.dropped if isinstance(row.dropped, dict) else {},
        row.failed_closed,
        row.last_error,
        None if row.last_error_at is None else _aware(row.last_error_at),
        row.spooled,
    )
    alive = row.alive and now - _aware(row.seen_at) < SILENT
    counted = account if alive else account.of_the_dead()
    return Entry(row.process, row.exporter, counted, alive, _aware(row.seen_at), row.folder)


def _aware(moment: datetime) -> datetime:
    """`moment` with its zone, which it has not where the project has ``USE_TZ`` off."""
    return moment if is_aware(moment) else moment.replace(tzinfo=get_default_timezone())

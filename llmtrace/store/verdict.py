"""What is wrong with the exporters, in words, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from llmtrace.pipeline.account import DIED, UNMADE, WANTED, Account
from llmtrace.store.health import Health

RECENT: Final = timedelta(minutes=15)
"""An error that is older than this, and that nothing waits for, is over."""


def _(text: str) -> str:
    """Marks a text for translation, which who shows it does."""
    return text


CURES: Final[Mapping[str, str]] = {
    "queue full": _(
        "More spans ended than the exporter could take. Find out why it is slow, or raise size and bytes of its QUEUE."
    ),
    "filter raised": _("A filter raised, so that its spans went nowhere. The log of llmtrace names the filter."),
    "processor raised": _("The span processor raised. The log of llmtrace has the exception."),
    UNMADE: _("Its entry in EXPORTERS, or a filter, is wrong: manage.py check and the log of llmtrace say what."),
    "exporter failed": _("The exporter failed for too long. Its last error says why."),
    "not sent before the process ended": _(
        "The process ended before they were sent, and they could not be kept on disk. Raise EXIT_TIMEOUT, "
        "or give SPOOL a DIRECTORY that can be written."
    ),
    DIED: _(
        "A process was killed with these in its memory: by SIGKILL, for want of memory, or by a crash. "
        'An exporter with "durable" in its QUEUE has each span on disk before the call returns.'
    ),
    "spool full": _(
        "More waited on disk than MAX_BYTES of SPOOL allows, so that the oldest went. "
        "Raise it, or see why the backend was away for so long."
    ),
    "damaged in the spool": _(
        "A record on disk could not be read back: the disk was full or failed while it was written."
    ),
    "deleted in the spool": _(
        "Somebody deleted the files of the spool under a process. Give SPOOL a DIRECTORY that nothing clears."
    ),
    "no longer in the settings": _("The settings changed while they were made, and have this exporter no more."),
    "the exporter did not say what became of them": _(
        "The exporter returned an Exported whose counts do not add up to its batch. Correct the exporter."
    ),
    "could not be made ready": _("The log of llmtrace has the exception. Please report it."),
    "pipe failed": _("The log of llmtrace has the exception. Please report it."),
}
"""By the reason for which spans were dropped."""

REFUSED: Final = _("The backend has refused them for good, or a limit was reached: the reason says which.")
FAILING: Final = _("Its last error says why. They are sent when it works again, in this process or in another.")
WAITING: Final = _("They are on disk, and sent as soon as a process with this exporter in its settings runs.")
NAMELESS: Final = _(
    "They are on disk, and no entry of EXPORTERS has this NAME. Where an exporter was renamed, add an entry with the "
    "old NAME until they are sent."
)


@dataclass(frozen=True)
class Problem:
    """Something that somebody should look at, or has looked at.

    `lost` tells whether spans are gone; else they wait. `reason` is why they were dropped, or the exporter's error.
    """

    exporter: str
    count: int
    lost: bool
    reason: str
    cure: str
    acknowledged: bool = False


def problems(health: Health, named: Collection[str], now: datetime | None = None) -> list[Problem]:
    """What is wrong, what is lost first, and what somebody has acknowledged last.

    Args:
        health: the ledgers of all processes.
        named: the exporters of the settings.
        now: a moment; the present one if left out.
    """
    now = now or datetime.now(UTC)
    fresh: Counter[tuple[str, str]] = Counter()
    for (_process, exporter, reason), count in health.fresh.items():
        fresh[exporter, reason] += count
    found: list[Problem] = []
    for exporter, account in health.by_exporter().items():
        found += _losses(exporter, account, fresh)
        found += _waiting(exporter, account, health.alive(), named, now)
    return sorted(found, key=_order)


def _order(problem: Problem) -> tuple[bool, bool, str, int]:
    return problem.acknowledged, not problem.lost, problem.exporter, -problem.count


def _losses(exporter: str, account: Account, fresh: Mapping[tuple[str, str], int]) -> Iterator[Problem]:
    for reason, count in account.dropped.items():
        if reason in WANTED:
            continue
        new = fresh.get((exporter, reason), 0)
        if new:
            yield Problem(exporter, new, True, reason, CURES.get(reason, REFUSED))
        if count > new:
            yield Problem(exporter, count - new, True, reason, "", acknowledged=True)


def _waiting(
    exporter: str, account: Account, alive: Collection[str], named: Collection[str], now: datetime
) -> Iterator[Problem]:
    if not account.waiting:
        return
    if exporter not in alive and exporter not in named:
        yield Problem(exporter, account.waiting, False, "", NAMELESS)
    elif account.last_error is not None and _is_recent(account, now):
        yield Problem(exporter, account.waiting, False, account.last_error, FAILING)
    elif exporter not in alive:
        yield Problem(exporter, account.waiting, False, "", WAITING)


def _is_recent(account: Account, now: datetime) -> bool:
    return account.last_error_at is not None and now - account.last_error_at < RECENT

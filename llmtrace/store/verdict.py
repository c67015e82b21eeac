"""What is wrong with the exporters, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from llmtrace.pipeline.account import DIED, WANTED, Account

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


@dataclass(frozen=True)
class Problem:
    """Something that somebody should look at.

    `lost` tells whether spans are gone; else they wait. `reason` is why they were dropped, or the exporter's error.
    """

    exporter: str
    count: int
    lost: bool
    reason: str
    cure: str


def problems(sums: Mapping[str, Account], alive: frozenset[str], now: datetime | None = None) -> list[Problem]:
    """What is wrong, what is lost first.

    Args:
        sums: the accounts of all processes by exporter.
        alive: the exporters that a living process has.
        now: a moment; the present one if left out.
    """
    now = now or datetime.now(UTC)
    found = [problem for exporter, account in sums.items() for problem in _of(exporter, account, alive, now)]
    return sorted(found, key=lambda problem: (not problem.lost, problem.exporter, -problem.count))


def _of(exporter: str, account: Account, alive: frozenset[str], now: datetime) -> Iterator[Problem]:
    for reason, count in account.dropped.items():
        if reason not in WANTED:
            yield Problem(exporter, count, True, reason, CURES.get(reason, REFUSED))
    if account.waiting and account.last_error is not None and _is_recent(account, now):
        yield Problem(exporter, account.waiting, False, account.last_error, FAILING)
    elif account.waiting and exporter not in alive:
        yield Problem(exporter, account.waiting, False, "", WAITING)


def _is_recent(account: Account, now: datetime) -> bool:
    return account.last_error_at is not None and now - account.last_error_at < RECENT

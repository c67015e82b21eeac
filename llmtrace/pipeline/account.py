"""The numbers of one exporter in one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

LEFT_OUT: Final = "left out by a filter"
DIED: Final = "process died"
"""The reason of spans that were in the memory of a process which is no more."""
UNMADE: Final = "exporter could not be made"
"""The reason of spans for an entry of ``EXPORTERS`` that is wrong, or has a filter which is."""

WANTED: Final = frozenset({LEFT_OUT})
"""Reasons for which somebody asked: a span that is dropped for one of these is not lost."""


@dataclass(frozen=True)
class Account:
    """`ended` is always `sent` + `waiting` + all of `dropped`. Of those that wait, `spooled` are on disk."""

    ended: int
    sent: int
    waiting: int
    dropped: Mapping[str, int]
    failed_closed: int
    last_error: str | None
    last_error_at: datetime | None
    spooled: int = 0

    @property
    def lost(self) -> int:
        """How many were dropped although nobody asked for it."""
        return sum(count for reason, count in self.dropped.items() if reason not in WANTED)

    def of_the_dead(self) -> Account:
        """The same of a process that is no more: what waited in its memory is dropped."""
        in_memory = self.waiting - self.spooled
        if in_memory <= 0:
            return self
        dropped = Counter(self.dropped)
        dropped[DIED] += in_memory
        return replace(self, waiting=self.spooled, dropped=dict(dropped))

    def __add__(self, other: Account) -> Account:
        later = max((self, other), key=_error_time)
        return Account(
            self.ended + other.ended,
            self.sent + other.sent,
            self.waiting + other.waiting,
            dict(Counter(self.dropped) + Counter(other.dropped)),
            self.failed_closed + other.failed_closed,
            later.last_error,
            later.last_error_at,
            self.spooled + other.spooled,
        )


def _error_time(account: Account) -> float:
    return 0.0 if account.last_error_at is None else account.last_error_at.timestamp()

"""What became of the spans that an exporter was given: each is sent, waiting, or dropped with a reason."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Account:
    """The numbers of one exporter in one process. `ended` is always `sent` + `waiting` + all of `dropped`."""

    ended: int
    sent: int
    waiting: int
    dropped: Mapping[str, int]
    failed_closed: int
    last_error: str | None
    last_error_at: datetime | None


class Ledger:
    """Counts for one exporter. Spans that `SPANS` or `SAMPLE` leave out are never entered."""

    def __init__(self, exporter: str) -> None:
        """`exporter` is the exporter's name."""
        self.exporter = exporter
        self._lock = threading.RLock()
        self._ended = 0
        self._sent = 0
        self._dropped: Counter[str] = Counter()
        self._failed_closed = 0
        self._on_disk = 0
        self._last_error: str | None = None
        self._last_error_at: datetime | None = None

    def ended(self) -> None:
        with self._lock:
            self._ended += 1

    def sent(self, count: int) -> None:
        with self._lock:
            self._sent += count

    def dropped(self, reason: str, count: int = 1) -> None:
        with self._lock:
            self._dropped[reason] += count

    def failed_closed(self) -> None:
        """A filter raised, so that its span went nowhere."""
        with self._lock:
            self._failed_closed += 1
            self._dropped["filter raised"] += 1

    def spooled(self, count: int) -> None:
        """`count` spans went from memory to disk, where they still wait; a negative count has left it.

        Each span that leaves the disk is sent or dropped, which is entered apart.
        """
        with self._lock:
            self._on_disk += count

    def error(self, text: str) -> None:
        with self._lock:
            self._last_error, self._last_error_at = text, datetime.now(UTC)

    def account(self) -> Account:
        """The numbers as they stand."""
        with self._lock:
            waiting = self._ended - self._sent - self._dropped.total()
            return Account(
                self._ended,
                self._sent,
                waiting,
                dict(self._dropped),
                self._failed_closed,
                self._last_error,
                self._last_error_at,
            )


def ledger_of(origin: str, exporter: str) -> Ledger:
    """The ledger of another process, by its process id, for who settles what it has left on disk."""
    return Ledger(exporter)

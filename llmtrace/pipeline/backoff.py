"""When something that failed may be tried again."""

from __future__ import annotations

import random
import time
from typing import Final

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 10.0
_JITTER: Final = random.SystemRandom()  # forks share no state of it, and nobody who seeds `random` sees it move
LONGEST_ASKED_S: Final = 3600.0  # a backend that asks for more patience than that is asked again all the same


class Backoff:
    """Waits twice as long after each failure, each time a little more or less than others do."""

    def __init__(self) -> None:
        self._wait = 0.0
        self._until = 0.0
        self.failing = False
        self.asked = False  # whether it was the backend that said how long to wait

    def failed(self, after: float | None = None, longest: float = LONGEST_WAIT_S) -> None:
        """It did not work. That it was tried before its time, because somebody was in a hurry, makes no wait longer.

        Args:
            after: seconds that the backend has asked for.
            longest: seconds that are waited on our own account.
        """
        if self.left() == 0:
            self._wait = min(max(FIRST_WAIT_S, self._wait * 2), longest)
            self._until = time.monotonic() + self._wait * _JITTER.uniform(0.8, 1.2)
        self.failing, self.asked = True, after is not None
        if after is not None:
            self._until = max(self._until, time.monotonic() + min(after, LONGEST_ASKED_S))

    def worked(self) -> None:
        """It works: nothing is waited for."""
        self.failing, self.asked, self._wait, self._until = False, False, 0.0, 0.0

    def left(self) -> float:
        """Seconds until it may be tried again."""
        return max(0.0, self._until - time.monotonic()) if self.failing else 0.0

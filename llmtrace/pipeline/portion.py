"""How much of what waits on disk is offered at once: a span that always fails is found, and holds up no other."""

from __future__ import annotations

import time
from typing import Final

GROWTH: Final = 4
TRIES: Final = 3  # of a span that fails alone, where nothing has worked that would tell whose fault it is
ON_SUSPICION: Final = 3  # spans that are set aside in a row though it may be the backend's fault


class Portion:
    """A number of spans: half of what has failed, four times as many as what has worked."""

    def __init__(self, most: int) -> None:
        self.count = most
        self._most = most
        self._since: float | None = None  # when the first failed of what is offered now, by `time.monotonic`
        self._alone = 0  # how often one span has failed by itself
        self._suspected = 0

    def worked(self) -> None:
        """The spans that were offered have gone."""
        self.count = min(self.count * GROWTH, self._most)
        self._alone = self._suspected = 0
        if self.count == self._most:
            self._since = None

    def failed(self, count: int, worked_at: float, asked: bool) -> bool:
        """`count` spans have failed; True when it is one that others should pass.

        Args:
            count: how many were offered.
            worked_at: when the exporter last took anything, in seconds of `time.monotonic`.
            asked: whether the backend wants to be left alone, or a person has to do something, whatever the span.
        """
        self.count = max(1, count // 2)
        now = time.monotonic()
        began = self._since = self._since or now
        if count > 1:
            return False
        self._alone += 1
        if worked_at <= began:
            if asked or self._alone < TRIES or self._suspected == ON_SUSPICION:
                return False
            self._suspected += 1
        self._alone, self._since = 0, now
        return True

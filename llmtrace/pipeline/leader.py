"""Which of the processes that share a folder does what one of them does for all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from llmtrace.pipeline.book import NO_LINK
from llmtrace.pipeline.folder import HAS_LOCKS, PRIVATE_FILE
from llmtrace.pipeline.opening import opening

if HAS_LOCKS:
    import fcntl

LEADER: Final = ".ledger-leader"


class Leader:
    """Whether this process is the one that does what one process of a folder does for all.

    It stays that for as long as it lives; then another one is.
    """

    def __init__(self) -> None:
        self._lock: int | None = None

    def leads(self, folder: Path) -> bool:
        """Whether it is the one, which it becomes where there is none.

        Raises:
            OSError: the folder can't be written.
        """
        if self._lock is not None and not os.fstat(self._lock).st_nlink:
            self.leave()  # somebody has cleared the folder: another process may be the one by now
        if self._lock is None:
            with opening():
                self._lock = _locked(folder)
        return self._lock is not None

    def leave(self) -> None:
        """Be it no more. In a forked child its parent stays the one."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the lock; None where another process does."""
    descriptor = os.open(folder / LEADER, os.O_CREAT | os.O_RDWR | NO_LINK, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor

"""A thread that shows other hosts what this one knows: the ledgers of its processes, and spans that are still open.

It is never in the way of anything: what it writes follows the files, later when the database is away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.utils.module_loading import import_string
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.forking import awaited_by_forks
from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.pipeline import book, crediting, ledger, ledgers, leftovers
from llmtrace.pipeline.account import Account
from llmtrace.pipeline.bell import Bell
from llmtrace.pipeline.folder import folder_id, spool_folder
from llmtrace.pipeline.leader import Leader
from llmtrace.pipeline.ledgers import Entry
from llmtrace.pipeline.process import process_id
from llmtrace.pipeline.testrun import under_test

logger = get_logger("llmtrace.pipeline")

BOARD: Final = "llmtrace.store.board.Board"
EVERY_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0  # between two tries while the database is away
TIDY_EVERY_S: Final = 60.0
LAST_WORD_S: Final = 1.0  # how long a process that ends may take to write its last numbers


class Board(Protocol):
    """Where it is shown; see `llmtrace.store.board`."""

    def is_wanted(self) -> bool: ...

    def follow(
        self, folder: str, entries: Sequence[Entry] | None, process: str, running: Sequence[ReadableSpan]
    ) -> None: ...


class Reporter:
    """The thread of this process, and what it is to look at."""

    def __init__(
        self, accounts: Callable[[], Mapping[str, Account]], running: Callable[[], Sequence[ReadableSpan]]
    ) -> None:
        """
        Args:
            accounts: the numbers of this process by exporter, for where there is no folder.
            running: spans that have been open for long.
        """
        self._accounts = accounts
        self._running = running
        self._leader = Leader()
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew in a forked child: its parent's thread is not here, and its parent's task is its parent's."""
        self._leader.leave()
        self.begun = False
        self._bell, self._told = Bell(), Bell()
        self._asked = self._answered = 0  # reports
        self._board: Board | None = None
        self._tidied: float | None = None

    def begin(self) -> None:
        """Start the thread, unless it runs, or this is the test run of a project."""
        if self.begun or under_test():
            return
        self.begun = True
        try:
            threading.Thread(target=self._run, name="llmtrace-reporter", daemon=True).start()
        except RuntimeError:  # the interpreter is shutting down
            return

    def last_word(self, deadline: float) -> None:
        """Have the last numbers written before the process ends, for at most a second.

        Args:
            deadline: seconds of `time.monotonic`.
        """
        if not self.begun:
            return
        with suppress(OSError):
            ledger.keep_on_disk()  # here: the thread is not waited for where exporters have taken all the time
        deadline = min(deadline, time.monotonic() + LAST_WORD_S)
        self._asked += 1
        asked = self._asked
        self._bell.set()
        while self._answered < asked and (left := deadline - time.monotonic()) > 0:
            self._told.clear()
            self._told.wait(min(left, 0.1))

    def _run(self) -> None:
        pause = EVERY_S
        with suppress_instrumentation():
            if apps.ready:  # not at the end of a process: what is imported then makes Python forget a Ctrl-C
                with suppress(Exception):  # told when there is something to write
                    self._loaded()
            while True:
                self._bell.wait(pause)
                self._bell.clear()
                asked = self._asked
                pause = EVERY_S if self._report() else min(2 * pause, LONGEST_PAUSE_S)
                self._answered = asked
                self._told.set()

    def _report(self) -> bool:
        """Write what has changed; False when that was not possible now."""
        try:
            folder = spool_folder()
            ledger.keep_on_disk()
            leads = folder is not None and self._leader.leads(folder)
            if folder is not None:
                crediting.catch_up(folder)
                self._tidy(folder, leads)
            return self._follow(folder, leads)
        except (Error, OSError, ImproperlyConfigured):  # the database, the disk or the settings: others tell of these
            return False
        except Exception:
            tell(logger, "The numbers of the exporters could not be shown.")
            return False

    def _follow(self, folder: Path | None, leads: bool) -> bool:
        board = self._loaded()
        if board.is_wanted():
            name = process_id() if folder is None else folder_id(folder)
            board.follow(name, self._entries(folder, leads), process_id(), self._running())
        return True

    def _loaded(self) -> Board:
        if self._board is None:
            with awaited_by_forks():
                self._board = import_string(BOARD)()
        return self._board

    def _entries(self, folder: Path | None, leads: bool) -> Sequence[Entry] | None:
        if folder is None:
            now = datetime.now(UTC)
            return [Entry(process_id(), name, account, True, now) for name, account in self._accounts().items()]
        return ledgers.read(folder) if leads else None

    def _tidy(self, folder: Path, leads: bool) -> None:
        now = time.monotonic()
        if self._tidied is None or now - self._tidied > TIDY_EVERY_S:
            if self._tidied is None and leads:
                leftovers.clear(folder)
            self._tidied = now
            book.touch(book.path_of(folder, process_id()))
            if leads:
                ledgers.fold(folder)

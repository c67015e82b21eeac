"""Closing pipes side by side, and waiting for them no longer than they may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final, Protocol

from llmtrace.conf import ExporterConfig
from llmtrace.masking import get_logger
from llmtrace.pipeline.pipe import DISK_PATIENCE_S

logger = get_logger("llmtrace.pipeline")

SHORT_S: Final = 0.25
STARTING_S: Final = 0.001  # between two looks at a thread that is not started yet
LAST_SPAN_S: Final = 0.5  # what a span may take beyond the patience that is in the filters as it runs out


class Closable(Protocol):
    """A pipe."""

    config: ExporterConfig

    @property
    def patience(self) -> float: ...

    def close(self, deadline: float) -> None: ...
    def shut_down(self, deadline: float) -> None: ...
    def abandon(self) -> None: ...


class Closer(threading.Thread):
    """Closes one pipe."""

    def __init__(self, pipe: Closable, deadline: float) -> None:
        """`deadline` is in seconds of `time.monotonic`."""
        super().__init__(name="llmtrace-closer", daemon=True)
        self.pipe = pipe
        self.is_settled = False  # nothing of the pipe is in memory any more
        self._deadline = deadline
        self._begun_by: int | None = None  # the thread
        self._is_over = False

    def begin(self) -> None:
        """Start, unless it has been; without a thread where there can be none any more."""
        if self._begun_by is None:
            self._begun_by = threading.get_ident()
            try:
                self.start()
            except RuntimeError:  # the interpreter is shutting down: one after the other
                self.run()

    def run(self) -> None:
        try:
            self.pipe.close(self._deadline)
            self.is_settled = True
            self.pipe.shut_down(self._deadline)
        finally:
            self._is_over = True

    def wait(self) -> None:
        """Wait until all is done, for as long as it may take; a disk may take longer than an exporter.

        It is done in short stretches: one that begins as a signal comes misses it.
        """
        while self.is_alive() or not self._is_over:
            patience = 0.0 if self.is_settled else DISK_PATIENCE_S + LAST_SPAN_S
            left = self._deadline + patience - time.monotonic()
            if left <= 0:
                return
            if self.is_alive():
                self.join(min(SHORT_S, left))
            elif self._begun_by == threading.get_ident():  # in the middle of `run`: it cannot wait for itself
                return
            else:  # another thread is about to start it
                time.sleep(min(STARTING_S, left))


class Closing:
    """The pipes that are closed now. Who closes some waits for those of others as well.

    A process may be told to end while it ends: what is on its way then must not be cut off.
    """

    def __init__(self) -> None:
        self._closers: list[Closer] = []

    def add(self, pipes: Sequence[Closable], deadline: float) -> None:
        """Pipes that are to be closed by `deadline`, in seconds of `time.monotonic`."""
        now = time.monotonic()
        self._closers += [Closer(pipe, min(deadline, now + pipe.patience)) for pipe in pipes]

    def finish(self) -> bool:
        """Close them; False when something of one is still in memory and its time is over."""
        closers = list(self._closers)
        try:
            for closer in closers:
                closer.begin()
            for closer in closers:
                closer.wait()
        except BaseException:  # Ctrl-C while exporters are waited for: nobody wants to wait any longer
            for closer in closers:
                closer.pipe.abandon()
            raise
        finally:
            self._closers = [closer for closer in self._closers if closer not in closers]
        stuck = [closer.pipe.config.name for closer in closers if not closer.is_settled]
        for name in stuck:
            logger.error(
                "The exporter %s was not closed in time: a filter or the disk hangs, and spans may be lost.", name
            )
        return not stuck

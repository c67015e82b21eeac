"""A light thread for each exporter that sees to what its own can't: its hanging, and what dead processes have left."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from opentelemetry.instrumentation.utils import suppress_instrumentation

from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.pipeline.bell import Bell

logger = get_logger("llmtrace.pipeline")

TICK_S: Final = 2.0
TAKEOVER_S: Final = 4.0  # between two looks for what others have left


class Swept(Protocol):
    """A pipe with a spool."""

    def relieve(self) -> None: ...
    def sweep(self) -> None: ...


class Sweeper:
    """Serves one pipe until it is stopped: the filters of another may be slow, or hang."""

    def __init__(self, pipe: Swept) -> None:
        self._pipe = pipe
        self._bell = Bell()
        self._stopped = False

    def start(self) -> None:
        """Begin, if a thread can be started."""
        try:
            threading.Thread(target=self._run, name="llmtrace-sweeper", daemon=True).start()
        except RuntimeError:  # the interpreter is shutting down
            return

    def wake(self) -> None:
        """A queue is filling up."""
        self._bell.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._bell.set()

    def _run(self) -> None:
        swept_at = float("-inf")
        with suppress_instrumentation():
            while not self._stopped:
                is_time = time.monotonic() - swept_at >= TAKEOVER_S
                self._see_to(is_time)
                swept_at = time.monotonic() if is_time else swept_at
                self._bell.wait(TICK_S)
                self._bell.clear()

    def _see_to(self, is_time: bool) -> None:
        try:
            self._pipe.relieve()
            if is_time:
                self._pipe.sweep()
        except Exception:
            tell(logger, "The spool of an exporter could not be seen to.")

"""Waking a thread from anywhere, also from where no lock may be waited for."""

from __future__ import annotations

from queue import Empty, SimpleQueue


class Bell:
    """What `threading.Event` is, for one thread that waits.

    A span may end in a signal handler or in garbage collection, which run in the middle of whatever a thread does: also
    in the middle of `Event.wait` and `Event.set`, which hold a lock there that the same thread cannot take twice. The
    put of a `SimpleQueue` is re-entrant for that reason.
    """

    __slots__ = ("_rung", "_strokes")

    def __init__(self) -> None:
        self._rung = False
        self._strokes: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        return self._rung

    def set(self) -> None:
        """Wake the thread that waits, or the next one that comes to wait."""
        if not self._rung:
            self._rung = True
            self._strokes.put(None)

    def clear(self) -> None:
        """Let the next one wait."""
        self._rung = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most `timeout` seconds; False when it wasn't.

        One that was set and cleared since the wait before has been heard as well: who waits looks for what there is.
        """
        if not self._rung:
            try:
                self._strokes.get(timeout=timeout)
            except Empty:
                return self._rung
        self._quieten()
        return True

    def _quieten(self) -> None:
        """Take the strokes away that nobody waited for, so that they don't heap up under a thread that never waits."""
        try:
            while True:
                self._strokes.get_nowait()
        except Empty:
            return

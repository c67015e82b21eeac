"""The pipes of the settings in force: made when they are first needed, replaced when the settings change."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from llmtrace.conf import get_config
from llmtrace.forking import awaited_by_forks
from llmtrace.pipeline.build import AnyPipe, build
from llmtrace.pipeline.closing import Closing
from llmtrace.pipeline.direct import DirectPipe
from llmtrace.pipeline.ledger import Account
from llmtrace.pipeline.opening import FORK_PATIENCE_S
from llmtrace.pipeline.pipe import Pipe
from llmtrace.pipeline.sweeper import Sweeper


class Pipes:
    """The pipes that are in use in this process, if any, and those that were before."""

    def __init__(self) -> None:
        self._pipes: tuple[AnyPipe, ...] | None = None
        self._inherited: tuple[AnyPipe, ...] | None = None  # in a forked child, until it needs them
        self._last: tuple[AnyPipe, ...] = ()  # those that were closed last: their numbers are still asked for
        self._direct: tuple[DirectPipe, ...] = ()
        self._closing = Closing()
        self._sweepers: list[Sweeper] = []
        self._building = threading.RLock()
        self._maker: int | None = None  # the thread that makes pipes, and has the lock
        self._patience = 0.0  # EXIT_TIMEOUT of the settings that the pipes were made from, in seconds

    def pipes(self) -> tuple[AnyPipe, ...]:
        """The pipes of the settings in force, made when they are first needed; none are made at the very end.

        There are none for what a signal's handler does, or garbage collection, in the middle of their making.
        """
        if self._pipes is None and sys.is_finalizing():
            return ()
        with awaited_by_forks(), self._building:
            if self._pipes is None and not self._makes_them:  # else a span has ended in the middle of it
                self._make()
            return self._pipes or ()

    @property
    def _makes_them(self) -> bool:
        """Whether this thread does, which is in the middle of it. Another one would be done with it by now."""
        return self._maker == threading.get_ident()

    def _make(self) -> None:
        self._maker = threading.get_ident()
        try:
            config = get_config()
            self._patience = config.exit_timeout
            pipes = self._inherited
            if pipes is None:
                pipes = build(config)
            self._direct = tuple(pipe for pipe in pipes if isinstance(pipe, DirectPipe))
            self._sweep(pipes)
            self._pipes, self._inherited = pipes, None  # other threads ask for the numbers of one or the other
        finally:
            self._maker = None
        self.made(pipes)

    def made(self, pipes: Sequence[AnyPipe]) -> None:
        """Do what there is to do as soon as pipes are there, in the thread that needed them."""

    def _sweep(self, pipes: Sequence[AnyPipe]) -> None:
        swept = [pipe for pipe in pipes if isinstance(pipe, Pipe) and pipe.has_spool]
        self._sweepers = [Sweeper(pipe) for pipe in swept]
        for pipe, sweeper in zip(swept, self._sweepers, strict=True):
            pipe.relief = sweeper.wake
            sweeper.start()

    @property
    def is_open(self) -> bool:
        """Whether there are pipes that spans have been put into, or may be."""
        return bool(self._pipes)

    def accounts(self) -> dict[str, Account]:
        """The numbers of each exporter in this process, by its name."""
        return {pipe.config.name: pipe.account() for pipe in self.known()}

    def known(self) -> Sequence[AnyPipe]:
        """The pipes that there are, or that there were last."""
        return self._pipes or self._inherited or self._last

    def retire(self, deadline: float) -> bool:
        """Have the pipes in use send what they hold by `deadline`, in seconds of `time.monotonic`, and close them.

        True when nothing is left of what was in them. There are none where somebody makes them, and that hangs.
        """
        if self._building.acquire(timeout=max(0.0, deadline - time.monotonic())):
            try:
                pipes = self._pipes or self._inherited or ()
                self._closing.add(pipes, deadline)
                self._pipes, self._inherited, self._direct = None, None, ()
                self._last = pipes or self._last
                for sweeper in self._sweepers:
                    sweeper.stop()
            finally:
                self._building.release()
        return self._closing.finish()

    def hold(self, timeout: float) -> bool:
        """Let other threads begin or end no span once the pipes are closed: they wait until `let_go`.

        False when somebody makes pipes, and takes longer than `timeout` seconds.
        """
        return self._building.acquire(timeout=timeout)

    def let_go(self) -> None:
        """Let threads go on that `hold` has stopped, if it has."""
        with suppress(RuntimeError):
            self._building.release()

    def before_fork(self) -> None:
        """Wait for a thread that imports: the child would inherit modules that are half there, and their locks."""
        self._building.acquire(timeout=FORK_PATIENCE_S)

    def after_fork_in_parent(self) -> None:
        """Let it go on, if the wait was not too long."""
        self.let_go()

    def after_fork(self) -> None:
        """Begin anew in a child process."""
        self._building = threading.RLock()
        self._maker = None
        self._closing = Closing()
        self._last = ()
        if self._pipes is not None:
            self._inherited, self._pipes = self._pipes, None
        for pipe in self._inherited or ():
            pipe.after_fork()

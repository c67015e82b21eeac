"""Child processes that end with this one: started in groups of their own, asked to stop, then made to."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Self

PATIENCE: Final = 10.0  # seconds that a child may take to stop when it is asked
GLANCE: Final = 0.1  # seconds between two looks at a condition
ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Trouble(Exception):
    """What keeps the demonstration from going on, in words for the person who started it."""


class Late(Trouble):
    """A condition that did not come true in its time."""


@dataclass(frozen=True)
class Child:
    """A process, and the file that it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self, words: str) -> bool:
        """Whether the words are in what it wrote."""
        return words in self.log.read_text(errors="replace")

    def last_lines(self, count: int = 15) -> str:
        """The end of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def ask(self) -> None:
        """Ask the process itself, whose own children it knows best how to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def sweep(self) -> None:
        """End whatever is left of its group."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # nothing is left: it stopped as it was asked
        finally:
            self.process.wait()


class Children:
    """The child processes of a `with` block: however it is left, none of them stays.

    Ctrl-C, SIGTERM and SIGHUP end the block with SystemExit, but never between the start of a process and its entry
    here, nor while the others are being stopped.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._all: list[Child] = []
        self._held = False
        self._asked = 0  # the signal's number
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._before = {ending: signal.signal(ending, self._ended) for ending in ENDINGS}
        return self

    def __exit__(self, *exc: object) -> None:
        self._held = True
        self._stop()
        for ending, handler in self._before.items():
            signal.signal(ending, handler)  # type: ignore[arg-type]

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Start a process; what it writes goes to a file of its name."""
        log = self._logs / f"{name}.log"
        with self._hold(), log.open("wb") as out:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            child = Child(name, process, log)
            self._all.append(child)
        return child

    def wait(self, what: str, condition: Callable[[], bool], seconds: float) -> None:
        """Return once the condition holds.

        Raises:
            Late: it did not in that time.
            Trouble: one of the processes has ended meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise Late(f"Waited {seconds:.0f} s in vain: {what}.\n{self.tails()}")
            time.sleep(GLANCE)

    def check(self) -> None:
        """Raise `Trouble` when one of the processes has ended."""
        for child in self._all:
            status = child.process.poll()
            if status is not None:
                raise Trouble(f"The {child.name} ended with status {status}.\n{child.log}:\n{child.last_lines()}")

    def stay(self) -> None:
        """Say so, and return when somebody asks to end; raise `Trouble` when one of the processes ends by itself."""
        self._held = True
        print("Ctrl-C ends it.", flush=True)
        while not self._asked:
            self.check()
            time.sleep(GLANCE)

    def tails(self) -> str:
        """The end of what each of them wrote."""
        return "\n".join(f"{child.log}:\n{child.last_lines()}" for child in self._all)

    def _stop(self) -> None:
        for child in reversed(self._all):
            child.ask()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(child.process.poll() is None for child in self._all):
            time.sleep(GLANCE)
        for child in self._all:
            child.sweep()

    def _ended(self, signum: int, frame: FrameType | None) -> None:
        self._asked = signum
        if not self._held:
            raise SystemExit(128 + signum)

    @contextmanager
    def _hold(self) -> Iterator[None]:
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked:
            raise SystemExit(128 + self._asked)

"""The demonstration as a process, with a folder of its own, and what it leaves on this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.services import ROOT

READY = "Ctrl-C ends it."
ADDRESS = re.compile(r"The shop:\s+(http://\S+?)/\n")
BEGINS = 240.0  # seconds
ENDS = 40.0


def environment(var: Path) -> dict[str, str]:
    """As on a machine without keys and servers; `var` takes its files."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CELERY_", "DJANGO_"))}
    return {**kept, "PROJECT_VAR": str(var), "PYTHONUNBUFFERED": "1"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "project.demo", "--port", str(free_port()), *arguments]


def free_port() -> int:
    """A port that no other demonstration takes which is tested at the same time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class Demonstration:
    """The demonstration while it stays, and all that it has printed."""

    def __init__(self, var: Path, *arguments: str) -> None:
        self.var = var
        self.printed = ""
        self.process = subprocess.Popen(
            command(*arguments),
            cwd=ROOT,
            env=environment(var),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line

    @property
    def site(self) -> str:
        """Where the shop is."""
        found = ADDRESS.search(self.printed)
        assert found, self.printed
        return found[1]

    def wait_until_ready(self) -> None:
        until(lambda: READY in self.printed or self.process.poll() is not None, BEGINS)
        assert self.process.poll() is None, self.printed

    def end(self, ending: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit status."""
        self.process.send_signal(ending)
        return self.process.wait(ENDS)

    def close(self) -> None:
        """End it, if nobody has done so before, and read what it printed last."""
        if self.process.poll() is None:
            self.end()
        self._reader.join(ENDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running(var: Path, *arguments: str) -> Iterator[Demonstration]:
    """A demonstration that is ready, and has ended afterwards."""
    with closing(Demonstration(var, *arguments)) as demo:
        demo.wait_until_ready()
        yield demo


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def processes(var: Path) -> dict[int, str]:
    """Commands, by id, of all processes that have this folder in their environment (Linux shows it in /proc)."""
    mark = f"PROJECT_VAR={var}\0".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended while we looked, or is another user's
            continue
    return found

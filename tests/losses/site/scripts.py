"""Programs without Django's commands: ``python -m tests.losses.site.scripts NAME``."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

import django

from tests.losses.site.settings import FOLDER


def exits() -> None:
    """Make spans, and end at the end of the program."""
    from tests.losses.site.pages import calls

    calls(60)


def told() -> None:
    """Make spans, and be told to end right after the last."""
    exits()
    os.kill(os.getpid(), signal.SIGTERM)


def goes_on() -> None:
    """Make spans until somebody ends it."""
    from tests.losses.site.pages import calls

    while True:
        calls(1)


def goes_on_when_sent() -> None:
    """Make a batch of spans, wait until it is sent and noted, make fewer than another, and wait for the end."""
    from llmtrace.pipeline.fanout import fanout
    from tests.losses.site.pages import BATCH, calls

    calls(BATCH)
    while any(account.sent < BATCH for account in fanout.accounts().values()):
        time.sleep(0.02)
    calls(BATCH - 1)
    signal.pause()


def follows() -> None:
    """Send what dead processes have left; end when nothing is left on disk, or after 30 s."""
    from llmtrace.pipeline.fanout import fanout

    fanout.pipes()
    deadline = time.monotonic() + 30
    while left() and time.monotonic() < deadline:
        time.sleep(0.02)


def left() -> list[str]:
    """The files on disk that hold spans."""
    return [str(path) for path in (FOLDER / "spool").rglob("*.spool")]


PROGRAMS = (exits, told, goes_on, goes_on_when_sent, follows)

if __name__ == "__main__":
    django.setup()
    programs: dict[str, Callable[[], None]] = {each.__name__: each for each in PROGRAMS}
    programs[sys.argv[1]]()

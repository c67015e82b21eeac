"""Who this process is, in names of files and rows that outlive it."""

from __future__ import annotations

import os
import re
import secrets
import socket
import string
import time
from functools import cache
from pathlib import Path
from typing import Final

from llmtrace.forking import at_fork

DIGITS: Final = string.digits + string.ascii_lowercase
LONGEST_HOST: Final = 48

_ids: Final[dict[str, str]] = {}  # that of this process, by the word "id"


def process_id() -> str:
    """``{host}-{pid}-{start}``: the same for as long as the process lives, and another in a child that it forks.

    `start` is when the process was first asked, in milliseconds since 1970 written in base 36: a process that gets the
    number of one that has died is told from it. Four characters of chance follow: containers of one name that start
    together have the same numbers. Of the host's name only letters, digits, dots and hyphens are kept.
    """
    known = _ids.get("id")
    if known is None:
        chance = "".join(secrets.choice(DIGITS) for _ in range(4))
        made = f"{host()}-{os.getpid()}-{base36(time.time_ns() // 1_000_000)}{chance}"
        known = _ids.setdefault("id", made)  # one step: threads, or a signal's handler, may have asked at once
    return known


def host() -> str:
    """The name of this machine, as far as it can stand in the name of a file."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname())[:LONGEST_HOST].strip(".-") or "localhost"


@cache
def boot_id() -> str | None:
    """What tells this start of the machine from others, from which `time.monotonic` counts; None if it is not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() or None
    except OSError:
        return None


def base36(number: int) -> str:
    """A whole number, 0 or more, in base 36."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def _after_fork_in_child() -> None:
    _ids.clear()


at_fork(after_in_child=_after_fork_in_child)

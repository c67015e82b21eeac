"""Folders under the temporary directory in which nothing is any more: those of sites that have gone."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from llmtrace.pipeline import book, ledgers
from llmtrace.pipeline.folder import default_prefix
from llmtrace.pipeline.leader import LEADER

AFTER_S: Final = 7 * 86_400.0
PATTERNS: Final = (f"*{book.SUFFIX}", ".*.new", ".ledger-*")
"""What else a folder has than spans."""


def clear(own: Path, now: float | None = None) -> None:
    """Remove the folders of other sites of this user in which nothing has happened for a week.

    One stays in which spans wait, in which some were lost, which nobody may have seen, or which a process has.

    Args:
        own: the folder of this site. Where the settings name it, those of others are none of its business.
        now: seconds since 1970.
    """
    parent = Path(tempfile.gettempdir())
    if own.parent != parent or not own.name.startswith(default_prefix()):
        return
    oldest = (time.time() if now is None else now) - AFTER_S
    for folder in parent.glob(f"{default_prefix()}*"):
        with contextlib.suppress(OSError):  # it has gone, or is in use again
            if folder != own and _is_ours(folder) and _is_over(folder, oldest):
                _remove(folder)


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _is_over(folder: Path, oldest: float) -> bool:
    files = list(folder.iterdir())
    if len(files) != len(list(_known(folder))) or any(path.lstat().st_mtime > oldest for path in (folder, *files)):
        return False
    if book.is_alive(folder / LEADER):
        return False
    entries = ledgers.read(folder)
    read = {entry.process for entry in entries}
    if any(path.stat().st_size and path.name.removesuffix(book.SUFFIX) not in read for path in _ledgers(files)):
        return False  # damaged, or of another release: nobody knows what it counts
    return not any(entry.alive or entry.account.lost or entry.account.waiting for entry in entries)


def _ledgers(files: Iterable[Path]) -> Iterator[Path]:
    return (path for path in files if path.name.endswith(book.SUFFIX))


def _known(folder: Path) -> Iterator[Path]:
    for pattern in PATTERNS:
        yield from folder.glob(pattern)


def _remove(folder: Path) -> None:
    for path in _known(folder):
        path.unlink(missing_ok=True)
    folder.rmdir()

"""Losses that somebody has looked at, remembered beside the ledgers; they move with the numbers that they are among."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from llmtrace.pipeline.account import Account
from llmtrace.pipeline.book import EARLIER
from llmtrace.pipeline.folder import PRIVATE_FILE

FILE: Final = ".ledger-acknowledged"

Accounts = Mapping[str, Account]
"""By the exporter's name."""


class Place(NamedTuple):
    """Where spans were lost."""

    process: str  # `EARLIER` for the sum of earlier ones
    exporter: str
    reason: str
    folder: str = ""  # the id of the folder that the ledger is in, if that is another machine's


def remembered(folder: Path) -> Counter[Place]:
    """What `remember` was given last; nothing where that can't be read."""
    try:
        return Counter(
            {Place(*map(str, where)): int(count) for *where, count in json.loads(_path(folder).read_bytes())}
        )
    except (OSError, ValueError, TypeError):
        return Counter()


def remember(folder: Path, known: Mapping[Place, int]) -> None:
    """Keep `known` for all who ask in this folder. Only for `only_one`.

    Raises:
        OSError: it can't be written; then what was kept before stays.
    """
    new = folder / f"{FILE}.{uuid.uuid4().hex}"
    try:
        new.touch(PRIVATE_FILE)
        new.write_text(json.dumps([[*place, count] for place, count in known.items()]))
        os.replace(new, _path(folder))
    finally:
        new.unlink(missing_ok=True)


def move(folder: Path, process: str, counted: Accounts, earlier: Accounts) -> None:
    """Let what is known of `process` be known of the sum of earlier ones, to which its numbers were added before.

    Where the one is done and the other is not, what was acknowledged is shown as new, and nothing new is hidden. For
    the same reason no more is known of a sum than was lost in it. Only for `only_one`.

    Args:
        folder: that of the ledgers.
        process: one that has no ledger any more.
        counted: what it had counted.
        earlier: the sums without it.

    Raises:
        OSError: it can't be written.
    """
    known = remembered(folder)
    moved = {place: count for place, count in known.items() if place.process == process and not place.folder}
    for place, count in moved.items():
        to = place._replace(process=EARLIER)
        known[to] = min(known[to], _lost(earlier, to)) + min(count, _lost(counted, place))
        del known[place]
    if moved:
        remember(folder, known)


def _lost(accounts: Accounts, place: Place) -> int:
    account = accounts.get(place.exporter)
    return 0 if account is None else account.dropped.get(place.reason, 0)


def _path(folder: Path) -> Path:
    return folder / FILE

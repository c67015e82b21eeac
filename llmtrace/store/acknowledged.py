"""Losses that somebody has looked at: remembered beside the ledgers, so that only new ones call for another look."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from llmtrace.pipeline.account import WANTED
from llmtrace.pipeline.book import EARLIER, PRIVATE
from llmtrace.pipeline.ledgers import Entry

FILE: Final = ".ledger-acknowledged"

Place = tuple[str, str, str]
"""Process, exporter, and the reason for which spans were dropped."""


def losses(entries: Iterable[Entry]) -> Counter[Place]:
    """How many spans were dropped in each place although nobody asked for it."""
    return Counter(
        {
            (entry.process, entry.exporter, reason): count
            for entry in entries
            for reason, count in entry.account.dropped.items()
            if reason not in WANTED
        }
    )


def fresh(entries: Iterable[Entry], known: Mapping[Place, int]) -> Counter[Place]:
    """The losses that are not among those which are `known`.

    A day after its end a process has no ledger of its own any more: what was known of it then counts for the sums of
    earlier processes, one of which has its numbers.
    """
    entries = list(entries)
    there = {entry.process for entry in entries}
    summed_up: Counter[tuple[str, str]] = Counter()
    for (process, exporter, reason), count in known.items():
        if process not in there:
            summed_up[exporter, reason] += count
    found: Counter[Place] = Counter()
    for place, count in losses(entries).items():
        process, exporter, reason = place
        found[place] = max(0, count - known.get(place, 0))
        if _is_sum(process):
            credit = min(found[place], summed_up[exporter, reason])
            summed_up[exporter, reason] -= credit
            found[place] -= credit
    return +found


def _is_sum(process: str) -> bool:
    return f"-{EARLIER}-" in process


def remembered(folder: Path) -> Counter[Place]:
    """What `remember` was given last; nothing where that can't be read."""
    try:
        return Counter({(row[0], row[1], row[2]): int(row[3]) for row in json.loads((folder / FILE).read_bytes())})
    except (OSError, ValueError, LookupError, TypeError):
        return Counter()


def remember(folder: Path, known: Mapping[Place, int]) -> None:
    """Keep `known` for all who ask in this folder.

    Raises:
        OSError: it can't be written; then what was kept before stays.
    """
    new = folder / f"{FILE}.{uuid.uuid4().hex}"
    try:
        new.touch(PRIVATE)
        new.write_text(json.dumps([[*place, count] for place, count in known.items()]))
        os.replace(new, folder / FILE)
    finally:
        new.unlink(missing_ok=True)

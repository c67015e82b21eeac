"""Which losses are new: those that nobody has acknowledged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from llmtrace.pipeline import ledgers
from llmtrace.pipeline.account import WANTED
from llmtrace.pipeline.acknowledged import Place, remember, remembered
from llmtrace.pipeline.book import EARLIER
from llmtrace.pipeline.crediting import only_one
from llmtrace.pipeline.ledgers import Entry


def fresh(entries: Iterable[Entry], known: Mapping[Place, int]) -> Counter[tuple[str, str, str]]:
    """The losses that are not among those which are `known`, by process, exporter and reason.

    A day after its end a process has no ledger of its own any more. On this machine what was known of it has moved into
    the sum of earlier processes together with its numbers. On another machine nobody could do that: there it counts for
    the sum in the same folder.
    """
    entries = list(entries)
    there = {(entry.folder, _process(entry)) for entry in entries}
    gone: Counter[Place] = Counter()
    for place, count in known.items():
        if place.folder and (place.folder, place.process) not in there:
            gone[place._replace(process=EARLIER)] += count
    found: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        for place, count in losses([entry]).items():
            found[entry.process, *place[1:3]] = max(0, count - known.get(place, 0) - gone[place])
    return +found


def losses(entries: Iterable[Entry]) -> Counter[Place]:
    """How many spans were dropped in each place although nobody asked for it."""
    return Counter(
        {
            Place(_process(entry), entry.exporter, reason, entry.folder): count
            for entry in entries
            for reason, count in entry.account.dropped.items()
            if reason not in WANTED
        }
    )


def _process(entry: Entry) -> str:
    """The sum's own name changes with the machine's."""
    return EARLIER if f"-{EARLIER}-" in entry.process else entry.process


def acknowledge(folder: Path, seen: Iterable[Entry], all_seen: bool) -> None:
    """Remember the losses that somebody has seen.

    Processes may have been summed up since they were read, or while they were: what is not in its place any more is not
    acknowledged, and is shown again.

    Args:
        folder: that of this machine's ledgers.
        seen: all ledgers that could be read.
        all_seen: whether those of other machines are among them; else what is known of these stays.

    Raises:
        OSError: it can't be written.
    """
    looked_at = losses(seen)
    with only_one(folder):
        known = remembered(folder)
        kept = {place: count for place, count in known.items() if place.folder and not all_seen}
        here = {
            place: min(max(looked_at[place], known[place]), count)
            for place, count in losses(ledgers.read(folder)).items()
        }
        away = {place: count for place, count in looked_at.items() if place.folder}
        remember(folder, +Counter({**kept, **here, **away}))

"""Taking over what processes that have died have left on disk for an exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from llmtrace.pipeline.segment import SUFFIX, Segment, clear_up, digest
from llmtrace.pipeline.segments import Segments

MOST_TAKEN: Final = 32  # files of the dead that are open at a time: the host needs descriptors too


class Takeover(NamedTuple):
    """What a look into the folder has come to."""

    found: bool  # whether something was taken
    more_left: bool  # whether there is more than may be taken at a time


def take_over(segments: Segments) -> Takeover:
    """Hold the files that nobody holds any more."""
    found = False
    try:
        left = sorted(segments.folder.glob(f"*-{digest(segments.exporter)}{SUFFIX}"))
    except OSError:  # the folder is not there any more, or no folder
        return Takeover(found=False, more_left=False)
    clear_up(segments.folder, segments.exporter)
    for path in left:
        with segments.lock:
            if segments.closed or any(path == segment.path for segment in segments.in_order()):
                continue
            if _taken(segments) >= MOST_TAKEN:
                return Takeover(found, more_left=True)
            found = _is_taken(segments, path) or found
    return Takeover(found, more_left=False)


def _taken(segments: Segments) -> int:
    return sum(not segments.is_own(segment) and not segment.is_aside for segment in segments.others)


def _is_taken(segments: Segments, path: Path) -> bool:
    try:
        segment = Segment.adopt(path, segments.exporter)
    except ValueError:  # goes when there is need of room
        return False
    if segment is None:
        return False
    if not segment.has_more:
        segment.remove()
        return False
    segments.others.append(segment)
    return True

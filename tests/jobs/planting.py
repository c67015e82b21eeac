"""The secrets that jobs say, for the jobs and for the test that looks for them."""

from __future__ import annotations

from typing import Final

from tests.filters.secrets import Planted, planted

SAMPLE: Final = 21
OPEN: Final = 90  # spans at once: of one process no more than a hundred are shown as running
FEW: Final = 3  # processes that jobs end: each takes its time
QUIET: Final = "what only the job is told"


def secrets() -> list[Planted]:
    """A text with a secret of each kind."""
    return list(planted(SAMPLE))

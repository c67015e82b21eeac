"""How many spans a job has open."""

from __future__ import annotations

from typing import Final

CROWD: Final = 100  # of each kind

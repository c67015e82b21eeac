"""What jobs have open, or have ended, when they are killed."""

from __future__ import annotations

from typing import Final

CROWD: Final = 100  # spans of each kind that are open
TURNS: Final = range(
    500, 900, 50
)  # spans that a job begins, without a pause, before it is killed: one job after another
WINDOW: Final = 400  # of these are open at once: it takes longer to begin as many than from one export to the next
BUSY_DELAY_S: Final = 0.02  # from one export to the next there
IDLE_DELAY_S: Final = 20.0  # how long what has ended is not exported in jobs that wait until they are killed

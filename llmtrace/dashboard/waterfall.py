"""Where each span's bar begins and ends on the page, in percent of the trace's whole time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from llmtrace.dashboard.figures import DAY, HOUR, MINUTE, SECOND
from llmtrace.dashboard.tree import Node

NARROWEST: Final = 0.35  # percent: a shorter bar could not be seen
LAST_LABEL: Final = 95.0  # percent: a label that begins later would not fit
_STEPS: Final = (
    *(digit * 10.0**power for power in range(-3, 4) for digit in (1, 2, 5)),
    10 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 365 * DAY,
)  # fmt: skip
_UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"), (1.0, "ms"))


@dataclass(frozen=True, slots=True)
class Scale:
    """The time that the page shows, in ms since the epoch."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return max(self.end - self.start, 1.0)

    def percent(self, moment: float) -> float:
        """Where `moment` is, from 0 to 100."""
        return min(100.0, max(0.0, (moment - self.start) / self.length * 100))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in percent: its begin, its width until the first chunk or the end, and the width that streamed."""

    x: str
    width: str
    first: str | None = None
    streamed: str | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, with its label."""

    x: str
    label: str


def scale_of(nodes: Iterable[Node]) -> Scale:
    """From the first begin, what a job waited before it included, to the last end."""
    nodes = list(nodes)
    if not nodes:
        return Scale(0.0, 0.0)
    return Scale(min(node.sent for node in nodes), max(node.end for node in nodes))


def bar_of(scale: Scale, start: float, length: float, first_chunk: float | None = None) -> Bar:
    """The bar of what began at `start` and took `length` ms; its lighter part begins `first_chunk` ms later."""
    x, end = scale.percent(start), scale.percent(start + length)
    if end - x < NARROWEST:
        return Bar(_percent(min(x, 100 - NARROWEST)), _percent(NARROWEST))
    if first_chunk is None or not 0 <= first_chunk <= length:
        return Bar(_percent(x), _percent(end - x))
    middle = scale.percent(start + first_chunk)
    return Bar(_percent(x), _percent(middle - x), _percent(middle), _percent(end - middle))


def ticks_of(scale: Scale, at_most: int = 7) -> list[Tick]:
    """Round times, at most `at_most` of them, from the begin of the trace."""
    step = next((step for step in _STEPS if scale.length / step < at_most), scale.length)
    unit, name = next((unit, name) for unit, name in _UNITS if _suits(unit, step, scale.length))
    places = [number * step / scale.length * 100 for number in range(int(scale.length / step) + 1)]
    labels = [f"{number * step / unit:.6g} {name}" for number in range(len(places))]
    return [Tick(_percent(x), label if x < LAST_LABEL else "") for x, label in zip(places, labels, strict=True)]


def _suits(unit: float, step: float, length: float) -> bool:
    """Whether times that are `step` apart are short in that unit; only seconds are cut in tenths."""
    return unit == 1.0 or (length >= unit and step >= (unit / 10 if unit == SECOND else unit))


def _percent(value: float) -> str:
    """A number for an SVG attribute, which no locale may change."""
    return f"{value:.2f}%"


def covered(intervals: Sequence[tuple[float, float]]) -> float:
    """How long at least one of the intervals lasted, in the unit of their ends."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total

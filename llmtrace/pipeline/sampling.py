"""A share of the traces, the same in every process that sees a part of one."""

from __future__ import annotations

from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

LOW_64_BITS: Final = (1 << 64) - 1  # random in every id generator in use (W3C trace context, level 2)


class Share:
    """Chooses by trace id.

    Args:
        share: of all traces, 0 to 1.
    """

    __slots__ = ("_all", "_bound")

    def __init__(self, share: float) -> None:
        self._all = share >= 1.0
        self._bound = round(share * (1 << 64))

    def has(self, span: ReadableSpan) -> bool:
        """Whether the span's trace is among the chosen ones."""
        return self._all or (span.context is not None and span.context.trace_id & LOW_64_BITS < self._bound)

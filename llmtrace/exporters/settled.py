"""What became of spans that went in several requests, while the others of their batch have yet to go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.pipeline.outcome import Exported

LIMIT: Final = 20_000  # spans that are remembered


class Settled:
    """Remembers spans by their ids from one offer of a batch to the next, so that only the rest goes again.

    A batch that comes back in other company, or to another process, may be sent twice, as OTLP allows.
    """

    def __init__(self) -> None:
        self._fates: dict[tuple[int, int], str | None] = {}

    def rest(self, spans: Sequence[ReadableSpan]) -> Sequence[ReadableSpan]:
        """Those of which nothing is known yet."""
        if not self._fates:
            return spans
        return [span for span in spans if _key(span) not in self._fates]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is remembered, as where each batch is taken whole."""
        return not self._fates

    def arrived(self, spans: Sequence[ReadableSpan], rejected: int, reason: str) -> None:
        """The backend took all but `rejected` of them; it does not say which."""
        for index, span in enumerate(spans):
            self._fates[_key(span)] = reason if index < rejected else None

    def refused(self, span: ReadableSpan, reason: str) -> None:
        """The backend never takes this one."""
        self._fates[_key(span)] = reason

    def close(self, spans: Sequence[ReadableSpan]) -> Exported:
        """All of `spans` are settled: sum them up and forget them."""
        reasons = Counter(self._fates.pop(_key(span), None) for span in spans)
        sent = reasons.pop(None, 0)
        return Exported(sent, {reason: count for reason, count in reasons.items() if reason is not None})

    def keep(self) -> None:
        """The batch will come again: remember what there is, the newest first where it is too much."""
        for key in list(self._fates)[: max(0, len(self._fates) - LIMIT)]:
            del self._fates[key]


def _key(span: ReadableSpan) -> tuple[int, int]:
    context = span.context
    return (0, id(span)) if context is None else (context.trace_id, context.span_id)

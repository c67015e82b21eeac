"""The spans of one trace as a tree, read from the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from llmtrace.models import Span


class Trace:
    """Spans by parent, each list in the order of time."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = sorted(spans, key=lambda span: span.started_at)
        self._known = {span.span_id: span for span in self.spans}
        self._below: dict[str | None, list[Span]] = defaultdict(list)
        for span in self.spans:
            self._below[span.parent_id].append(span)

    @classmethod
    def read(cls, trace_id: str) -> Trace:
        """All that the store has of a trace."""
        return cls(Span.objects.of_trace(trace_id).with_content())

    def parent(self, span: Span) -> Span | None:
        """The span that it began under, None for a root and for an orphan."""
        return self._known.get(span.parent_id or "")

    def children(self, span: Span) -> list[Span]:
        """The spans that began directly under this one."""
        return self._below[span.span_id]

    def below(self, span: Span) -> Iterator[Span]:
        """All spans under this one."""
        for child in self.children(span):
            yield child
            yield from self.below(child)

    def tops(self) -> list[Span]:
        """Spans without a parent in this trace: its root, and orphans."""
        return [span for span in self.spans if self.parent(span) is None]

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Every span after its parent, with its depth."""

        def down(span: Span, depth: int) -> Iterator[tuple[int, Span]]:
            yield depth, span
            for child in self.children(span):
                yield from down(child, depth + 1)

        for top in self.tops():
            yield from down(top, 0)

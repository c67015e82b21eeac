"""From an entry of the queue to the span that an exporter is given: content, filters, parent, form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from llmtrace.masking import get_logger
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filters, Lost
from llmtrace.pipeline.ledger import Ledger
from llmtrace.pipeline.lineage import adopted
from llmtrace.pipeline.queue import Entry, Item

logger = get_logger("llmtrace.pipeline")

UNREADY: Final = "could not be made ready"


class Prepared:
    """Spans that have passed the filters, and a tally of those that have not."""

    __slots__ = ("exited", "lost", "spans")

    def __init__(self) -> None:
        self.spans: list[EndedSpan] = []
        self.lost = Counter[Lost | str]()
        self.exited: BaseException | None = None  # what was raised in a filter that is no `Exception`

    def count(self, ledger: Ledger) -> None:
        """Enter what is not exported into the ledger, once."""
        lost, self.lost = self.lost, Counter()
        for reason, count in lost.items():
            if reason is Lost.RAISED:
                for _ in range(count):
                    ledger.failed_closed()
            else:
                ledger.dropped("left out by a filter" if reason is Lost.LEFT_OUT else str(reason), count)


class Preparing:
    """The filters of one exporter, and the form in which it reads spans."""

    def __init__(self, name: str, filters: Filters, llm: bool, structured: bool) -> None:
        """`structured` says that the exporter reads content as structures; others get JSON texts."""
        self._name = name
        self._filters = filters
        self._llm = llm
        self._structured = structured
        self._failed = False

    def prepared(self, entries: Iterable[Entry]) -> Prepared:
        """What is exported of `entries`, and why the rest is not. Nothing that a filter raises ends it."""
        result = Prepared()
        for item, _ in entries:
            try:
                span = item.filtered(self._filters)
                if isinstance(span, EndedSpan):
                    result.spans.append(self._formed(span, item))
                else:
                    result.lost[span] += 1
            except Exception:
                if not self._failed:
                    self._failed = True
                    logger.exception("A span could not be made ready for the exporter %s.", self._name)
                result.lost[UNREADY] += 1
            except BaseException as error:
                result.exited = error
                result.lost[Lost.RAISED] += 1
        return result

    def _formed(self, span: EndedSpan, item: Item) -> EndedSpan:
        """The span with its nearest kept ancestor as parent, in the form that the exporter reads."""
        if self._llm:
            span = adopted(span, item.kin)
        return span if self._structured else span.for_export()

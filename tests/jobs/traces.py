"""A trace as it arrived, in the words of the tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from llmtrace import semconv
from llmtrace.models import Span

TASKS = "tests.jobs.site.tasks"


class Trace:
    """The spans of one trace and of those that are linked to it, in the order in which they began."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = list(spans)
        self._by_id = {span.span_id: span for span in spans}
        self._below: defaultdict[str | None, list[Span]] = defaultdict(list)
        for span in self.spans:
            self._below[span.parent_id].append(span)

    @classmethod
    def among(cls, spans: Sequence[Span], trace_id: str) -> Trace:
        """The trace of that id and those linked to it, from all spans that there are."""
        found = {
            trace_id,
            *(span.trace_id for span in spans if any(link["trace_id"] == trace_id for link in span.links)),
        }
        return cls([span for span in spans if span.trace_id in found])

    def named(self, name: str) -> list[Span]:
        """The spans of that name."""
        return [span for span in self.spans if span.name == name]

    @property
    def request(self) -> Span:
        (request,) = (span for span in self.spans if span.kind == "SERVER")
        return request

    def runs(self, task: str | None = None) -> list[Span]:
        """Attempts of jobs, of one task if it is named."""
        return [span for span in self.spans if span.kind == "CONSUMER" and task in (None, task_of(span))]

    def publishes(self, task: str | None = None) -> list[Span]:
        """Messages sent, of one task if it is named."""
        return [span for span in self.spans if span.kind == "PRODUCER" and task in (None, task_of(span))]

    def parent(self, span: Span) -> Span:
        """The span above, which has to be there."""
        assert span.parent_id is not None
        return self._by_id[span.parent_id]

    def children(self, span: Span) -> list[Span]:
        """The spans right below."""
        return list(self._below[span.span_id])

    def orphans(self) -> list[Span]:
        """Spans whose parent has not arrived."""
        return [span for span in self.spans if span.parent_id is not None and span.parent_id not in self._by_id]

    def job(self, task: str) -> tuple[Span, Span]:
        """The message and the run of a job that was sent and run once."""
        (publish,), (run,) = self.publishes(task), self.runs(task)
        return publish, run


def task_of(span: Span) -> str:
    """The task's name without its module."""
    names = (semconv.CELERY_TASK, semconv.CODE_FUNCTION)
    return next(str(span.attributes[name]) for name in names if name in span.attributes).removeprefix(f"{TASKS}.")


def states(spans: Sequence[Span]) -> list[Any]:
    """Each attempt's state."""
    return [span.attributes[semconv.CELERY_STATE] for span in spans]


def exception(span: Span) -> dict[str, Any]:
    """The span's one exception: type, message, stack; the texts lie with the content."""
    (event,) = span.events
    assert event["name"] == semconv.EXCEPTION_EVENT
    return {**event["attributes"], **span.content.load()["events"]["0"]}

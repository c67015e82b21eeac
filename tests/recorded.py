"""The spans that a test leaves behind, as an exporter of the settings list gets them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import override_settings
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from llmtrace.tracing.setup import flush

_exported: list[ReadableSpan] = []


class Recorder(SpanExporter):
    """Keeps what it is given, in the order of the spans' ends."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        _exported.extend(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to let go of."""


class Recorded:
    """What was exported since the test began."""

    def all(self) -> list[ReadableSpan]:
        assert flush(10)
        return list(_exported)

    def one(self, name: str) -> ReadableSpan:
        """The only span of that name."""
        found = [span for span in self.all() if span.name == name]
        assert len(found) == 1, [span.name for span in self.all()]
        return found[0]

    def names(self) -> list[str]:
        return [span.name for span in self.all()]


def settings(**more: Any) -> dict[str, Any]:
    """A value of ``LLMTRACE`` that records."""
    return {"EXPORTERS": [{"BACKEND": "tests.recorded.Recorder"}], "REDACT": False, **more}


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Record the spans of the test."""
    with override_settings(LLMTRACE=settings()):
        _exported.clear()
        yield Recorded()
        flush(10)
        _exported.clear()


def is_below(span: ReadableSpan, parent: ReadableSpan) -> bool:
    """Whether `span` is a child of `parent`, in the same trace."""
    if span.parent is None or span.context is None or parent.context is None:
        return False
    same_trace: bool = span.context.trace_id == parent.context.trace_id
    return same_trace and span.parent.span_id == parent.context.span_id


def attribute(span: ReadableSpan, *names: str) -> Any:
    """The attribute by the first of its names that the span has: HTTP's differ with OTEL_SEMCONV_STABILITY_OPT_IN."""
    found = span.attributes or {}
    return next((found[name] for name in names if name in found), None)

"""For the tests of projects that use llmtrace: spans in memory, after the whole way through the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, overload

from django.conf import settings
from django.test.utils import override_settings
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from llmtrace.conf import ROOT
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.tracing.setup import flush, get_tracer

PATIENCE_S: Final = 10.0


class CapturedSpans(Sequence[EndedSpan]):
    """The spans of a block, in the order in which they ended. Looking at them waits for those that are on their way.

    Content attributes hold what was said as lists and dicts; an exporter of others would get them as JSON texts.
    """

    def __init__(self) -> None:
        self._spans: list[EndedSpan] = []

    def _all(self) -> list[EndedSpan]:
        if not flush(PATIENCE_S):
            raise TimeoutError(f"Not all spans came through llmtrace's pipeline within {PATIENCE_S} s.")
        return self._spans

    @overload
    def __getitem__(self, index: int) -> EndedSpan: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[EndedSpan]: ...

    def __getitem__(self, index: int | slice) -> EndedSpan | Sequence[EndedSpan]:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"<CapturedSpans {[span.name for span in self]}>"

    def named(self, name: str) -> list[EndedSpan]:
        """Those of that name."""
        return [span for span in self if span.name == name]

    def clear(self) -> None:
        """Forget what there is."""
        self._all().clear()


class Memory(SpanExporter):
    """Puts spans into a list; what `captured_spans` names as its exporter."""

    structured_content = True

    def __init__(self, spans: CapturedSpans) -> None:
        self._spans = spans

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._spans._spans.extend(span for span in spans if isinstance(span, EndedSpan))
        return SpanExportResult.SUCCESS


@contextmanager
def captured_spans(**changes: Any) -> Iterator[CapturedSpans]:
    """Keep the spans that end inside the block in memory, and send them nowhere else.

    They go the way of all spans, so that what a test sees is what an exporter would: redacted, cut and filtered.

    Args:
        **changes: keys of ``LLMTRACE`` for the block, such as ``CAPTURE_CONTENT=False``; the others stay as they are,
            but for ``EXPORTERS``, of which there are none if it is left out.

    Raises:
        TimeoutError: when spans that are looked at do not come through within 10 s.
    """
    spans = CapturedSpans()
    entry = {"NAME": "captured", "BACKEND": f"{__name__}.Memory", "OPTIONS": {"spans": spans}, "SPANS": "all"}
    given = dict(getattr(settings, ROOT, None) or {})
    exporters = [*changes.get("EXPORTERS", ()), entry]
    with override_settings(**{ROOT: {**given, "ENABLED": True, **changes, "EXPORTERS": exporters}}):
        get_tracer()  # connects, so that spans of others are among them from the first
        yield spans

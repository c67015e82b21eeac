"""Exporters, processors and filters as people write them: good ones, and such as hang, raise, refuse or exit."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from llmtrace.pipeline.ended import EndedSpan


class Kept(SpanExporter):
    """Puts the spans that it is given into a list of the test's."""

    def __init__(self, into: list[ReadableSpan]) -> None:
        self.into = into

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.into.extend(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to close."""


class Scripted(SpanExporter):
    """Does what the test says with each batch; SUCCESS where that returns None."""

    def __init__(self, act: Callable[[Sequence[ReadableSpan]], Any]) -> None:
        self.act = act

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self.act(spans)
        return SpanExportResult.SUCCESS if result is None else result

    def shutdown(self) -> None:
        """Nothing to close."""


class Answering(SpanExporter):
    """Takes all, and answers each batch with what the test says."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers

    def export(self, spans: Sequence[ReadableSpan]) -> Any:
        return self.answers.pop(0)

    def shutdown(self) -> None:
        """Nothing to close."""


class Unmakeable(SpanExporter):
    """Raises as soon as it is made."""

    def __init__(self) -> None:
        raise OSError("no route to host")


class Hanging(SpanExporter):
    """Never comes back before the test lets it."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.gate.wait(30)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to close."""


class File(SpanExporter):
    """Appends a line of JSON for each span: name and parent."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self.path.open("a") as file:
            for span in spans:
                parent = None if span.parent is None else f"{span.parent.span_id:016x}"
                file.write(json.dumps({"name": span.name, "parent": parent}) + "\n")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to close."""


class Processor(SpanProcessor):
    """A span processor that notes what it is told."""

    def __init__(self, told: list[tuple[str, str]], raising: bool = False) -> None:
        self.told = told
        self.raising = raising

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._tell("start", span.name)

    def on_end(self, span: ReadableSpan) -> None:
        self._tell("end", span.name)

    def _tell(self, what: str, name: str) -> None:
        self.told.append((what, name))
        if self.raising:
            raise RuntimeError("a processor's own mistake")

    def shutdown(self) -> None:
        self.told.append(("shutdown", ""))

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class Exiting(SpanProcessor):
    """Ends the process where a span ends."""

    def on_end(self, span: ReadableSpan) -> None:
        raise SystemExit("a time limit of the host's")


class Deaf(SpanProcessor):
    """Does not look at the time that it may take: comes back from a flush when the test lets it."""

    def __init__(self, gate: threading.Event, told: list[str]) -> None:
        self.gate = gate
        self.told = told

    def on_end(self, span: ReadableSpan) -> None:
        self.told.append(span.name)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.told.append("flush")
        self.gate.wait(30)
        return True

    def shutdown(self) -> None:
        self.told.append("shutdown")


class Unready(SpanProcessor):
    """Is not made before the test lets it."""

    def __init__(self, began: threading.Event, gate: threading.Event) -> None:
        began.set()
        gate.wait(30)


class Eventful(SpanProcessor):
    """Something happens while it is made."""

    def __init__(self, act: Callable[[], Any]) -> None:
        act()


class Stuck(SpanExporter):
    """Says FAILURE to all, and is not closed before the test lets it."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.gate.wait(30)


class Flushing(SpanExporter):
    """Asks for a flush while it exports, as one does that thinks of others."""

    def __init__(self, into: list[str]) -> None:
        self.into = into

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        provider: Any = trace.get_tracer_provider()
        provider.force_flush(100)
        self.into.extend(span.name for span in spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to close."""


def without_secret(span: EndedSpan) -> EndedSpan | None:
    """A filter that leaves one span out and raises on another."""
    if span.name == "left out":
        return None
    if span.name == "unreadable":
        raise ValueError("a filter's own mistake")
    if span.name == "fatal":
        raise SystemExit("a filter's own mistake")
    return span.edited(name=f"{span.name} (filtered)")


class Sieve:
    """A filter that does what the test says with each span."""

    def __init__(self, act: Callable[[EndedSpan], Any]) -> None:
        self.act = act

    def __call__(self, ended: EndedSpan) -> Any:
        return self.act(ended)


class Clinging(SpanExporter):
    """Takes all, and raises when it is closed."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        raise OSError("the connection is gone already")


class Away(SpanExporter):
    """Says FAILURE to all."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Nothing to close."""

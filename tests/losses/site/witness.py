"""Counts what ended apart from everything that is tested."""

from __future__ import annotations

import os

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor


class Witness(SpanProcessor):
    """Writes trace id and span id of each span that ended to a file, before the call that ended it returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def on_end(self, span: ReadableSpan) -> None:
        assert span.context is not None
        os.write(self._file, f"{span.context.trace_id:032x} {span.context.span_id:016x}\n".encode())

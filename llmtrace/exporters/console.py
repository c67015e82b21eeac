"""The exporter that shows spans in the terminal, a line each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, Final, TextIO

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import StatusCode

from llmtrace import semconv
from llmtrace.conf.options import SWITCH, mistake
from llmtrace.exporters.plain import milliseconds, when
from llmtrace.jsontext import as_json, printable
from llmtrace.pipeline.outcome import Exported

STREAMS: Final = ("stdout", "stderr")
KINDS: Final = {"content": SWITCH}
MOST: Final = 2000  # characters of one text
CONTENT: Final = (
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.TOOL_CALL_ARGUMENTS,
    semconv.TOOL_CALL_RESULT,
)


class Console(SpanExporter):
    """Shows when a span began, how long it took, its name, model, tokens, cost and error, and its ids.

    Args:
        stream: ``"stdout"`` or ``"stderr"``.
        content: whether to show what was said, below.
    """

    structured_content = True

    def __init__(self, stream: str = "stdout", content: bool = False) -> None:
        self._stream = stream
        self._content = content

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        if options.get("stream", "stdout") not in STREAMS:
            return 'has a "stream" that is neither "stdout" nor "stderr"'
        return mistake(options, KINDS)

    def export(self, spans: Sequence[ReadableSpan]) -> Exported:  # type: ignore[override]
        """Write the lines in one go, so that those of several processes do not mix."""
        stream: TextIO | None = getattr(sys, self._stream)  # None in a process without a terminal on some systems
        if stream is not None:
            stream.write("".join(f"{line}\n" for span in spans for line in self._lines(span)))
            stream.flush()
        return Exported(len(spans))

    def _lines(self, span: ReadableSpan) -> list[str]:
        attributes = span.attributes or {}
        lines = [line_of(span)]
        if self._content:
            lines += [f"    {name}: {_safe(attributes[name])}" for name in CONTENT if name in attributes]
        return lines

    def shutdown(self) -> None:
        """Nothing is kept open."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits in here."""
        return True


def line_of(span: ReadableSpan) -> str:
    """A span in a line; what is unknown is left out."""
    attributes, context, took = span.attributes or {}, span.context, milliseconds(span)
    model = attributes.get(semconv.RESPONSE_MODEL, attributes.get(semconv.REQUEST_MODEL))
    tokens = [attributes.get(name, "?") for name in (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)]
    failed = span.status.status_code is StatusCode.ERROR
    parts = [
        when(span.start_time),
        None if took is None else f"{took:.0f} ms",
        _safe(span.name),
        _safe(model) if model else None,
        None if tokens == ["?", "?"] else f"{_safe(tokens[0])}+{_safe(tokens[1])} tokens",
        f"${_amount(attributes[semconv.COST])}" if semconv.COST in attributes else None,
        f"ERROR {_safe(attributes.get(semconv.ERROR_TYPE, ''))}".strip() if failed else None,
        f"trace {context.trace_id:032x} span {context.span_id:016x}" if context else None,
    ]
    return "  ".join(part for part in parts if part)


def _amount(value: Any) -> str:
    """A number as people write it, however small: not as 2e-08."""
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) and isfinite(value) else _safe(value)


def _safe(value: Any) -> str:
    """A text of people or models without the signs that steer a terminal."""
    text = value if isinstance(value, str) else as_json(value)
    short = text if len(text) <= MOST else f"{text[:MOST]}… ({len(text) - MOST} more)"
    return printable(short)

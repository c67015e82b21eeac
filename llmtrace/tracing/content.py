"""What was said in one call, kept as it was sent and received, and rendered in the exporter's thread."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from opentelemetry.sdk.trace import Event

from llmtrace import semconv
from llmtrace.masking import get_logger
from llmtrace.mistakes import tell

logger = get_logger("llmtrace.tracing")

Render = Callable[[], Mapping[str, Any]]

MAX_DEPTH: Final = 32


def qualified_name(kind: type[BaseException]) -> str:
    """The name of an exception's class for `error.type`, as OpenTelemetry's SDK writes it."""
    module = kind.__module__
    return kind.__qualname__ if module in (None, "builtins") else f"{module}.{kind.__qualname__}"


class CallContent:
    """The content of one call's span.

    `renders` are functions that make attributes of what they hold on to; what they hold on to must not change any more.
    """

    __slots__ = ("_bytes", "_description", "_events", "_renders")

    def __init__(self) -> None:
        self._renders: list[Render] = []
        self._bytes = 0
        self._events: tuple[Event, ...] = ()
        self._description: str | None = None

    def add(self, render: Render, size: int) -> None:
        """Add attributes to be rendered later, of about `size` bytes."""
        self._renders.append(render)
        self._bytes += size

    def fail(self, error: BaseException, raised_at: TracebackType | None = None) -> None:
        """Keep the texts of the exception that ended the call; itself it would keep the caller's frames alive."""
        message, stack = message_of(error), stack_of(error, raised_at)
        attributes = {
            semconv.EXCEPTION_TYPE: qualified_name(type(error)),
            semconv.EXCEPTION_MESSAGE: message,
            semconv.EXCEPTION_STACKTRACE: stack,
        }
        self._events = (Event(semconv.EXCEPTION_EVENT, attributes, time.time_ns()),)
        self._bytes += len(message) + len(stack)
        self._description = f"{type(error).__name__}: {message}"

    def size(self) -> int:
        return self._bytes

    def attributes(self) -> Mapping[str, Any]:
        attributes: dict[str, Any] = {}
        for render in self._renders:
            try:
                attributes.update(render())
            except Exception:
                tell(logger, "A part of a span's content can't be rendered.")
        return attributes

    def events(self) -> Sequence[Event]:
        return self._events

    def description(self) -> str | None:
        return self._description


def message_of(error: BaseException) -> str:
    """The exception's text; one whose `str()` fails has none."""
    try:
        return str(error)
    except Exception:
        return ""


def stack_of(error: BaseException, raised_at: TracebackType | None = None) -> str:
    """The exception's stack as Python prints it, `raised_at` if it has none; one that cannot be printed has none."""
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__ or raised_at))
    except Exception:
        return ""


def cut(value: Any, limit: int, depth: int = 0) -> Any:
    """`value` with each text in it cut to `limit` characters, so that the structure around it stays whole.

    What is nested too deeply to be read by a person is left out: models have written a thousand brackets in a row.
    """
    if isinstance(value, str):
        return value if len(value) <= limit else f"{value[:limit]}… ({len(value) - limit} characters more)"
    if depth > MAX_DEPTH and isinstance(value, (list, dict)):
        return "…"
    if isinstance(value, list):
        return [cut(item, limit, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: cut(item, limit, depth + 1) for key, item in value.items()}
    return value

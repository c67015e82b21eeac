"""OpenTelemetry's own Celery instrumentation: where it is active its spans are enriched, and none of ours are made.

Its receivers of Celery's signals stand where its spans hold what the project's do, whenever these came.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.sdk.trace import Span
from wrapt import wrap_function_wrapper

from llmtrace.jobs.receivers import order
from llmtrace.mistakes import guarded
from llmtrace.tracing.setup import get_tracer

MODULE: Final = "opentelemetry.instrumentation.celery"


BEGINS: Final = ("task_prerun", "before_task_publish")
"""The signals with which its spans begin."""
OURS: Final = "llmtrace.jobs."


def connect() -> None:
    """Have its spans begin right after our part of a signal."""
    module = sys.modules[MODULE]
    wrap_function_wrapper(module, "CeleryInstrumentor._instrument", _instrument)
    if active():
        _come_next(module)


def disconnect() -> None:
    """Leave its way of connecting as it was."""
    unwrap(sys.modules[MODULE].CeleryInstrumentor, "_instrument")


def _instrument(instrument: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = instrument(*args, **kwargs)
    _come_next(sys.modules[MODULE])
    return result


@guarded("What receivers of Celery's signals do may be outside of its span.")
def _come_next(module: Any) -> None:
    for name in BEGINS:
        order(getattr(module.signals, name), lambda receiver: (not _of(receiver, OURS), not _of(receiver, MODULE)))


def _of(receiver: Any, module: str) -> bool:
    return str(getattr(receiver, "__module__", "")).startswith(module)


def active() -> bool:
    """Whether it makes spans in this process."""
    module = sys.modules.get(MODULE)
    if module is None:
        return False
    return bool(_instrumentor(module).is_instrumented_by_opentelemetry)


@cache
def _instrumentor(module: ModuleType) -> Any:
    """The one that there is: its class is a singleton, which is slow to ask for."""
    return module.CeleryInstrumentor()


def expect(end: Any, ours: Callable[..., None]) -> bool:
    """Whether its span begins next; then llmtrace is connected to its provider, as it may be the first one there.

    Its span ends in the signal `end`: after the project's receivers, of which there may be new ones by now, and right
    after `ours`.
    """
    if not active():
        return False
    connected = [receiver for _, receiver in end.receivers[-2:]]
    if connected[0] is not ours or not _of(connected[-1], MODULE):
        order(end, lambda receiver: (_of(receiver, MODULE), receiver is ours))
    get_tracer()
    return True


def enrich(attributes: Mapping[str, Any]) -> None:
    """Add attributes to its span, if that is the current one.

    Both sides hang on the same signals, and ours come first: so this is called where its span is about to end.
    """
    span = trace.get_current_span()
    if isinstance(span, Span) and span.is_recording() and _made(span):
        span.set_attributes(attributes)


def _made(span: Span) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == MODULE

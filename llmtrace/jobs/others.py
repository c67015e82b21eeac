"""OpenTelemetry's own Celery instrumentation: where it is active its spans are enriched, and none of ours are made."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import Span

from llmtrace.tracing.setup import get_tracer

MODULE: Final = "opentelemetry.instrumentation.celery"


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


def expect() -> bool:
    """Whether its span begins next; then llmtrace is connected to its provider, as it may be the first one there."""
    if not active():
        return False
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

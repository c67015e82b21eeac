"""Where spans go. Each exporter is imported when it is first named, since some bring models or SDKs with them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from llmtrace.exporters.database import Database as Database
    from llmtrace.exporters.otlp import OTLP as OTLP

_HOMES: Final = {"Database": "database", "OTLP": "otlp"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)

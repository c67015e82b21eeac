"""Where spans go. Each exporter is imported when it is first named, since some bring models or SDKs with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from llmtrace.lazy import lazily

if TYPE_CHECKING:
    from llmtrace.exporters.console import Console as Console
    from llmtrace.exporters.database import Database as Database
    from llmtrace.exporters.jsonlines import JSONLines as JSONLines
    from llmtrace.exporters.otlp import OTLP as OTLP
    from llmtrace.exporters.presets import Axiom as Axiom
    from llmtrace.exporters.presets import Braintrust as Braintrust
    from llmtrace.exporters.presets import Dash0 as Dash0
    from llmtrace.exporters.presets import Datadog as Datadog
    from llmtrace.exporters.presets import GrafanaCloud as GrafanaCloud
    from llmtrace.exporters.presets import Honeycomb as Honeycomb
    from llmtrace.exporters.presets import HyperDX as HyperDX
    from llmtrace.exporters.presets import Jaeger as Jaeger
    from llmtrace.exporters.presets import Langfuse as Langfuse
    from llmtrace.exporters.presets import LangSmith as LangSmith
    from llmtrace.exporters.presets import Logfire as Logfire
    from llmtrace.exporters.presets import MLflow as MLflow
    from llmtrace.exporters.presets import NewRelic as NewRelic
    from llmtrace.exporters.presets import OpenLIT as OpenLIT
    from llmtrace.exporters.presets import Opik as Opik
    from llmtrace.exporters.presets import Phoenix as Phoenix
    from llmtrace.exporters.presets import SigNoz as SigNoz
    from llmtrace.exporters.presets import Traceloop as Traceloop

_PRESETS: Final = (
    "Axiom Braintrust Dash0 Datadog GrafanaCloud Honeycomb HyperDX Jaeger LangSmith "
    "Langfuse Logfire MLflow NewRelic OpenLIT Opik Phoenix SigNoz Traceloop"
)
_HOMES: Final = {
    "Console": "console",
    "Database": "database",
    "JSONLines": "jsonlines",
    "OTLP": "otlp",
    **dict.fromkeys(_PRESETS.split(), "presets"),
}

__all__ = list(_HOMES)

__getattr__, __dir__ = lazily(__name__, _HOMES)

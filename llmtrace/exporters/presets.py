"""Exporters for observability tools. What they differ in is in `tools`, as data.

``OPTIONS`` of each are those of its row, `url` (another address, such as that of a server of one's own), `region` where
there are several, and of `OTLP` `headers`, `timeout`, `compression`, `max_request_size` and `certificate_file`.
"""

from __future__ import annotations

import base64
import os
import string
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any, ClassVar, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.conf.options import emptiness
from llmtrace.exceptions import ConfigurationError
from llmtrace.exporters import tools
from llmtrace.exporters.otlp import OTLP, mistake
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.outcome import Exported

COMMON: Final = ("headers", "timeout", "compression", "max_request_size", "certificate_file")
BASIC: Final = "Basic "


class Preset(OTLP):
    """Sends to the tool of its row. OpenTelemetry's environment variables, meant for a collector, are not read."""

    tool: ClassVar[tools.Tool]
    default_semconv: ClassVar[str]
    dialects: ClassVar[tuple[str, ...]]
    environment = False

    def __init_subclass__(cls) -> None:
        cls.default_semconv, cls.dialects = cls.tool.semconv, cls.tool.dialects
        cls.__signature__ = signature(cls.tool)  # type: ignore[attr-defined]  # what `inspect.signature` looks for

    def __init__(self, **options: Any) -> None:
        """Raises: `ConfigurationError` when an option is missing or cannot be meant."""
        problem = self.check_options(options)
        if problem is not None:
            raise ConfigurationError(f"{type(self).__name__} {problem}.")
        values = known(self.tool, options)
        common = {name: options[name] for name in COMMON if options.get(name) is not None}
        common.setdefault("max_request_size", self.tool.max_request_size)
        headers = {**headers_of(self.tool, values), **common.pop("headers", {})}
        super().__init__(
            endpoint_of(self.tool, values),
            headers=headers,
            **{name: value for name, value in common.items() if value is not None},
        )
        self._attributes = {name: template.format_map(values) for name, template in self.tool.resource.items()}
        self._resource: tuple[Resource, Resource] | None = None

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        values = known(cls.tool, options)
        for name, value in values.items():
            if not isinstance(value, str):
                return f'has a "{name}" that is no text'
        if empty := emptiness(options, _never_empty(cls.tool, values)):
            return empty
        for option in _options(cls.tool):
            if option.needed and option.name not in values:
                unset = f", and {' and '.join(option.env)} is not set" if option.env else ""
                return f'lacks "{option.name}"{unset}'
        if "url" not in values and cls.tool.regions and values["region"] not in cls.tool.regions:
            return f'has a "region" that is none of {", ".join(cls.tool.regions)}'
        common = {name: options[name] for name in COMMON if name in options}
        wrong = mistake({"endpoint": endpoint_of(cls.tool, values), **common})
        return wrong and wrong.replace('an "endpoint"', 'a "url"')

    def export(self, spans: Sequence[ReadableSpan]) -> Exported:  # type: ignore[override]
        """Send `spans`, with what the tool wants to see on the resource; see `OTLP.export`."""
        return super().export([self._placed(span) for span in spans] if self._attributes else spans)

    def _placed(self, span: ReadableSpan) -> EndedSpan:
        if self._resource is None or self._resource[0] is not span.resource:
            self._resource = (span.resource, span.resource.merge(Resource(self._attributes)))
        ended = span if isinstance(span, EndedSpan) else EndedSpan.of(span)
        return ended.edited(resource=self._resource[1])


def _options(tool: tools.Tool) -> list[tools.Option]:
    """All options of a row: its own, and where it is."""
    places = [tools.Option("url", tool.url_env, needed=False)]
    if tool.regions or "{region}" in tool.url:
        places.append(tools.Option("region", tool.region_env, tool.region))
    return [*tool.options, *places]


def _never_empty(tool: tools.Tool, values: Mapping[str, Any]) -> list[str]:
    """The options in whose place nobody wants a default or a variable when they are given empty."""
    names = [option.name for option in _options(tool) if option.needed or option.name == "url"]
    return [name for name in names if name != "region" or "url" not in values]


def signature(tool: tools.Tool) -> Signature:
    """What a preset's class takes, for the checks."""
    names = [*(option.name for option in _options(tool)), *COMMON]
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in names])


def known(tool: tools.Tool, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that have a value: given, from the tool's environment variables, or by default, in that order."""
    values: dict[str, Any] = {}
    for option in _options(tool):
        variables = (os.environ.get(name) for name in option.env)
        value = next((each for each in (options.get(option.name), *variables, option.default) if each), None)
        if value is not None:
            values[option.name] = value
    if "url" in values:
        values.setdefault("region", "")  # whoever has an address needs no region
    return values


def endpoint_of(tool: tools.Tool, values: Mapping[str, Any]) -> str:
    """Where traces go."""
    url = values.get("url") or tool.regions.get(values.get("region", "")) or tool.url.format_map(values)
    base = str(url).rstrip("/")
    return base if base.endswith(tool.path) else base + tool.path


def headers_of(tool: tools.Tool, values: Mapping[str, Any]) -> dict[str, str]:
    """What goes along with each request: the headers for which there are values."""
    return {
        name: _encoded(template.format_map(values))
        for name, template in tool.headers.items()
        if all(field is None or field in values for _, field, _, _ in string.Formatter().parse(template))
    }


def _encoded(value: str) -> str:
    """Names and passwords as ``Basic`` wants them (RFC 7617)."""
    if not value.startswith(BASIC):
        return value
    return BASIC + base64.b64encode(value.removeprefix(BASIC).encode()).decode()


class Langfuse(Preset):
    """Langfuse, in its cloud or self-hosted from version 3.22."""

    tool = tools.LANGFUSE


class Phoenix(Preset):
    """Arize Phoenix; the project is made when the first span comes."""

    tool = tools.PHOENIX


class MLflow(Preset):
    """MLflow from version 3.6, with a database as its store; the experiment has to be there."""

    tool = tools.MLFLOW


class Logfire(Preset):
    """Pydantic Logfire; the token is a write token."""

    tool = tools.LOGFIRE


class Honeycomb(Preset):
    """Honeycomb; only Classic needs a dataset."""

    tool = tools.HONEYCOMB


class Datadog(Preset):
    """Datadog LLM Observability."""

    tool = tools.DATADOG


class NewRelic(Preset):
    """New Relic."""

    tool = tools.NEW_RELIC


class GrafanaCloud(Preset):
    """Grafana Cloud; the region as it stands in the address of the OTLP gateway."""

    tool = tools.GRAFANA_CLOUD


class Jaeger(Preset):
    """Jaeger from version 1.35."""

    tool = tools.JAEGER


class Dash0(Preset):
    """Dash0; the region as it stands in the address of the endpoint."""

    tool = tools.DASH0


class Axiom(Preset):
    """Axiom."""

    tool = tools.AXIOM


class HyperDX(Preset):
    """HyperDX; `url` for one's own, which is ClickStack."""

    tool = tools.HYPERDX


class SigNoz(Preset):
    """SigNoz, in its cloud or self-hosted."""

    tool = tools.SIGNOZ


class Braintrust(Preset):
    """Braintrust; the parent is ``project_name:…``, ``project_id:…`` or ``experiment_id:…``."""

    tool = tools.BRAINTRUST


class LangSmith(Preset):
    """LangSmith."""

    tool = tools.LANGSMITH


class Opik(Preset):
    """Opik, at Comet or self-hosted."""

    tool = tools.OPIK


class Traceloop(Preset):
    """Traceloop."""

    tool = tools.TRACELOOP


class OpenLIT(Preset):
    """OpenLIT, self-hosted."""

    tool = tools.OPENLIT

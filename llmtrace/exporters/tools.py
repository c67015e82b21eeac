"""Observability tools, as data: where each takes OTLP, what it wants to be sent along, and which names it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True)
class Option:
    """One option of a preset.

    Args:
        name: its key in ``OPTIONS``.
        env: the tool's own environment variables that it comes from when it is left out, the first that is set.
        default: what it is when these are not set either.
        needed: whether the preset cannot do without it.
    """

    name: str
    env: tuple[str, ...] = ()
    default: str | None = None
    needed: bool = True


@dataclass(frozen=True)
class Tool:
    """One tool.

    Args:
        title: its name for people.
        source: the page of its documentation that says what stands here.
        options: what has to be known, beside `url` and `region`.
        url: its address without `path`; may hold ``{region}``.
        path: where it takes traces below that.
        url_env: the tool's own environment variables for its address.
        headers: name to template; one whose options are not there is left out. ``Basic`` is encoded as HTTP wants it.
        regions: region to address, where there are several.
        region: the region that is meant when none is named.
        region_env: the tool's own environment variables for it.
        resource: attributes that the tool wants to see on the resource; templates.
        semconv: which names it reads, as ``SEMCONV`` has it.
        dialects: other conventions that it reads; see `llmtrace.pipeline.older`.
        max_request_size: bytes of one request that it takes.
    """

    title: str
    source: str
    options: tuple[Option, ...] = ()
    url: str = ""
    path: str = "/v1/traces"
    url_env: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    regions: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    region_env: tuple[str, ...] = ()
    resource: Mapping[str, str] = field(default_factory=dict)
    semconv: Literal["latest", "dup"] = "latest"
    dialects: tuple[str, ...] = ()
    max_request_size: int | None = None


LANGFUSE: Final = Tool(
    "Langfuse",
    "https://langfuse.com/integrations/native/opentelemetry",
    (Option("public_key", ("LANGFUSE_PUBLIC_KEY",)), Option("secret_key", ("LANGFUSE_SECRET_KEY",))),
    path="/api/public/otel/v1/traces",
    url_env=("LANGFUSE_BASE_URL", "LANGFUSE_HOST"),
    headers={"authorization": "Basic {public_key}:{secret_key}", "x-langfuse-ingestion-version": "4"},
    regions={
        "eu": "https://cloud.langfuse.com",
        "us": "https://us.cloud.langfuse.com",
        "jp": "https://jp.cloud.langfuse.com",
        "hipaa": "https://hipaa.cloud.langfuse.com",
    },
    region="eu",
    semconv="dup",  # reads the cost as gen_ai.usage.cost
)

PHOENIX: Final = Tool(
    "Phoenix",
    "https://arize.com/docs/phoenix/sdk-api-reference/python/arize-phoenix-otel",
    (
        Option("api_key", ("PHOENIX_API_KEY",), needed=False),
        Option("project", ("PHOENIX_PROJECT_NAME",), "default"),
    ),
    url="http://localhost:6006",
    url_env=("PHOENIX_COLLECTOR_ENDPOINT",),
    headers={"authorization": "Bearer {api_key}"},
    resource={"openinference.project.name": "{project}"},
    semconv="dup",
    dialects=("openinference",),
)

MLFLOW: Final = Tool(
    "MLflow",
    "https://mlflow.org/docs/latest/genai/tracing/opentelemetry/ingest",
    (
        Option("experiment_id", ("MLFLOW_EXPERIMENT_ID",), "0"),
        Option("token", ("MLFLOW_TRACKING_TOKEN",), needed=False),
    ),
    url="http://localhost:5000",
    url_env=("MLFLOW_TRACKING_URI",),
    headers={"x-mlflow-experiment-id": "{experiment_id}", "authorization": "Bearer {token}"},
)

LOGFIRE: Final = Tool(
    "Logfire",
    "https://logfire.pydantic.dev/docs/how-to-guides/alternative-clients",
    (Option("token", ("LOGFIRE_TOKEN",)),),
    url_env=("LOGFIRE_BASE_URL",),
    headers={"authorization": "{token}"},
    regions={"us": "https://logfire-us.pydantic.dev", "eu": "https://logfire-eu.pydantic.dev"},
    region="us",
)

HONEYCOMB: Final = Tool(
    "Honeycomb",
    "https://docs.honeycomb.io/send-data/opentelemetry",
    (Option("api_key", ("HONEYCOMB_API_KEY",)), Option("dataset", ("HONEYCOMB_DATASET",), needed=False)),
    url_env=("HONEYCOMB_API_ENDPOINT",),
    headers={"x-honeycomb-team": "{api_key}", "x-honeycomb-dataset": "{dataset}"},
    regions={"us": "https://api.honeycomb.io", "eu": "https://api.eu1.honeycomb.io"},
    region="us",
)

DATADOG: Final = Tool(
    "Datadog LLM Observability",
    "https://docs.datadoghq.com/llm_observability/instrumentation/otel_instrumentation",
    (Option("api_key", ("DD_API_KEY",)), Option("site", ("DD_SITE",), "datadoghq.com")),
    url="https://otlp.{site}",
    headers={"dd-api-key": "{api_key}", "dd-otlp-source": "llmobs"},
)

NEW_RELIC: Final = Tool(
    "New Relic",
    "https://docs.newrelic.com/docs/opentelemetry/best-practices/opentelemetry-otlp",
    (Option("license_key", ("NEW_RELIC_LICENSE_KEY",)),),
    headers={"api-key": "{license_key}"},
    regions={
        "us": "https://otlp.nr-data.net",
        "eu": "https://otlp.eu01.nr-data.net",
        "jp": "https://otlp.jp.nr-data.net",
        "fedramp": "https://gov-otlp.nr-data.net",
    },
    region="us",
    max_request_size=1_000_000,
)

GRAFANA_CLOUD: Final = Tool(
    "Grafana Cloud",
    "https://grafana.com/docs/grafana-cloud/observe-and-act/send-data/otlp/send-data-otlp",
    (Option("instance_id"), Option("token")),
    url="https://otlp-gateway-{region}.grafana.net/otlp",  # such as prod-eu-west-2
    headers={"authorization": "Basic {instance_id}:{token}"},
)

JAEGER: Final = Tool(
    "Jaeger",
    "https://www.jaegertracing.io/docs/1.42/getting-started/",
    url="http://localhost:4318",
    url_env=("OTEL_EXPORTER_OTLP_ENDPOINT",),
)

DASH0: Final = Tool(
    "Dash0",
    "https://www.dash0.com/hub/integrations/int_otlp/overview",
    (Option("token", ("DASH0_AUTH_TOKEN",)), Option("dataset", ("DASH0_DATASET",), needed=False)),
    url="https://ingress.{region}.dash0.com",  # such as eu-west-1.aws
    headers={"authorization": "Bearer {token}", "dash0-dataset": "{dataset}"},
)

AXIOM: Final = Tool(
    "Axiom",
    "https://axiom.co/docs/send-data/opentelemetry",
    (Option("token", ("AXIOM_TOKEN",)), Option("dataset", ("AXIOM_DATASET",))),
    url="https://api.axiom.co",
    url_env=("AXIOM_URL",),
    headers={"authorization": "Bearer {token}", "x-axiom-dataset": "{dataset}"},
)

HYPERDX: Final = Tool(
    "HyperDX",
    "https://clickhouse.com/docs/use-cases/observability/clickstack/ingesting-data/opentelemetry",
    (Option("api_key", ("HYPERDX_API_KEY",)),),
    url="https://in-otel.hyperdx.io",  # where HyperDX's own SDKs send to: github.com/hyperdxio/hyperdx/issues/397
    headers={"authorization": "{api_key}"},
)

SIGNOZ: Final = Tool(
    "SigNoz",
    "https://signoz.io/docs/ingestion/signoz-cloud/overview/",
    (Option("ingestion_key", ("SIGNOZ_INGESTION_KEY",), needed=False),),  # the self-hosted one has none
    headers={"signoz-ingestion-key": "{ingestion_key}"},
    regions={
        "us": "https://ingest.us.signoz.cloud",
        "eu": "https://ingest.eu.signoz.cloud",
        "in": "https://ingest.in.signoz.cloud",
    },
    region="us",
)

BRAINTRUST: Final = Tool(
    "Braintrust",
    "https://www.braintrust.dev/docs/integrations/sdk-integrations/opentelemetry/send-traces-and-logs",
    (Option("api_key", ("BRAINTRUST_API_KEY",)), Option("parent", ("BRAINTRUST_PARENT",))),
    path="/otel/v1/traces",
    url_env=("BRAINTRUST_API_URL",),
    headers={"authorization": "Bearer {api_key}", "x-bt-parent": "{parent}"},
    regions={"us": "https://api.braintrust.dev", "eu": "https://api-eu.braintrust.dev"},
    region="us",
)

LANGSMITH: Final = Tool(
    "LangSmith",
    "https://docs.langchain.com/langsmith/trace-with-opentelemetry",
    (
        Option("api_key", ("LANGSMITH_API_KEY",)),
        Option("project", ("LANGSMITH_PROJECT",), needed=False),
    ),
    path="/otel/v1/traces",
    url_env=("LANGSMITH_ENDPOINT",),
    headers={"x-api-key": "{api_key}", "langsmith-project": "{project}"},
    regions={
        "us": "https://api.smith.langchain.com",
        "eu": "https://eu.api.smith.langchain.com",
        "apac": "https://apac.api.smith.langchain.com",
        "aws": "https://aws.api.smith.langchain.com",
    },
    region="us",
    semconv="dup",
    dialects=("openllmetry",),
)

OPIK: Final = Tool(
    "Opik",
    "https://www.comet.com/docs/opik/integrations/opentelemetry",
    (
        Option("api_key", ("OPIK_API_KEY",), needed=False),  # the self-hosted one has none
        Option("workspace", ("OPIK_WORKSPACE",), needed=False),
        Option("project", ("OPIK_PROJECT_NAME",), needed=False),
    ),
    url="https://www.comet.com/opik/api",
    path="/v1/private/otel/v1/traces",
    url_env=("OPIK_URL_OVERRIDE",),
    headers={"authorization": "{api_key}", "comet-workspace": "{workspace}", "projectname": "{project}"},
    semconv="dup",
)

TRACELOOP: Final = Tool(
    "Traceloop",
    "https://www.traceloop.com/docs/openllmetry/integrations/traceloop",
    (Option("api_key", ("TRACELOOP_API_KEY",)),),
    url="https://api.traceloop.com",
    url_env=("TRACELOOP_BASE_URL",),
    headers={"authorization": "Bearer {api_key}"},
    semconv="dup",
    dialects=("openllmetry",),
)

OPENLIT: Final = Tool(
    "OpenLIT",
    "https://docs.openlit.io/latest/openlit/otlp-receiver",
    url="http://localhost:4318",
    url_env=("OTEL_EXPORTER_OTLP_ENDPOINT",),
    semconv="dup",  # reads the cost as gen_ai.usage.cost
)

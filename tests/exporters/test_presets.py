"""Presets for tools: what each sends where, which options it takes, and what is said when one is missing."""

from __future__ import annotations

import base64
import inspect
from typing import Any

import pytest

from llmtrace import exporters
from llmtrace.checks import problems
from llmtrace.conf import read
from llmtrace.exceptions import ConfigurationError
from llmtrace.exporters import tools
from llmtrace.exporters.presets import Preset
from llmtrace.pipeline.outcome import Exported
from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, exporting, span
from tests.servers.otlp import Receiver
from tests.store.making import ended

SECRET = "sk-never-shown"
CLASSES = {name: getattr(exporters, name) for name in dir(exporters)}
PRESETS: dict[str, type[Preset]] = {name: cls for name, cls in CLASSES.items() if issubclass(cls, Preset)}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


SENT: dict[str, tuple[dict[str, str], str, str, dict[str, str]]] = {
    "Langfuse": (
        {"public_key": "pk", "secret_key": "sk"},
        "https://cloud.langfuse.com",
        "/api/public/otel/v1/traces",
        {"authorization": basic("pk:sk"), "x-langfuse-ingestion-version": "4"},
    ),
    "Phoenix": ({"api_key": "k"}, "http://localhost:6006", "/v1/traces", {"authorization": "Bearer k"}),
    "MLflow": ({"experiment_id": "7"}, "http://localhost:5000", "/v1/traces", {"x-mlflow-experiment-id": "7"}),
    "Logfire": ({"token": "t"}, "https://logfire-us.pydantic.dev", "/v1/traces", {"authorization": "t"}),
    "Honeycomb": (
        {"api_key": "k", "dataset": "d"},
        "https://api.honeycomb.io",
        "/v1/traces",
        {"x-honeycomb-team": "k", "x-honeycomb-dataset": "d"},
    ),
    "Datadog": (
        {"api_key": "k", "site": "datadoghq.eu"},
        "https://otlp.datadoghq.eu",
        "/v1/traces",
        {"dd-api-key": "k", "dd-otlp-source": "llmobs"},
    ),
    "NewRelic": ({"license_key": "k", "region": "eu"}, "https://otlp.eu01.nr-data.net", "/v1/traces", {"api-key": "k"}),
    "GrafanaCloud": (
        {"instance_id": "1", "token": "t", "region": "prod-eu-west-2"},
        "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp",
        "/v1/traces",
        {"authorization": basic("1:t")},
    ),
    "Jaeger": ({}, "http://localhost:4318", "/v1/traces", {}),
    "Dash0": (
        {"token": "t", "region": "eu-west-1.aws", "dataset": "d"},
        "https://ingress.eu-west-1.aws.dash0.com",
        "/v1/traces",
        {"authorization": "Bearer t", "dash0-dataset": "d"},
    ),
    "Axiom": (
        {"token": "t", "dataset": "d"},
        "https://api.axiom.co",
        "/v1/traces",
        {"authorization": "Bearer t", "x-axiom-dataset": "d"},
    ),
    "HyperDX": ({"api_key": "k"}, "https://in-otel.hyperdx.io", "/v1/traces", {"authorization": "k"}),
    "SigNoz": (
        {"ingestion_key": "k", "region": "in"},
        "https://ingest.in.signoz.cloud",
        "/v1/traces",
        {"signoz-ingestion-key": "k"},
    ),
    "Braintrust": (
        {"api_key": "k", "parent": "project_name:shop"},
        "https://api.braintrust.dev",
        "/otel/v1/traces",
        {"authorization": "Bearer k", "x-bt-parent": "project_name:shop"},
    ),
    "LangSmith": (
        {"api_key": "k", "project": "shop", "region": "eu"},
        "https://eu.api.smith.langchain.com",
        "/otel/v1/traces",
        {"x-api-key": "k", "langsmith-project": "shop"},
    ),
    "Opik": (
        {"api_key": "k", "workspace": "w", "project": "shop"},
        "https://www.comet.com/opik/api",
        "/v1/private/otel/v1/traces",
        {"authorization": "k", "comet-workspace": "w", "projectname": "shop"},
    ),
    "Traceloop": ({"api_key": "k"}, "https://api.traceloop.com", "/v1/traces", {"authorization": "Bearer k"}),
    "OpenLIT": ({}, "http://localhost:4318", "/v1/traces", {}),
}
"""Options, the address that they lead to, the path below it, and what goes along."""


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for preset in PRESETS.values():
        row = preset.tool
        for name in (*row.url_env, *row.region_env, *(each for option in row.options for each in option.env)):
            monkeypatch.delenv(name, raising=False)


def here(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def found(backend: str, options: dict[str, Any]) -> list[str]:
    """What the checks say of an entry."""
    config = read({"EXPORTERS": [{"BACKEND": f"llmtrace.exporters.{backend}", "OPTIONS": options}]})
    told = [problem for problem in problems(config) if problem.where.startswith('LLMTRACE["EXPORTERS"]')]
    assert all(each.id == "llmtrace.E005" for each in told)
    assert all(each.where == 'LLMTRACE["EXPORTERS"][0]["OPTIONS"]' and SECRET not in str(each) for each in told)
    return [str(each) for each in told]


def test_every_tool_has_a_preset_and_a_source_in_its_own_words() -> None:
    rows = [row for row in vars(tools).values() if isinstance(row, tools.Tool)]
    assert PRESETS.keys() == SENT.keys()
    assert {id(preset.tool) for preset in PRESETS.values()} == {id(row) for row in rows}
    assert all(row.source.startswith("https://") for row in rows)


@pytest.mark.parametrize("name", SENT)
def test_a_preset_sends_what_its_tool_wants_to_where_that_takes_it(name: str, receiver: Receiver) -> None:
    options, address, path, headers = SENT[name]
    assert found(name, options) == []
    preset = PRESETS[name]
    there: Any = preset(**options)
    assert there._wire._endpoint == address + path
    exporter = preset(**options, url=here(receiver))
    assert exporter.export([ended()]) == Exported(1)
    sent = receiver.authorities[0]
    assert sent[":path"] == path
    assert sent.items() >= headers.items()
    for each in (there, exporter):
        each.shutdown()


@pytest.mark.parametrize("name", SENT)
def test_its_options_come_from_the_tools_own_variables(
    name: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, _, _, headers = SENT[name]
    row = PRESETS[name].tool
    given = dict(options)
    for option in row.options:
        if option.env and option.name in given:
            monkeypatch.setenv(option.env[-1], given.pop(option.name))
    if row.url_env:
        monkeypatch.setenv(row.url_env[0], here(receiver) + "/")
    else:
        given["url"] = here(receiver)
    assert found(name, given) == []
    exporter = PRESETS[name](**given)
    assert exporter.export([ended()]) == Exported(1)
    assert receiver.authorities[0].items() >= headers.items()
    exporter.shutdown()


def needed(name: str) -> tools.Option | None:
    """The first option without which the preset cannot do."""
    return next((option for option in PRESETS[name].tool.options if option.needed and not option.default), None)


@pytest.mark.parametrize("name", [name for name in SENT if needed(name)])
def test_what_is_missing_is_named_with_its_place_and_where_else_it_may_come_from(name: str) -> None:
    option = needed(name)
    assert option is not None
    options = {key: SECRET for key in SENT[name][0] if key not in (option.name, "region")}
    (told,) = found(name, options)
    assert f'lacks "{option.name}"' in told
    assert all(variable in told for variable in option.env)
    with pytest.raises(ConfigurationError, match=f'{name} lacks "{option.name}"'):
        PRESETS[name](**options)


def options_of(name: str) -> list[tools.Option]:
    return [*PRESETS[name].tool.options, tools.Option("url"), tools.Option("region")]


EMPTY = [
    (name, option.name)
    for name in SENT
    for option in options_of(name)
    if option.needed and option.name in inspect.signature(PRESETS[name]).parameters
]


@pytest.mark.parametrize(("name", "option"), EMPTY)
def test_what_is_given_empty_is_neither_the_default_nor_what_a_variable_says(
    name: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else spans go elsewhere than meant where the variable that it was to come from is not set."""
    for variable in (each for known in options_of(name) for each in known.env):
        monkeypatch.setenv(variable, "https://elsewhere.example")
    for empty in ("", " "):
        options = {**SENT[name][0], option: empty}
        (told,) = found(name, options)
        assert f'OPTIONS"] has an empty "{option}"' in told
        with pytest.raises(ConfigurationError, match=f'{name} has an empty "{option}"'):
            PRESETS[name](**options)


@pytest.mark.parametrize(
    ("name", "option"), [(name, each.name) for name in SENT for each in options_of(name) if not each.needed]
)
def test_what_a_preset_can_do_without_may_be_empty(name: str, option: str) -> None:
    assert found(name, {**SENT[name][0], option: ""}) == []


def test_whoever_has_an_address_may_leave_the_region_empty() -> None:
    keys = {"public_key": "p", "secret_key": SECRET}
    assert found("Langfuse", {**keys, "url": "https://langfuse.shop.example", "region": ""}) == []


@pytest.mark.parametrize("file", ["", False])
def test_no_certificate_goes_unchecked_for_want_of_the_file_to_check_it_against(file: Any) -> None:
    options = {"api_key": "k", "certificate_file": file}
    (told,) = found("Honeycomb", options)
    assert '"certificate_file" that is not a path' in told
    with pytest.raises(ConfigurationError, match="certificate_file"):
        PRESETS["Honeycomb"](**options)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("Langfuse", {"public_key": "p", "secert_key": SECRET}, "secert_key"),
        ("Langfuse", {"public_key": "p", "secret_key": SECRET, "region": "mars"}, "none of eu, us, jp, hipaa"),
        ("GrafanaCloud", {"instance_id": "1", "token": SECRET}, 'lacks "region"'),
        ("Honeycomb", {"api_key": 12}, '"api_key" that is no text'),
        ("MLflow", {"url": "sqlite:///mlflow.db"}, 'a "url" that begins with neither http:// nor https://'),
        ("Phoenix", {"url": "http://:6006"}, 'a "url" that names no host'),
        ("Axiom", {"token": SECRET, "dataset": "d", "compression": SECRET}, '"compression"'),
    ],
)
def test_a_mistake_is_found_by_the_checks(name: str, options: dict[str, Any], words: str) -> None:
    (told,) = found(name, options)
    assert words in told


def test_the_keys_and_certificates_of_a_collector_do_not_go_to_a_tool(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-collector-key={SECRET}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem")
    exporter: Any = exporters.Honeycomb(api_key="k", url=here(receiver), headers={"x-mine": "1"}, compression="gzip")
    assert exporter.export([ended()]) == Exported(1)
    sent = receiver.authorities[0]
    assert SECRET not in str(sent)
    assert (sent["x-mine"], sent["content-encoding"]) == ("1", "gzip")
    assert sent["content-type"] == "application/x-protobuf"
    assert exporter._wire._session.verify is True
    exporter.shutdown()


def test_phoenix_finds_the_project_on_the_resource(receiver: Receiver) -> None:
    exporter = exporters.Phoenix(url=here(receiver), project="shop")
    exporter.export([ended(), ended()])
    assert receiver.resources == [{"service.name": "shop", "openinference.project.name": "shop"}]
    exporter.shutdown()


@pytest.mark.parametrize(("semconv", "there"), [(None, True), ("latest", False)])
def test_a_preset_asks_for_the_names_that_its_tool_reads(receiver: Receiver, semconv: str | None, there: bool) -> None:
    entry: dict[str, Any] = {"BACKEND": "llmtrace.exporters.Phoenix", "OPTIONS": {"url": here(receiver)}}
    attributes: Any = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
    with exporting(entry if semconv is None else {**entry, "SEMCONV": semconv}):
        span("chat", **attributes)
        assert flush(10)
        assert account("Phoenix").sent == 1
    names = {each.key for each in receiver.spans[0].attributes}
    assert ({"gen_ai.system", "openinference.span.kind"} <= names) is there


def test_signatures_name_each_option_once() -> None:
    for preset in PRESETS.values():
        names = list(inspect.signature(preset).parameters)
        assert len(names) == len(set(names))
        assert {"url", "headers", "timeout"} <= set(names)

"""Metrics of calls and of ledgers, through a meter provider of the host's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from opentelemetry import metrics
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from llmtrace import LLM
from llmtrace.testing import CapturedSpans, captured_spans
from llmtrace.tracing.metrics import SECONDS, TOKENS, meters
from llmtrace.tracing.setup import flush
from tests.interpreter import run
from tests.pipeline.making import entry, exporting, span
from tests.scripted import ask, open_stream, providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, completion, refusal, stream

NUMBERS = ("ended", "sent", "waiting")
KEY = "sk-ant-api03-Zq3vR8sT1uW5xY7aB9cD2eF4gH6jK8mNpQ1rS3tU5vW7xY9z"
NEVER = TracerProvider(sampler=ALWAYS_OFF)


class Host:
    """A host with metrics, and what has been recorded."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])

    def all(self) -> dict[str, Any]:
        """The metrics by name."""
        data = self._reader.get_metrics_data()
        scopes = [scope for each in (data.resource_metrics if data else ()) for scope in each.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics if scope.scope.name == "llmtrace"}

    def calls(self) -> dict[str, Any]:
        """Those of calls."""
        return {name: metric for name, metric in self.all().items() if name.startswith("gen_ai.")}

    def points(self, name: str) -> list[Any]:
        return list(self.all()[name].data.data_points)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host()
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: host.provider)
    yield host
    host.provider.shutdown()


def test_a_call_is_measured(host: Host, server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(answer())
    ask()
    [call] = spans
    [point] = host.points("gen_ai.client.inference.duration")
    shared = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": call.attributes["gen_ai.request.model"],
        "gen_ai.response.model": call.attributes["gen_ai.response.model"],
        "server.address": call.attributes["server.address"],
        "server.port": call.attributes["server.port"],
    }
    assert dict(point.attributes) == shared
    assert call.end_time is not None
    assert call.start_time is not None
    assert point.sum == pytest.approx((call.end_time - call.start_time) / 1e9)
    assert point.explicit_bounds == SECONDS
    assert host.all()["gen_ai.client.inference.duration"].unit == "s"

    for side in ("input_tokens", "output_tokens"):
        tokens = call.attributes[f"gen_ai.usage.{side}"]
        [counted] = host.points(f"gen_ai.client.inference.usage.{side}")
        assert (counted.value, dict(counted.attributes)) == (tokens, {**shared, "gen_ai.token.modality": "unknown"})
        [spread] = host.points(f"gen_ai.client.inference.operation.{side}")
        assert (spread.sum, dict(spread.attributes), spread.explicit_bounds) == (tokens, shared, TOKENS)
    assert not [name for name in host.calls() if ".operation.duration" in name or ".token." in name]


def test_a_call_that_failed_is_measured_with_its_error(
    host: Host, server: ScriptedServer, spans: CapturedSpans
) -> None:
    server.answers(refusal(400))
    with pytest.raises(Exception, match="400"):
        ask()
    [point] = host.points("gen_ai.client.inference.duration")
    assert point.attributes["error.type"] == spans[0].attributes["error.type"]
    assert list(host.calls()) == ["gen_ai.client.inference.duration"]


def test_a_stream_has_the_time_to_its_first_chunk(host: Host, server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    for _ in open_stream():
        pass
    [point] = host.points("gen_ai.client.inference.time_to_first_chunk")
    assert point.sum == spans[0].attributes["gen_ai.response.time_to_first_chunk"]
    assert point.explicit_bounds == SECONDS


def test_a_stream_that_breaks_off_is_among_the_others_by_its_first_chunk(host: Host, server: ScriptedServer) -> None:
    dup = entry("Kept", into=[], SEMCONV="dup")
    with captured_spans(PROVIDERS=providers(server), EXPORTERS=[dup]):
        server.answers(stream(), stream(end="reset"))
        for _ in open_stream():
            pass
        with pytest.raises(Exception, match=r"."):
            for _ in open_stream():
                pass
    for name in ("gen_ai.client.inference", "gen_ai.client.operation"):
        assert sorted("error.type" in point.attributes for point in host.points(f"{name}.duration")) == [False, True]
        [point] = host.points(f"{name}.time_to_first_chunk")
        assert point.count == 2


def test_embeddings_have_metrics_of_their_own(host: Host, server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(answer({"data": [{"embedding": [0.1], "index": 0}], "model": "e", "usage": {"prompt_tokens": 2}}))
    LLM("text-embedding-3-small").embed("Momo")
    assert sorted(host.calls()) == [
        "gen_ai.client.embeddings.duration",
        "gen_ai.client.embeddings.operation.input_tokens",
    ]


def test_older_names_are_there_for_who_reads_those(host: Host, server: ScriptedServer) -> None:
    dup = entry("Kept", into=[], SEMCONV="dup")
    with captured_spans(PROVIDERS=providers(server), EXPORTERS=[dup]):
        server.answers(answer(), stream())
        ask()
        for _ in open_stream():
            pass
    assert host.points("gen_ai.client.operation.duration")[0].count == 2
    assert host.points("gen_ai.client.operation.time_to_first_chunk")[0].count == 1
    kinds = {point.attributes["gen_ai.token.type"] for point in host.points("gen_ai.client.token.usage")}
    assert kinds == {"input", "output"}
    assert host.points("gen_ai.client.inference.duration")[0].count == 2


def test_calls_that_a_sampler_leaves_out_are_measured(host: Host, server: ScriptedServer) -> None:
    with captured_spans(PROVIDERS=providers(server), TRACER_PROVIDER=f"{__name__}.NEVER") as spans:
        server.answers(answer())
        ask()
        assert len(spans) == 0
    assert host.points("gen_ai.client.inference.duration")[0].sum > 0
    assert host.points("gen_ai.client.inference.usage.output_tokens")[0].value > 0


def test_nothing_is_measured_when_llmtrace_is_off(host: Host, server: ScriptedServer) -> None:
    with override_settings(LLMTRACE={"ENABLED": False, "PROVIDERS": providers(server)}):
        server.answers(answer())
        ask()
    assert host.calls() == {}


def test_the_ledgers_are_metrics(host: Host) -> None:
    kept: list[Any] = []
    left_out = {"BACKEND": "llmtrace.filters.Exclude", "OPTIONS": {"names": ["left out"]}}
    with exporting(entry("Kept", "collector", into=kept, FILTERS=[left_out], QUEUE={"delay": 3600})):
        meters()
        for name in ("one", "two", "left out"):
            span(name)
        waiting = {name: [point.value for point in host.points(f"llmtrace.exporter.spans.{name}")] for name in NUMBERS}
        assert waiting == {"ended": [3], "sent": [0], "waiting": [3]}
        assert flush(10)
        [ended] = host.points("llmtrace.exporter.spans.ended")
        assert dict(ended.attributes) == {"llmtrace.exporter": "collector"}
        [dropped] = host.points("llmtrace.exporter.spans.dropped")
        told = {"llmtrace.exporter": "collector", "llmtrace.drop.reason": "left out by a filter"}
        assert (dropped.value, dict(dropped.attributes)) == (1, told)
        assert host.points("llmtrace.exporter.spans.sent")[0].value == 2


@pytest.mark.parametrize("calls", [False, True])
def test_a_provider_that_the_host_sets_late_observes_the_ledgers_once(calls: bool) -> None:
    """Also in a process that makes no call, in which nothing asks for the provider again."""
    code = f"""
    import json, django
    django.setup()
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from llmtrace import LLM
    from llmtrace.tracing.setup import flush
    from tests.pipeline.making import span
    span("before")
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    LLM("m").chat("Hello") if {calls} else span("after")
    assert flush(10)
    found = {{}}
    for resource in reader.get_metrics_data().resource_metrics:
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            if metric.name.startswith("llmtrace."):
                found[metric.name] = [point.value for point in metric.data.data_points]
    print(json.dumps(found))
    """
    discard = {"BACKEND": "benchmarks.discard.Discard", "QUEUE": {"delay": 0}}
    out = run(code, {"EXPORTERS": [discard], "PROVIDERS": {"default": {"BACKEND": "llmtrace.providers.Fake"}}})
    prefix = "llmtrace.exporter.spans"
    assert json.loads(out) == {f"{prefix}.ended": [2], f"{prefix}.sent": [2], f"{prefix}.waiting": [0]}


def test_a_host_without_metrics_gets_none(
    server: ScriptedServer, spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert meters() is None
    server.answers(answer())
    ask()
    assert not isinstance(metrics.get_meter_provider(), MeterProvider)
    monkeypatch.setattr(metrics, "get_meter_provider", NoOpMeterProvider)
    assert meters() is None


def called(server: ScriptedServer, *models: str, **settings: Any) -> None:
    """A call of each model that succeeds, and one that fails."""
    dup = entry("Kept", into=[], SEMCONV="dup")
    with override_settings(LLMTRACE={"PROVIDERS": providers(server), "EXPORTERS": [dup], **settings}):
        for model in models:
            server.answers(answer(completion(model=model)), refusal(400))
            LLM(model).chat("Hello")
            with pytest.raises(Exception, match="400"):
                LLM(model).chat("Hello")


def models_in(host: Host) -> set[Any]:
    """The models by which the metrics of calls are told apart."""
    points = [point for name in host.calls() for point in host.points(name)]
    return {value for point in points for name, value in point.attributes.items() if name.endswith(".model")}


@pytest.mark.parametrize(
    ("redact", "models"),
    [
        (True, {"momo-1", "[REDACTED]"}),
        ({"patterns": ["momo"], "mask": "#"}, {"#-1", "#"}),
        ({"names": ["model"]}, {"[REDACTED]"}),
        (False, {"momo-1", KEY}),
    ],
)
def test_metrics_are_masked_as_spans_are(host: Host, server: ScriptedServer, redact: Any, models: set[str]) -> None:
    called(server, "momo-1", KEY, "momo-1", KEY, REDACT=redact)
    assert models_in(host) == models


def test_metrics_are_masked_by_the_settings_in_force(host: Host, server: ScriptedServer) -> None:
    called(server, KEY, REDACT={"mask": "#"})
    called(server, KEY)
    assert models_in(host) == {"#", "[REDACTED]"}


def unreadable(_: str) -> str:
    raise RuntimeError("a mistake of the project's")


@pytest.mark.parametrize("settings", [{"REDACT": "email"}, {"REDACTS": True}, {"REDACT": {"function": unreadable}}])
def test_nothing_is_measured_where_what_to_mask_cannot_be_known(
    host: Host, server: ScriptedServer, settings: dict[str, Any]
) -> None:
    called(server, KEY, **settings)
    assert host.calls() == {}


def test_a_mistake_in_metrics_does_not_reach_the_call(
    host: Host,
    server: ScriptedServer,
    spans: CapturedSpans,
    monkeypatch: pytest.MonkeyPatch,
    mistakes: list[str],
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a reader's own mistake")

    monkeypatch.setattr(Counter, "add", broken)
    server.answers(answer())
    assert ask().text
    assert len(spans) == 1
    assert "The metrics of a call could not be recorded." in mistakes[0]
    mistakes.clear()

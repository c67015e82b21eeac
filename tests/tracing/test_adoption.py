"""Which tracer provider the spans go through: the one that is named, the host's whenever it was set, else ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider

from llmtrace.testing import captured_spans
from llmtrace.tracing import setup
from llmtrace.tracing.setup import get_tracer
from tests.interpreter import lines, run
from tests.scripted import ask, providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer
from tests.tracing.hosts import built, memory

HOST: Final = """
import django
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.tracing.hosts import memory
from tests.pipeline.making import span
host = TracerProvider(resource=Resource.create({"service.name": "host"}))
host.add_span_processor(SimpleSpanProcessor(memory))
"""


def settings(path: Path, **more: Any) -> dict[str, Any]:
    entry = {"BACKEND": "tests.pipeline.exporters.File", "OPTIONS": {"path": str(path)}}
    return {"EXPORTERS": [entry], **more}


@pytest.mark.parametrize(
    "order",
    ["trace.set_tracer_provider(host); django.setup()", "django.setup(); trace.set_tracer_provider(host)"],
    ids=["before ready()", "after ready()"],
)
def test_a_hosts_provider_is_adopted(tmp_path: Path, order: str) -> None:
    code = f"""{HOST}
{order}
made = span("call")
assert trace.get_tracer_provider() is host
assert made.resource.attributes["service.name"] == "host"
assert [each.name for each in memory.get_finished_spans()] == ["call"]
"""
    run(code, settings(tmp_path / "spans", SERVICE_NAME="ours"))
    assert [line["name"] for line in lines(tmp_path / "spans")] == ["call"]


def test_without_one_ours_serves_all(tmp_path: Path) -> None:
    code = f"""{HOST}
django.setup()
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)  # nothing is decided before it is needed
made = span("call")
assert made.resource.attributes["service.name"] == "ours"
assert made.resource.attributes["deployment.environment.name"] == "test"
trace.get_tracer("a.library").start_span("query").end()
"""
    run(code, settings(tmp_path / "spans", SERVICE_NAME="ours", RESOURCE={"deployment.environment.name": "test"}))
    assert [line["name"] for line in lines(tmp_path / "spans")] == ["call", "query"]


def test_the_service_name_follows_opentelemetrys_own_rules_when_it_is_left_out(tmp_path: Path) -> None:
    code = f"""{HOST}
django.setup()
assert span("call").resource.attributes["service.name"] == "from the environment"
"""
    run(code, settings(tmp_path / "spans"), OTEL_SERVICE_NAME="from the environment")


def test_other_settings_have_other_senders(tmp_path: Path) -> None:
    code = f"""{HOST}
django.setup()
from django.test import override_settings
library = trace.get_tracer("a.library")
assert span("call").resource.attributes["service.name"] == "ours"
others = {{**settings.LLMTRACE, "SERVICE_NAME": "theirs", "RESOURCE": {{"deployment.environment.name": "test"}}}}
with override_settings(LLMTRACE=others):
    for made in (span("call"), library.start_span("query")):
        made.end()
        assert made.resource.attributes["service.name"] == "theirs"
        assert made.resource.attributes["deployment.environment.name"] == "test"
made = span("call")
assert made.resource.attributes["service.name"] == "ours"
assert "deployment.environment.name" not in made.resource.attributes
assert made.resource.attributes["telemetry.sdk.name"] == "opentelemetry"
"""
    run(code, settings(tmp_path / "spans", SERVICE_NAME="ours"))


def test_one_that_takes_no_processors_is_left_alone(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = NoOpTracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: foreign)
    with captured_spans(PROVIDERS=providers(server)) as spans:
        server.answers(answer())
        ask()
        assert len(spans) == 1


@pytest.mark.parametrize("path", ["provider", "made"])
def test_one_that_is_named_comes_first(server: ScriptedServer, path: str) -> None:
    memory.clear()
    with captured_spans(PROVIDERS=providers(server), TRACER_PROVIDER=f"tests.tracing.hosts.{path}") as spans:
        server.answers(answer())
        reply = ask()
        assert len(spans) == 1
    (theirs,) = memory.get_finished_spans()
    assert theirs.context is not None
    assert f"{theirs.context.span_id:016x}" == reply.span_id


def test_a_function_that_makes_one_is_called_once_in_a_process() -> None:
    built.clear()
    for _ in range(2):
        with captured_spans(TRACER_PROVIDER="tests.tracing.hosts.build") as spans:
            get_tracer("tests").start_span("one").end()
            get_tracer("others").start_span("two").end()
            assert [span.name for span in spans] == ["one", "two"]
    assert len(built) == 1


def test_one_that_cannot_be_used_is_told_of_and_does_without(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    with captured_spans(PROVIDERS=providers(server), TRACER_PROVIDER="tests.tracing.hosts.missing") as spans:
        server.answers(answer(), answer())
        ask()
        ask()
        assert len(spans) == 2
    assert caplog.text.count('LLMTRACE["TRACER_PROVIDER"] can\'t be used') == 1


def test_calls_that_the_hosts_sampler_leaves_out_work_and_name_no_trace(server: ScriptedServer) -> None:
    with captured_spans(PROVIDERS=providers(server), TRACER_PROVIDER="tests.tracing.hosts.unsampled") as spans:
        server.answers(answer())
        reply = ask()
        assert (reply.text, reply.usage.input_tokens, reply.cost is not None) == ("Read The Hobbit.", 21, True)
        assert (reply.trace_id, reply.span_id) == (None, None)
        assert len(spans) == 0


def test_calls_work_when_all_is_switched_off(server: ScriptedServer) -> None:
    with captured_spans(PROVIDERS=providers(server), ENABLED=False) as spans:
        server.answers(answer())
        reply = ask()
        assert (reply.text, reply.usage.output_tokens) == ("Read The Hobbit.", 7)
        assert reply.cost is not None
        assert reply.trace_id is None
        assert len(spans) == 0


def test_our_processor_is_put_into_a_provider_once() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "get_tracer_provider", lambda: provider)
        assert setup.connect() is provider
        assert setup.connect() is provider
        with captured_spans() as spans:
            get_tracer("tests").start_span("once").end()
            assert [span.name for span in spans] == ["once"]

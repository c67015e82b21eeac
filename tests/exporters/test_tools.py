"""Phoenix and MLflow, as they come from PyPI: what the presets send is read back through the tool's own API."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import Span, format_span_id, format_trace_id, set_span_in_context, use_span

from llmtrace import LLM, Message
from llmtrace.providers import FakeReply
from llmtrace.tracing.setup import flush, get_tracer
from llmtrace.types import Usage
from tests.exporters import toolservers
from tests.pipeline.making import account, exporting
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

REPLY = FakeReply("Read Piranesi.", usage=Usage(21, 7))
PROVIDERS = {"default": {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"replies": [REPLY]}}}


@pytest.fixture(scope="module", autouse=True)
def asked_for() -> None:
    toolservers.require_or_skip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tools")


@pytest.fixture(scope="module")
def phoenix(folder: Path) -> Iterator[str]:
    programs, port = toolservers.installed("arize-phoenix", folder), toolservers.free_port()
    env = {
        "PHOENIX_WORKING_DIR": str(folder / "phoenix"),
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(toolservers.free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with toolservers.running([programs / "phoenix", "serve"], port, folder, **env) as url:
        yield url


@pytest.fixture(scope="module")
def mlflow(folder: Path) -> Iterator[str]:
    programs, port = toolservers.installed("mlflow", folder), toolservers.free_port()
    store = f"sqlite:///{folder / 'mlflow.db'}"
    command: list[str | Path] = [
        programs / "mlflow",
        "server",
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        store,
    ]
    with toolservers.running(command, port, folder, MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true") as url:
        yield url


def call(backend: str, **options: Any) -> tuple[str, str]:
    """A call below another span, sent to a tool; trace id and span id of the call."""
    entry = {"BACKEND": f"llmtrace.exporters.{backend}", "OPTIONS": options}
    with exporting(entry, PROVIDERS=PROVIDERS, EXIT_TIMEOUT=20.0):
        with use_span(get_tracer("tests").start_span("visit"), end_on_exit=True):
            reply = LLM("gpt-4o-mini").chat([Message.system("You sell books."), Message.user("Recommend a book")])
        assert flush(30)
        assert account(backend).sent == 2
    assert reply.trace_id is not None
    assert reply.span_id is not None
    return reply.trace_id, reply.span_id


Tree = dict[str, str | None]
"""The parent's id of each span of a trace, by its own."""


def trees(backend: str, **options: Any) -> dict[str, Tree]:
    """Two traces of 100 spans, by trace id, sent to a tool in one request."""
    entry = {"BACKEND": f"llmtrace.exporters.{backend}", "OPTIONS": options, "QUEUE": {"delay": 60.0}}
    with exporting(entry, EXIT_TIMEOUT=20.0):
        spans = two_visits()
        assert flush(30)
        assert account(backend).sent == len(spans) == 200
    found: dict[str, Tree] = {}
    for span in spans:
        tree = found.setdefault(format_trace_id(span.context.trace_id), {})
        tree[format_span_id(span.context.span_id)] = format_span_id(span.parent.span_id) if span.parent else None
    return found


def two_visits() -> list[Any]:
    """Spans of two scopes and, by turns, of two traces; parents end after their children, the visits last."""
    made: list[Any] = []

    def begin(name: str, scope: str, parent: Span | None = None) -> Span:
        span = get_tracer(scope).start_span(name, context=set_span_in_context(parent) if parent else None)
        made.append(span)
        return span

    visits = [begin("visit", "tests"), begin("visit", "tests")]
    for _, visit in itertools.product(range(33), visits):
        job = begin("job", "tests", visit)
        step = begin("step", "tests.steps", job)
        for span in (begin("note", "tests", step), step, job):
            span.end()
    for visit in visits:
        visit.end()
    return made


def test_phoenix_shows_the_call_with_its_parent_messages_and_tokens(phoenix: str) -> None:
    trace_id, span_id = call("Phoenix", url=phoenix, project="shop")

    def found() -> dict[str, Any]:
        answer = toolservers.asked(f"{phoenix}/v1/projects/shop/spans?limit=100") or {"data": []}
        spans = [span for span in answer["data"] if span["context"]["trace_id"] == trace_id]
        return {span["name"]: span for span in spans} if len(spans) == 2 else {}

    spans = until(found, "both spans can be read", 60)
    (name,) = spans.keys() - {"visit"}
    shown = spans[name]
    assert (shown["context"]["span_id"], shown["span_kind"]) == (span_id, "LLM")
    assert shown["parent_id"] == spans["visit"]["context"]["span_id"]
    assert spans["visit"]["parent_id"] is None
    expected = {
        "llm.model_name": "gpt-4o-mini",
        "llm.provider": "fake",
        "llm.token_count.prompt": 21,
        "llm.token_count.completion": 7,
        "llm.token_count.total": 28,
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "You sell books.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Recommend a book",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Read Piranesi.",
        "output.value": "Read Piranesi.",
    }
    assert {key: shown["attributes"].get(key) for key in expected} == expected


def test_phoenix_shows_all_spans_of_a_large_request_below_their_parents(phoenix: str) -> None:
    sent = trees("Phoenix", url=phoenix, project="bulk")

    def found() -> dict[str, Tree]:
        answer = toolservers.asked(f"{phoenix}/v1/projects/bulk/spans?limit=1000") or {"data": []}
        shown: dict[str, Tree] = {}
        for span in answer["data"]:
            shown.setdefault(span["context"]["trace_id"], {})[span["context"]["span_id"]] = span["parent_id"]
        return shown

    until(lambda: sum(map(len, found().values())) == 200, "all spans can be read", 60)
    assert found() == sent


def test_mlflow_shows_the_call_with_its_parent_messages_and_tokens(mlflow: str) -> None:
    trace_id, span_id = call("MLflow", url=mlflow)

    def found() -> Any:
        answer = toolservers.asked(f"{mlflow}/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")
        return answer and len(answer["trace"].get("spans", ())) == 2 and answer["trace"]

    trace = until(found, "both spans can be read", 60)
    parent, shown = sorted(trace["spans"], key=lambda span: "parent_span_id" in span)
    assert parent["name"] == "visit"
    assert hexadecimal(shown["span_id"]) == span_id
    assert shown["parent_span_id"] == parent["span_id"]
    attributes = {each["key"]: value_of(each["value"]) for each in shown["attributes"]}
    assert attributes["gen_ai.request.model"] == "gpt-4o-mini"
    assert attributes["gen_ai.usage.input_tokens"] == 21
    assert attributes["gen_ai.input.messages"][1]["parts"][0]["content"] == "Recommend a book"
    assert attributes["gen_ai.output.messages"][0]["parts"][0]["content"] == "Read Piranesi."
    # what MLflow itself has understood of it
    assert attributes["mlflow.spanType"] == "CHAT_MODEL"
    assert "Recommend a book" in json.dumps(attributes["mlflow.spanInputs"])
    assert "Read Piranesi." in json.dumps(attributes["mlflow.spanOutputs"])
    usage = json.loads(trace["trace_info"]["trace_metadata"]["mlflow.trace.tokenUsage"])
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (21, 7, 28)


def test_mlflow_shows_all_spans_of_a_large_request_below_their_parents(mlflow: str) -> None:
    sent = trees("MLflow", url=mlflow)

    def found(trace_id: str) -> Tree:
        answer = toolservers.asked(f"{mlflow}/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")
        spans = answer["trace"].get("spans", ()) if answer else ()
        return {
            hexadecimal(span["span_id"]): hexadecimal(span["parent_span_id"]) if "parent_span_id" in span else None
            for span in spans
        }

    until(lambda: sum(len(found(trace_id)) for trace_id in sent) == 200, "all spans can be read", 60)
    assert {trace_id: found(trace_id) for trace_id in sent} == sent


def hexadecimal(text: str) -> str:
    """Ids as MLflow writes them."""
    return base64.b64decode(text).hex()


def value_of(value: dict[str, Any]) -> Any:
    """An attribute's value, as protobuf writes it in JSON."""
    ((kind, inner),) = value.items()
    if kind == "array_value":
        return [value_of(each) for each in inner.get("values", ())]
    if kind == "kvlist_value":
        return {each["key"]: value_of(each["value"]) for each in inner.get("values", ())}
    return int(inner) if kind == "int_value" else inner

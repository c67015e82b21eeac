"""Secrets that were said, from the call to what leaves the process: no exporter, file or log line has one."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link
from pytest_django import DjangoDbBlocker

from llmtrace import LLM, Message, llm_call, prompt_template, record_feedback, trace_attributes
from llmtrace.models import Span
from llmtrace.pipeline.outcome import RetryLater
from llmtrace.tracing.setup import flush, get_tracer
from tests.databases import new_database
from tests.filters.leaked import files_in, leaked, rows_in, secrets_of
from tests.filters.secrets import planted
from tests.pipeline.making import account, entry, exporting
from tests.scripted import providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, chunk, completion, refusal, stream, tools
from tests.servers.otlp import Receiver

Said = Callable[[ScriptedServer, str], object]
CONTENT: Final = "the content of a call"


@prompt_template("SYSTEM: You keep what you are told.\nUSER: {said}")
def keep(said: str) -> None: ...


def asked(server: ScriptedServer, said: str) -> object:
    server.answers(answer())
    with trace_attributes(tags=[said], metadata={"note": said}):
        return LLM("gpt-4o-mini").chat([Message.system(said), Message.user(said)])


def answered(server: ScriptedServer, said: str) -> object:
    call = tools(("call_1", "search", json.dumps({"query": {"where": said}})))
    server.answers(answer(completion(choice(said, **call))))
    tool = {"name": "search", "description": said, "parameters": {"type": "object", "properties": {}}}
    return LLM("gpt-4o-mini").chat("Look it up", tools=[tool])


def templated(server: ScriptedServer, said: str) -> object:
    server.answers(answer())
    return llm_call("gpt-4o-mini")(keep)(said)


def streamed(server: ScriptedServer, said: str) -> object:
    """In pieces of five characters, so that no chunk has a secret that can be known."""
    pieces = [chunk(said[start : start + 5]) for start in range(0, len(said), 5)]
    server.answers(stream([*pieces, chunk(finish="stop")]))
    return list(LLM("gpt-4o-mini").stream("Say it"))


def refused(server: ScriptedServer, said: str) -> object:
    server.answers(refusal(400, said))
    with pytest.raises(openai.BadRequestError) as caught:
        LLM("gpt-4o-mini").chat("Refuse it")
    return caught


def by_hand(server: ScriptedServer, said: str) -> object:
    tracer = get_tracer("shop")
    with pytest.raises(ValueError), tracer.start_as_current_span(f"work {said}") as span:  # noqa: PT011, PT012
        span.set_attribute("url.query", f"q={said}")
        span.set_attribute("http.request.header.x", [said])
        span.set_attribute(f"seen.{said}", "x")
        span.add_event(f"seen {said}", {"what": said})
        tracer.start_span("linked", links=[Link(span.get_span_context(), {"why": said})]).end()
        raise ValueError(said)
    return None


def judged(server: ScriptedServer, said: str) -> object:
    record_feedback(("ab" * 16, "cd" * 8), "helpful", 1.0, comment=said)
    return None


WAYS: Final[tuple[Said, ...]] = (asked, answered, templated, streamed, refused, by_hand, judged)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The alias of a database with our tables."""
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path) as alias:
        yield alias


SAMPLES: Final = (11, 12)
"""Of each kind of secret there is one in each; a way is gone with one sample, the next way with the other."""


def test_the_secrets_are_as_many_as_is_claimed() -> None:
    assert len(secrets_of(*SAMPLES)) >= 300
    assert len({each.kind for each in secrets_of(*SAMPLES)}) >= 30


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_secret_leaves(
    way: Said,
    server: ScriptedServer,
    receiver: Receiver,
    store: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="llmtrace")
    kept: list[ReadableSpan] = []
    direct = InMemorySpanExporter()
    console = io.StringIO()

    def away(spans: Any) -> Any:
        raise RetryLater("nobody there")

    receiver.spans.clear()
    entries = [
        entry("Kept", into=kept),
        {"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": {"endpoint": receiver.url}},
        {"BACKEND": "opentelemetry.sdk.trace.export.ConsoleSpanExporter", "OPTIONS": {"out": console}},
        {"BACKEND": "opentelemetry.sdk.trace.export.SimpleSpanProcessor", "OPTIONS": {"span_exporter": direct}},
        {"BACKEND": "llmtrace.exporters.Database", "OPTIONS": {"alias": store}, "SPANS": "all"},
        entry("Scripted", act=away),
    ]
    spool = tmp_path / "spool"
    with exporting(*entries, PROVIDERS=providers(server, max_retries=1), SPOOL={"DIRECTORY": str(spool)}):
        said = list(planted(SAMPLES[WAYS.index(way) % len(SAMPLES)]))
        for each in said:
            way(server, each.text)
        assert flush(60)
        count = account("Kept").sent
        assert count >= len(said)
        assert account("Scripted").spooled == count
        spooled = files_in(spool)
    assert len(kept) == len(receiver.spans) == len(direct.get_finished_spans()) == count
    assert Span.objects.using(store).count() == count
    for where, text in {
        "a foreign exporter": "".join(span.to_json() for span in kept),
        "OTLP": "".join(map(str, receiver.spans)),
        "the console": console.getvalue(),
        "a span processor": "".join(span.to_json() for span in direct.get_finished_spans()),
        "the database": "\n".join(rows_in(store).values()),
        "the spool": spooled,
        "the log": "".join(record.getMessage() for record in caplog.records if record.name.startswith("llmtrace")),
    }.items():
        assert where == "the log" or "[REDACTED]" in text, where
        assert leaked(text, *SAMPLES) == set(), where


SAID: Final = (asked, answered, templated, streamed, refused, judged)


@pytest.mark.parametrize("way", SAID, ids=lambda way: way.__name__)
def test_a_hosts_own_processor_sees_no_content(way: Said, server: ScriptedServer) -> None:
    with exporting(entry("Kept", into=[]), PROVIDERS=providers(server, max_retries=1)):
        get_tracer("shop")
        host: Any = trace.get_tracer_provider()
        before = host._active_span_processor._span_processors
        seen = InMemorySpanExporter()
        host.add_span_processor(SimpleSpanProcessor(seen))
        try:
            way(server, CONTENT)
        finally:
            host._active_span_processor._span_processors = before
    spans = [json.loads(span.to_json()) for span in seen.get_finished_spans()]
    assert spans
    for span in spans:
        for marked in ("llmtrace.tags", "llmtrace.metadata.note"):  # what somebody marks a span with is no content
            span["attributes"].pop(marked, None)
    assert CONTENT not in json.dumps(spans)

"""What a call leaves behind: content where it may be, nothing where it may not, and who it was for."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace import LLM, Message, Part, llm_call, prompt_template, trace_attributes
from llmtrace.providers import FakeReply
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import ask, providers
from tests.servers.http import ScriptedServer, whole

SECRET = "the secret of the book"
KEY = "sk-proj-" + "a1B2c3D4" * 6


def fake(*replies: Any, **settings: Any) -> Any:
    """Spans of calls that a fake model answers."""
    backend = {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"replies": replies}}
    return captured_spans(PROVIDERS={"default": backend}, **settings)


def texts(spans: CapturedSpans) -> str:
    """All that can be read of the spans."""
    return str([(s.name, s.attributes, [e.attributes for e in s.events], s.status.description) for s in spans])


@llm_call()
@prompt_template("SYSTEM: Keep it.\nUSER: Tell {what}")
def tell(what: str) -> None: ...


@pytest.mark.parametrize("params", [{}, {"capture_content": False}], ids=["setting", "call"])
def test_without_content_tokens_and_timing_stay_and_no_text(params: dict[str, Any]) -> None:
    settings = {} if params else {"CAPTURE_CONTENT": False}
    with fake(f"It is {SECRET}", ValueError(SECRET), **settings) as spans:
        tell.using(**params)(SECRET)
        with pytest.raises(ValueError, match=SECRET):
            tell.using(**params)(SECRET)
        assert SECRET not in texts(spans)
        done, failed = spans
    assert done.attributes["gen_ai.usage.output_tokens"] == 7
    assert done.end_time is not None
    assert failed.attributes["error.type"] == "ValueError"
    assert "Keep it" not in texts(spans)


def test_with_content_all_that_was_said_is_kept() -> None:
    with fake("Yes.") as spans:
        tell("a story")
        (span,) = spans
    said = span.attributes
    assert said["llmtrace.prompt.template"] == "SYSTEM: Keep it.\nUSER: Tell {what}"
    assert said["gen_ai.prompt.variable.what"] == "a story"
    assert [message["parts"][0]["content"] for message in said["gen_ai.input.messages"]] == ["Keep it.", "Tell a story"]
    assert said["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Yes."}]
    assert len(said["gen_ai.prompt.version"]) == 12


def test_a_key_in_an_error_text_reaches_no_exporter(server: ScriptedServer) -> None:
    body = f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}'.encode()
    with captured_spans(PROVIDERS=providers(server), REDACT=True) as spans:
        server.answers(whole(401, body, {"content-type": "application/json"}))
        with pytest.raises(openai.AuthenticationError, match=KEY):
            ask()
        assert KEY[:16] not in texts(spans)
        assert "Incorrect API key provided" in texts(spans)


@pytest.mark.parametrize("exposed", [False, True])
def test_the_hosts_own_processors_see_content_only_where_it_is_exposed(exposed: bool) -> None:
    theirs, name = InMemorySpanExporter(), f"{__name__}.HOST_{exposed}"
    globals()[f"HOST_{exposed}"] = host = TracerProvider()
    host.add_span_processor(SimpleSpanProcessor(theirs))
    try:
        with fake(f"It is {SECRET}", TRACER_PROVIDER=name, EXPOSE_CONTENT=exposed) as spans:
            tell("a story")
            assert SECRET in texts(spans)
    finally:
        del globals()[f"HOST_{exposed}"]
    (live,) = theirs.get_finished_spans()
    assert live.context is not None
    assert live.attributes is not None
    assert live.attributes["gen_ai.usage.output_tokens"] == 7
    assert (SECRET in str(live.attributes)) is exposed


def test_off_calls_work_and_nothing_is_recorded() -> None:
    with fake("Yes.", ENABLED=False) as spans:
        reply = tell("a story")
        assert (reply.text, reply.trace_id, reply.usage.output_tokens) == ("Yes.", None, 1)
        assert len(spans) == 0


def test_trace_attributes_mark_every_span_inside_and_none_after() -> None:
    with fake("Yes.") as spans:
        with trace_attributes(user_id=4711, conversation_id="c1", tags=["a"], metadata={"plan": "pro"}):
            with trace_attributes(tags=["b"], session_id="s1"):
                tell("a story")
            with trace.get_tracer("host").start_as_current_span("host's"):
                pass
        tell("a story")
        inner, host, after = spans
    assert inner.attributes["user.id"] == "4711"
    assert inner.attributes["session.id"] == "s1"
    assert inner.attributes["gen_ai.conversation.id"] == "c1"
    assert tuple(inner.attributes["llmtrace.tags"]) == ("a", "b")
    assert inner.attributes["llmtrace.metadata.plan"] == "pro"
    assert (host.attributes["user.id"], tuple(host.attributes["llmtrace.tags"])) == ("4711", ("a",))
    assert "user.id" not in after.attributes


def test_media_are_kept_by_type_size_and_digest() -> None:
    image = Part.image(b"\x89PNG" + bytes(1000), "image/png")
    with fake("A cat.") as spans:
        LLM().chat([Message.user(["What is it?", image])])
        (span,) = spans
    text, blob = span.attributes["gen_ai.input.messages"][0]["parts"]
    assert text == {"type": "text", "content": "What is it?"}
    assert (blob["type"], blob["modality"], blob["mime_type"], blob["size"]) == ("blob", "image", "image/png", 1004)
    assert len(blob["sha256"]) == 64
    assert "content" not in blob


def test_media_are_kept_whole_where_that_is_asked() -> None:
    with fake("A cat.", CAPTURE_MEDIA=True) as spans:
        LLM().chat([Message.user([Part.image(b"\x89PNG", "image/png")])])
        (span,) = spans
    assert span.attributes["gen_ai.input.messages"][0]["parts"][0]["content"] == "iVBORw=="


def test_long_texts_are_cut_inside_their_structure() -> None:
    with fake("y" * 500, MAX_CONTENT=100) as spans:
        LLM().chat("x" * 500)
        (span,) = spans
    said = span.attributes["gen_ai.input.messages"][0]["parts"][0]["content"]
    assert said.startswith("x" * 100)
    assert "x" * 101 not in said
    assert span.attributes["gen_ai.output.messages"][0]["finish_reason"] == "stop"


def test_the_tools_that_a_model_asks_for_run_in_spans_of_their_own() -> None:
    def stock(title: str) -> int:
        """How many there are."""
        return len(title)

    asked = FakeReply(tool_calls=[("stock", {"title": "Piranesi"})])
    with fake(asked, "There are 8.") as spans:
        reply = LLM().chat("How many?", tools=[stock], tool_rounds=2)
        first, tool, second, outer = spans
    assert reply.text == "There are 8."
    assert (tool.name, tool.attributes["gen_ai.tool.call.arguments"]) == ("execute_tool stock", {"title": "Piranesi"})
    assert tool.attributes["gen_ai.tool.call.result"] == 8
    assert outer.kind.name == "INTERNAL"
    assert "gen_ai.usage.input_tokens" not in outer.attributes
    assert {s.parent.span_id for s in (first, tool, second) if s.parent} == {outer.context.span_id}
    assert f"{outer.context.span_id:016x}" == reply.span_id

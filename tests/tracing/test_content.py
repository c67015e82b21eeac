"""Where what was said goes, and where it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import openai
import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace import LLM, Message, llm_call, prompt_template, trace_attributes
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.fanout import fanout
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import ask, open_stream, providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, completion, refusal, stream, tools
from tests.tracing.hosts import memory

SECRET_WORDS: Final = ("Gondor", "librarian", "Mordor", "palantir")
"""What is said in these tests; none of it may be where content may not be."""


@prompt_template("SYSTEM: You are a librarian of Gondor\nUSER: Where is {place}?")
def where_is(place: str) -> None: ...


TOOL: Final = {"name": "palantir", "description": "looks at Mordor", "parameters": {"type": "object", "properties": {}}}


def everything(span: ReadableSpan) -> str:
    """All texts of a span."""
    return json.dumps(
        [
            span.name,
            dict(span.attributes or {}),
            [[event.name, dict(event.attributes or {})] for event in span.events],
            span.status.description,
        ],
        default=str,
    )


def called(server: ScriptedServer, **params: Any) -> None:
    """A call in which things are said in every place there is."""
    body = completion(choice("Beyond the walls of Gondor.", **tools(("call_1", "palantir", '{"at": "Mordor"}'))))
    server.answers(answer(body))
    llm_call("gpt-4o-mini", tools=[TOOL], **params)(where_is)("Mordor")


def refused(server: ScriptedServer, **params: Any) -> None:
    server.answers(refusal(400, "I do not speak of Mordor."))
    with pytest.raises(openai.BadRequestError):
        llm_call("gpt-4o-mini", **params)(where_is)("Mordor")


def streamed(server: ScriptedServer, **params: Any) -> None:
    server.answers(stream())
    list(llm_call("gpt-4o-mini", stream=True, **params)(where_is)("Mordor"))


@pytest.mark.parametrize("call", [called, refused, streamed])
@pytest.mark.parametrize("by", ["setting", "call"])
def test_without_capture_tokens_and_timing_stay_and_no_text(server: ScriptedServer, call: Any, by: str) -> None:
    settings = {"CAPTURE_CONTENT": False} if by == "setting" else {}
    params = {"capture_content": False} if by == "call" else {}
    with captured_spans(PROVIDERS=providers(server), **settings) as spans:
        call(server, **params)
        (span,) = spans
    told = everything(span)
    assert not [word for word in (*SECRET_WORDS, "Hobbit") if word in told]
    attributes = span.attributes
    assert attributes["gen_ai.request.model"] == "gpt-4o-mini"
    assert attributes["gen_ai.prompt.name"] == "where_is"
    assert (span.end_time or 0) > (span.start_time or 0)
    if call is refused:
        assert attributes["error.type"] == "openai.BadRequestError"
    else:
        assert attributes["gen_ai.usage.input_tokens"] == 21
        assert attributes["llmtrace.cost"] > 0


def test_a_call_cannot_capture_what_the_settings_forbid(server: ScriptedServer) -> None:
    with captured_spans(PROVIDERS=providers(server), CAPTURE_CONTENT=False) as spans:
        called(server, capture_content=True)
        (span,) = spans
    assert "Mordor" not in everything(span)


def test_what_may_be_speech_is_no_parameter(server: ScriptedServer) -> None:
    """What is sent under a name that only the provider knows is on the live span, and stays without capture."""
    server.answers(answer())
    extra = {"suffix": "Tell nobody of Mordor", "chat_template": "x" * 65, "verbosity": "low", "logprobs": True}
    with captured_spans(PROVIDERS=providers(server), CAPTURE_CONTENT=False) as spans:
        ask(extra=extra)
        (span,) = spans
    assert server.requests[0].json | extra == server.requests[0].json
    told = {name: value for name, value in span.attributes.items() if name.startswith("llmtrace.request.")}
    assert told == {"llmtrace.request.verbosity": "low", "llmtrace.request.logprobs": True}


@pytest.fixture
def host(server: ScriptedServer) -> Iterator[CapturedSpans]:
    """The host has a provider of its own, whose exporter stands beside ours."""
    memory.clear()
    with captured_spans(PROVIDERS=providers(server), TRACER_PROVIDER="tests.tracing.hosts.provider") as spans:
        yield spans
    memory.clear()


@pytest.mark.parametrize("call", [called, refused, streamed])
def test_content_is_not_on_the_live_span_which_others_may_export(
    server: ScriptedServer, host: CapturedSpans, call: Any
) -> None:
    call(server)
    (ours,) = host
    (theirs,) = memory.get_finished_spans()
    assert theirs.context == ours.context
    assert "Mordor" in everything(ours)
    assert not [word for word in (*SECRET_WORDS, "Hobbit") if word in everything(theirs)]
    for name, value in (theirs.attributes or {}).items():
        assert ours.attributes[name] == value


def test_content_is_on_the_live_span_when_the_host_asks_for_it(server: ScriptedServer) -> None:
    memory.clear()
    settings = {"TRACER_PROVIDER": "tests.tracing.hosts.made", "EXPOSE_CONTENT": True}
    with captured_spans(PROVIDERS=providers(server), **settings) as spans:
        called(server)
        (ours,) = spans
    (theirs,) = memory.get_finished_spans()
    exposed = theirs.attributes or {}
    assert json.loads(str(exposed["gen_ai.input.messages"])) == ours.attributes["gen_ai.input.messages"]
    assert json.loads(str(exposed["gen_ai.output.messages"])) == ours.attributes["gen_ai.output.messages"]
    assert exposed["gen_ai.prompt.variable.place"] == "Mordor"


def test_content_is_cut_inside_its_structure(server: ScriptedServer) -> None:
    long = "word " * 2_000_000
    server.answers(answer(completion(choice(long))))
    with captured_spans(PROVIDERS=providers(server), MAX_CONTENT=20) as spans:
        assert LLM("gpt-4o-mini").chat([Message.user(long)]).text == long
        (span,) = spans
    cut = f"{long[:20]}… ({len(long) - 20} characters more)"
    assert span.attributes["gen_ai.input.messages"] == [{"role": "user", "parts": [{"type": "text", "content": cut}]}]
    assert span.attributes["gen_ai.output.messages"][0]["parts"][0]["content"] == cut


@pytest.mark.parametrize("rounds", [0, 1])
def test_the_bytes_of_a_queue_count_variables_that_no_message_shows(server: ScriptedServer, rounds: int) -> None:
    @llm_call("gpt-4o-mini", tool_rounds=rounds)
    def about(documents: list[dict[str, str]]) -> str:
        return f"How many are {len(documents)}?"

    server.answers(answer(completion(choice("One."))))
    small = {
        "NAME": "small",
        "BACKEND": "opentelemetry.sdk.trace.export.in_memory_span_exporter.InMemorySpanExporter",
        "QUEUE": {"bytes": 50_000},
    }
    with captured_spans(PROVIDERS=providers(server), EXPORTERS=[small]) as spans:
        about([{"text": "long " * 20_000}])
        assert len(spans) == 1 + rounds
        assert fanout.accounts()["small"].dropped == {"queue full": 1}


@pytest.mark.parametrize("part", [5, None, ["nested"]])
def test_what_a_dict_message_holds_is_the_providers_to_judge(server: ScriptedServer, part: Any) -> None:
    server.answers(refusal(400, "No such part."))
    with captured_spans(PROVIDERS=providers(server)), pytest.raises(openai.BadRequestError):
        LLM("gpt-4o-mini").chat([{"role": "user", "content": [part]}])


KEY: Final = "sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXyZ4aB7cD0eF3gH6iJ9kL2mN5oP8qR1sT4uV"


@pytest.mark.parametrize("kept", range(8, 40))
def test_a_secret_at_the_end_of_what_is_kept_leaves_no_half_behind(server: ScriptedServer, kept: int) -> None:
    """Half a key is a key that no pattern knows."""
    text = f"{'word ' * 20}{KEY} and more"
    limit = text.index(KEY) + kept
    server.answers(refusal(400, text))
    with captured_spans(PROVIDERS=providers(server), MAX_CONTENT=limit) as spans:
        with pytest.raises(openai.BadRequestError):
            LLM("gpt-4o-mini").chat(text)
        (span,) = spans
    assert KEY[8:16] not in everything(span)
    assert "characters more" in everything(span)


def test_only_what_was_said_is_cut(server: ScriptedServer) -> None:
    server.answers(answer(completion(choice("x" * 100))))
    with captured_spans(PROVIDERS=providers(server), MAX_CONTENT=5) as spans:
        reply = LLM("gpt-4o-mini").chat("y" * 100)
        (span,) = spans
    assert span.attributes["gen_ai.response.id"] == reply.id
    assert span.attributes["gen_ai.request.model"] == "gpt-4o-mini"
    assert span.attributes["gen_ai.output.messages"][0]["parts"][0]["content"] == "xxxxx… (95 characters more)"


def test_secrets_are_masked_wherever_they_are(server: ScriptedServer) -> None:
    """In what is sent and answered, variables, tool data, errors, and names that people give."""
    server.answers(
        answer(completion(choice(f"Your key is {KEY}.", **tools(("call_1", "use", json.dumps({"api_key": KEY})))))),
        refusal(401, f"Incorrect API key provided: {KEY}."),
    )
    with (
        captured_spans(PROVIDERS=providers(server)) as spans,
        trace_attributes(user_id=KEY, tags=[KEY], metadata={"note": KEY}),
    ):
        llm_call("gpt-4o-mini")(prompt_template("Keep {key}")(_of_key))(KEY)
        with pytest.raises(openai.AuthenticationError) as caught:
            ask()
        assert KEY in str(caught.value)
        told = "".join(map(everything, spans))
    assert len(spans_of(told)) == 0
    assert told.count("exception.stacktrace") == 1


def _of_key(key: str) -> None: ...


def spans_of(told: str) -> list[str]:
    """Eight characters of the key in a row, wherever they stand; its prefix is no secret."""
    pieces = (KEY[at : at + 8] for at in range(8, len(KEY) - 8))
    return [piece for piece in pieces if piece in told]


@pytest.mark.parametrize("hostile", ["a\0b", "\ud800", "\ud83d\ude00", "\u202e\x1b[31m"])
def test_hostile_text_reaches_the_model_and_the_span_and_harms_neither(server: ScriptedServer, hostile: str) -> None:
    server.answers(answer(completion(choice(f"You said {hostile}"))), answer())
    with captured_spans(PROVIDERS=providers(server)) as spans, trace_attributes(user_id=hostile, tags=[hostile]):
        try:
            reply = ask_about(hostile)
        except UnicodeEncodeError:  # what no wire can carry fails as it does with the bare SDK
            reply = None
        ask()
        first, second = spans
    assert isinstance(first, EndedSpan)
    assert second.attributes["gen_ai.response.id"] == "chatcmpl-B1"
    if reply is not None:
        assert reply.text.startswith("You said")
        assert first.for_export().attributes["gen_ai.output.messages"]


def ask_about(text: str) -> Any:
    return LLM("gpt-4o-mini").chat(f"What is {text}?")


def test_an_abandoned_stream_keeps_no_text_without_capture(server: ScriptedServer) -> None:
    server.answers(stream())
    with captured_spans(PROVIDERS=providers(server), CAPTURE_CONTENT=False) as spans:
        opened = open_stream()
        next(opened)
        opened.close()
        (span,) = spans
    assert span.attributes["llmtrace.stream.outcome"] == "abandoned"
    assert "Hobbit" not in everything(span)

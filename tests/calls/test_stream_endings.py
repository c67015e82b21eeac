"""However a stream ends, its span ends once, and tells how, with the text and the usage so far."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from llmtrace import llm_call
from llmtrace.calls.stream import Stream
from llmtrace.exceptions import LLMTraceError
from llmtrace.testing import CapturedSpans, captured_spans
from llmtrace.tracing.scope import scope
from tests.calls.endings import COUNTED, TOLD, ended, said
from tests.scripted import open_stream, providers
from tests.servers.http import ScriptedServer, reset
from tests.servers.openai import TEXT, base_url, chunk, refusal, spoken, stream, usage_chunk
from tests.waiting import until


class Boom(Exception):
    """What a consumer of a stream raises."""


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """The server waits here in the middle of its answer, until the test is over."""
    gate = threading.Event()
    yield gate
    gate.set()


def told(opened: Stream[Any], chunks: int = 3) -> None:
    """Read as far as the server has told."""
    for _ in range(chunks):
        next(opened)


def test_completed(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    opened = open_stream()
    assert "".join(chunk.text for chunk in opened) == TEXT
    ended(spans, server, "completed", TEXT, (21, 7))
    assert list(opened) == []
    assert opened.reply.text == TEXT


def test_completed_even_if_the_end_marker_never_came(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream(spoken(), "cut"))
    assert "".join(chunk.text for chunk in open_stream()) == TEXT
    ended(spans, server, "completed", TEXT, (21, 7))


def test_completed_when_all_was_read_but_the_event_that_says_so(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    with open_stream() as opened:
        for each in opened:
            if each.finish_reason == "stop":
                break
    ended(spans, server, "completed", TEXT)


def test_abandoned_by_break(server: ScriptedServer, spans: CapturedSpans, gate: threading.Event) -> None:
    server.answers(stream([*TOLD, gate, *spoken()]))
    for each in open_stream():
        if each.text == "The ":
            break
    ended(spans, server, "abandoned")


def test_abandoned_by_close(server: ScriptedServer, spans: CapturedSpans, gate: threading.Event) -> None:
    hung_up = threading.Event()
    server.answers(stream([*TOLD, gate, *spoken() * 1000], then=hung_up.set))
    opened = open_stream()
    told(opened)
    opened.close()
    opened.close()
    gate.set()
    assert hung_up.wait(10)
    until(lambda: server.connections == 0, "the connection is closed")
    assert opened.reply.text == "Read The "
    assert list(opened) == []
    ended(spans, server, "abandoned")


def test_abandoned_when_it_is_dropped(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream([*TOLD, *spoken() * 100]))
    opened = open_stream()
    told(opened)
    gc.disable()  # what is dropped lets go of its connection at once, and not when the collector comes around
    try:
        del opened
        until(lambda: server.connections == 0, "the connection is closed")
    finally:
        gc.enable()
    ended(spans, server, "abandoned")


def test_abandoned_when_it_is_dropped_by_another_thread(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate]))
    opened = [open_stream()]
    told(opened[0])
    dropping = threading.Thread(target=opened.clear)
    dropping.start()
    dropping.join()
    gc.collect()
    ended(spans, server, "abandoned")


def test_abandoned_when_it_is_never_read(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    opened = open_stream()
    del opened
    gc.collect()
    span = ended(spans, server, "abandoned", None)
    assert "gen_ai.output.messages" not in span.attributes


@pytest.mark.parametrize("managed", [True, False])
def test_abandoned_when_its_consumer_raises(server: ScriptedServer, spans: CapturedSpans, *, managed: bool) -> None:
    server.answers(stream([*TOLD, chunk("Hobbit.", "stop")]))
    boom = Boom("the consumer's own")

    def consume(opened: Stream[Any]) -> None:
        for each in opened:
            if each.text == "The ":
                raise boom

    def run() -> None:
        if not managed:
            return consume(open_stream())
        with open_stream() as opened:
            return consume(opened)

    with pytest.raises(Boom) as caught:
        run()
    assert caught.value is boom
    boom.__traceback__ = None  # frames in it hold the stream
    del caught
    gc.collect()
    span = ended(spans, server, "abandoned")
    assert span.events == ()


def test_abandoned_at_the_end_of_its_request_though_it_is_still_referenced(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate, chunk("Hobbit.", "stop"), usage_chunk()]))
    with scope():
        kept = open_stream()
        told(kept)
    ended(spans, server, "abandoned")
    gate.set()
    assert [each.text for each in kept] == ["Hobbit."]
    assert len(spans) == 2  # the stream's, and that of the call that followed


def test_cancelled_when_the_client_of_its_request_has_gone(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate]))
    with scope() as request:
        kept = open_stream()
        told(kept)
        request.client_gone = True
    ended(spans, server, "cancelled")
    del kept


def test_failed_when_the_provider_sends_an_error(server: ScriptedServer, spans: CapturedSpans) -> None:
    error = {"error": {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}}
    server.answers(stream([*TOLD, chunk(usage=COUNTED), error]))
    span = failed(server, spans, openai.APIError, (21, 2))
    assert exception_text(span) == "The server had an error."


def test_failed_when_the_connection_is_reset(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream(TOLD, "reset"))
    failed(server, spans, openai.APIConnectionError)


def test_failed_when_the_connection_is_torn(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream(TOLD, "torn"))
    failed(server, spans, openai.APIConnectionError)


def failed(
    server: ScriptedServer,
    spans: CapturedSpans,
    kind: type[Exception],
    usage: tuple[int | None, int | None] = (None, None),
) -> Any:
    """Read until it raises, then check the span."""
    opened = open_stream()
    with pytest.raises(kind) as caught:
        list(opened)
    assert type(caught.value) is kind
    assert list(opened) == []
    return ended(spans, server, "failed", usage=usage, error_type=f"openai.{kind.__name__}")


def exception_text(span: Any) -> Any:
    """What the span's only event says."""
    (event,) = span.events
    assert event.name == "exception"
    return event.attributes["exception.message"]


def test_cut_short(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream([*TOLD, chunk(usage=COUNTED)], "cut"))
    opened = open_stream()
    assert "".join(chunk.text for chunk in opened) == "Read The "
    assert opened.reply.finish_reasons == ()
    span = ended(spans, server, "cut_short", usage=(21, 2), error_type="_OTHER")
    assert span.attributes["gen_ai.output.messages"][0]["finish_reason"] == "error"


def test_cut_short_before_its_first_word(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream([], "cut"))
    assert list(open_stream()) == []
    ended(spans, server, "cut_short", None, error_type="_OTHER")


def test_cancelled_by_the_keyboard(server: ScriptedServer) -> None:
    def body() -> Iterator[bytes]:
        for event in TOLD:
            yield f"data: {json.dumps(event)}\n\n".encode()
        raise KeyboardInterrupt

    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body())

    http = httpx2.Client(transport=httpx2.MockTransport(handler))
    with captured_spans(PROVIDERS=providers(server, http_client=http)) as spans:
        opened = open_stream()
        with pytest.raises(KeyboardInterrupt):
            told(opened, 4)
        (span,) = spans
    assert span.attributes["llmtrace.stream.outcome"] == "cancelled"
    assert span.status.status_code is StatusCode.UNSET
    assert said(span.attributes) == "Read The "


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (refusal(400), openai.BadRequestError),
        (refusal(401), openai.AuthenticationError),
        (refusal(404, code="model_not_found"), openai.NotFoundError),
        (refusal(429), openai.RateLimitError),
        (refusal(500), openai.InternalServerError),
        (reset(), openai.APIConnectionError),
    ],
)
def test_failed_before_it_began(
    server: ScriptedServer, spans: CapturedSpans, refused: Any, kind: type[Exception]
) -> None:
    server.answers(refused)
    with pytest.raises(kind) as caught:
        open_stream(max_retries=0)
    assert type(caught.value) is kind
    ended(spans, server, "failed", None, error_type=f"openai.{kind.__name__}")


def test_the_exceptions_are_those_of_the_sdk_itself(server: ScriptedServer, spans: CapturedSpans) -> None:
    broken: list[Callable[[], Any]] = [
        lambda: stream([*TOLD, {"error": {"message": "No more.", "type": "server_error"}}]),
        lambda: stream(TOLD, "reset"),
        lambda: stream(TOLD, "torn"),
        lambda: stream([*TOLD, "data: {not json\n\n"]),
        lambda: refusal(401, "Incorrect API key provided: sk-test."),
        lambda: reset(),
    ]
    sdk = openai.OpenAI(api_key="sk-test", base_url=base_url(server), max_retries=0)
    messages: Any = [{"role": "user", "content": "Recommend a fantasy book"}]
    for script in broken:
        server.answers(script(), script())
        with pytest.raises(Exception) as bare:  # noqa: PT011
            list(sdk.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True))
        with pytest.raises(type(bare.value)) as ours:
            list(open_stream(max_retries=0))
        assert type(ours.value) is type(bare.value)
        assert str(ours.value) == str(bare.value)
        assert type(ours.value.__cause__) is type(bare.value.__cause__)
    sdk.close()
    assert len(spans) == len(broken)


def test_what_breaks_while_it_is_told_reaches_nobody(
    server: ScriptedServer, spans: CapturedSpans, mistakes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers(stream())
    opened = open_stream()
    with monkeypatch.context() as patch:
        patch.setattr("llmtrace.calls.inference.Inference.outcome", lambda *_: 1 / 0)
        assert "".join(chunk.text for chunk in opened) == TEXT
    (span,) = spans
    assert span.attributes["llmtrace.stream.outcome"] == "completed"
    assert "ZeroDivisionError" in mistakes.pop()


def test_an_event_that_nobody_understands_is_handed_on_and_told_once(
    server: ScriptedServer, spans: CapturedSpans, caplog: pytest.LogCaptureFixture
) -> None:
    strange = "data: [1, 2]\n\n"
    server.answers(stream([chunk("Read ", delta={"role": "assistant"}), strange, strange, chunk("on.", "stop")]))
    chunks = list(open_stream())
    assert [each.text for each in chunks] == ["Read ", "", "", "on."]
    assert [each.raw for each in chunks[1:3]] == [[1, 2], [1, 2]]
    ended(spans, server, "completed", "Read on.")
    assert caplog.text.count("could not be read") == 1


def test_an_answer_that_is_not_what_was_asked_for_is_told_once(server: ScriptedServer, spans: CapturedSpans) -> None:
    def refuse(reply: Any) -> Any:
        raise Boom(reply.text)

    server.answers(stream())
    opened = llm_call("gpt-4o-mini", stream=True, output_parser=refuse)(lambda: "Hello")()
    with pytest.raises(Boom, match=TEXT):
        list(opened)
    assert list(opened) == []
    (span,) = spans
    assert span.attributes["llmtrace.stream.outcome"] == "completed"
    assert str(span.attributes["error.type"]).endswith("test_stream_endings.Boom")
    assert opened.reply.text == TEXT


def test_the_reply_is_there_when_the_stream_has_ended_and_not_before(
    server: ScriptedServer, spans: CapturedSpans
) -> None:
    server.answers(stream())
    opened = open_stream()
    with pytest.raises(LLMTraceError, match="read to its end, or closed"):
        opened.reply  # noqa: B018
    list(opened)
    assert opened.reply.usage.output_tokens == 7
    assert len(spans) == 1


def test_the_callers_span_stays_current_while_a_stream_is_read(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    tracer = trace.get_tracer("tests")
    with tracer.start_as_current_span("view") as view:
        opened = open_stream()
        assert trace.get_current_span() is view
        for _ in opened:
            assert trace.get_current_span() is view
    call, outer = spans
    assert call.parent == outer.context
    assert outer.name == "view"


def test_two_streams_read_in_turn_keep_apart(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream(), stream(spoken("Or Dune instead.")))
    first, second = open_stream(), open_stream()
    pairs = list(zip(first, second, strict=True))
    assert "".join(each.text for each, _ in pairs) == TEXT
    assert "".join(each.text for _, each in pairs) == "Or Dune instead."
    assert [span.parent for span in spans] == [None, None]


def test_a_stream_that_two_threads_end_at_once_ends_its_span_once(server: ScriptedServer, spans: CapturedSpans) -> None:
    rounds = 30
    server.answers(*[stream() for _ in range(rounds)])
    for _ in range(rounds):
        opened, start = open_stream(), threading.Barrier(3)
        assert opened._reading is not None

        def end(action: Callable[[], Any], start: threading.Barrier = start) -> None:
            start.wait()
            action()

        closing = [threading.Thread(target=end, args=(opened._reading.left,)) for _ in range(2)]
        for thread in closing:
            thread.start()
        start.wait()
        for thread in closing:
            thread.join()
        opened.close()
    assert len(spans) == rounds

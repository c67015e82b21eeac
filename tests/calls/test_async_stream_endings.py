"""However a stream of async code ends, its span ends once, and tells how, with the text and the usage so far."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from opentelemetry import trace

from llmtrace import LLM
from llmtrace.calls.stream import AsyncStream
from llmtrace.testing import CapturedSpans
from llmtrace.tracing.scope import scope
from tests.calls.endings import COUNTED, TOLD, ended
from tests.servers.http import ScriptedServer, reset
from tests.servers.openai import TEXT, base_url, chunk, refusal, spoken, stream, usage_chunk
from tests.waiting import until


class Boom(Exception):
    """What a consumer of a stream raises."""


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """The server waits here in the middle of its answer, until the test is over or the client hangs up."""
    gate = threading.Event()
    yield gate
    gate.set()


def open_stream(**params: Any) -> AsyncStream[Any]:
    return LLM("gpt-4o-mini").astream("Recommend a fantasy book", **params)


async def told(opened: AsyncStream[Any], chunks: int = 3) -> None:
    """Read as far as the server has told."""
    for _ in range(chunks):
        await anext(opened)


async def test_completed(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    opened = open_stream()
    assert "".join([chunk.text async for chunk in opened]) == TEXT
    ended(spans, server, "completed", TEXT, (21, 7))
    assert [chunk async for chunk in opened] == []
    assert opened.reply.text == TEXT


async def test_awaiting_it_sends_the_request_once(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    opened = open_stream()
    assert server.requests == []
    assert await opened is opened
    assert await opened is opened
    async with opened:
        assert "".join([chunk.text async for chunk in opened]) == TEXT
    assert len(server.requests) == 1
    ended(spans, server, "completed", TEXT, (21, 7))


async def test_abandoned_by_break(server: ScriptedServer, spans: CapturedSpans, gate: threading.Event) -> None:
    server.answers(stream([*TOLD, gate]))
    async for each in open_stream():
        if each.text == "The ":
            break
    gc.collect()
    ended(spans, server, "abandoned")


async def test_abandoned_by_close(server: ScriptedServer, spans: CapturedSpans, gate: threading.Event) -> None:
    hung_up = threading.Event()
    server.answers(stream([*TOLD, gate, *spoken() * 1000], then=hung_up.set))
    opened = open_stream()
    await told(opened)
    await opened.aclose()
    await opened.aclose()
    gate.set()
    assert hung_up.wait(10)
    until(lambda: server.connections == 0, "the connection is closed")
    assert opened.reply.text == "Read The "
    assert [each async for each in opened] == []
    ended(spans, server, "abandoned")


async def test_abandoned_when_it_is_dropped(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate]))
    opened = open_stream()
    await told(opened)
    del opened
    gc.collect()
    ended(spans, server, "abandoned")


async def test_abandoned_when_it_is_never_read(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream())
    opened = await open_stream()
    del opened
    gc.collect()
    ended(spans, server, "abandoned", None)


async def test_what_is_neither_awaited_nor_read_is_never_sent(server: ScriptedServer, spans: CapturedSpans) -> None:
    opened = open_stream()
    await opened.aclose()
    assert [each async for each in opened] == []
    opened = open_stream()
    del opened
    gc.collect()
    assert server.requests == []
    assert len(spans) == 0


@pytest.mark.parametrize("managed", [True, False])
async def test_abandoned_when_its_consumer_raises(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event, *, managed: bool
) -> None:
    server.answers(stream([*TOLD, gate]))
    boom = Boom("the consumer's own")

    async def consume(opened: AsyncStream[Any]) -> None:
        async for each in opened:
            if each.text == "The ":
                raise boom

    async def run() -> None:
        if not managed:
            return await consume(open_stream())
        async with open_stream() as opened:
            return await consume(opened)

    with pytest.raises(Boom) as caught:
        await run()
    assert caught.value is boom
    boom.__traceback__ = None  # frames in it hold the stream
    del caught
    gc.collect()
    ended(spans, server, "abandoned")


async def test_abandoned_at_the_end_of_its_request_though_it_is_still_referenced(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate, chunk("Hobbit.", "stop"), usage_chunk()]))
    with scope():
        kept = open_stream()
        await told(kept)
    ended(spans, server, "abandoned")
    gate.set()
    assert [each.text async for each in kept] == ["Hobbit."]
    assert len(spans) == 2  # the stream's, and that of the call that followed


async def test_cancelled_when_the_client_of_its_request_has_gone(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate]))
    with scope() as request:
        kept = open_stream()
        await told(kept)
        request.client_gone = True
    ended(spans, server, "cancelled")
    await kept.aclose()


async def test_cancelled_when_its_task_is(server: ScriptedServer, spans: CapturedSpans, gate: threading.Event) -> None:
    server.answers(stream([*TOLD, gate]))
    opened = open_stream()
    await told(opened)
    reading = asyncio.ensure_future(anext(opened))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    ended(spans, server, "cancelled")


async def test_cancelled_while_its_consumer_works(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate]))
    reached = asyncio.Event()

    async def consume() -> None:
        async with open_stream() as opened:
            await told(opened)
            reached.set()
            await asyncio.Event().wait()

    consuming = asyncio.create_task(consume())
    await reached.wait()
    consuming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consuming
    ended(spans, server, "cancelled")


async def test_cancelled_while_it_is_being_opened(server: ScriptedServer, spans: CapturedSpans) -> None:
    asked, silent = threading.Event(), threading.Event()

    def never(connection: Any) -> bool:
        asked.set()
        return not silent.wait(10)

    server.answers(never)
    opening = asyncio.create_task(told(open_stream()))
    assert await asyncio.to_thread(asked.wait, 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    silent.set()
    ended(spans, server, "cancelled", None)


async def test_cancelled_by_a_timeout(server: ScriptedServer, spans: CapturedSpans, gate: threading.Event) -> None:
    server.answers(stream([*TOLD, gate]))
    opened = open_stream()
    await told(opened)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(opened)
    ended(spans, server, "cancelled")


async def test_a_generator_around_it_that_is_closed_has_left_it(
    server: ScriptedServer, spans: CapturedSpans, gate: threading.Event
) -> None:
    server.answers(stream([*TOLD, gate]))

    async def body() -> AsyncIterator[str]:
        async with open_stream() as opened:
            async for each in opened:
                yield each.text

    page = body()
    assert [await anext(page) for _ in range(3)] == ["", "Read ", "The "]
    await page.aclose()  # type: ignore[attr-defined]
    ended(spans, server, "abandoned")


async def test_failed_when_the_provider_sends_an_error(server: ScriptedServer, spans: CapturedSpans) -> None:
    error = {"error": {"message": "The server had an error.", "type": "server_error"}}
    server.answers(stream([*TOLD, chunk(usage=COUNTED), error]))
    span = await failed(server, spans, openai.APIError, (21, 2))
    (event,) = span.events
    assert event.attributes["exception.message"] == "The server had an error."


async def test_failed_when_the_connection_is_reset(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream(TOLD, "reset"))
    await failed(server, spans, openai.APIConnectionError)


async def test_failed_when_the_connection_is_torn(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream(TOLD, "torn"))
    await failed(server, spans, openai.APIConnectionError)


async def failed(
    server: ScriptedServer,
    spans: CapturedSpans,
    kind: type[Exception],
    usage: tuple[int | None, int | None] = (None, None),
) -> Any:
    """Read until it raises, then check the span."""
    opened = open_stream()
    with pytest.raises(kind) as caught:
        await told(opened, 100)
    assert type(caught.value) is kind
    return ended(spans, server, "failed", usage=usage, error_type=f"openai.{kind.__name__}")


async def test_cut_short(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream([*TOLD, chunk(usage=COUNTED)], "cut"))
    assert "".join([each.text async for each in open_stream()]) == "Read The "
    ended(spans, server, "cut_short", usage=(21, 2), error_type="_OTHER")


async def test_failed_before_it_began(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(refusal(401))
    opened = open_stream()
    with pytest.raises(openai.AuthenticationError):
        await anext(opened)
    ended(spans, server, "failed", None, error_type="openai.AuthenticationError")


async def test_the_exceptions_are_those_of_the_sdk_itself(server: ScriptedServer, spans: CapturedSpans) -> None:
    broken: list[Any] = [
        lambda: stream([*TOLD, {"error": {"message": "No more.", "type": "server_error"}}]),
        lambda: stream(TOLD, "reset"),
        lambda: stream(TOLD, "torn"),
        lambda: stream([*TOLD, "data: {not json\n\n"]),
        lambda: refusal(401, "Incorrect API key provided: sk-test."),
        lambda: reset(),
    ]
    sdk = openai.AsyncOpenAI(api_key="sk-test", base_url=base_url(server), max_retries=0)
    messages: Any = [{"role": "user", "content": "Recommend a fantasy book"}]
    for script in broken:
        server.answers(script(), script())
        with pytest.raises(Exception) as bare:  # noqa: PT011
            async for _ in await sdk.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True):
                pass
        with pytest.raises(type(bare.value)) as ours:
            await told(open_stream(max_retries=0), 100)
        assert type(ours.value) is type(bare.value)
        assert str(ours.value) == str(bare.value)
        assert type(ours.value.__cause__) is type(bare.value.__cause__)
    await sdk.close()
    assert len(spans) == len(broken)


async def test_the_callers_span_stays_current_while_a_stream_is_read(
    server: ScriptedServer, spans: CapturedSpans
) -> None:
    server.answers(stream())
    with trace.get_tracer("tests").start_as_current_span("view") as view:
        opened = await open_stream()
        assert trace.get_current_span() is view
        async for _ in opened:
            assert trace.get_current_span() is view
    call, outer = spans
    assert call.parent == outer.context


async def test_streams_of_two_tasks_keep_apart(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*[stream() for _ in range(8)])

    async def view(number: int) -> None:
        with trace.get_tracer("tests").start_as_current_span(f"view {number}"):
            assert "".join([each.text async for each in open_stream()]) == TEXT

    await asyncio.gather(*(view(number) for number in range(8)))
    views = {span.context.span_id for span in spans if span.name.startswith("view") and span.context}
    calls = [span for span in spans if span.name.startswith("chat")]
    assert {span.parent.span_id for span in calls if span.parent} == views
    assert len(calls) == 8


async def test_a_call_whose_coroutine_is_thrown_away_elsewhere_leaves_no_noise(
    server: ScriptedServer, spans: CapturedSpans
) -> None:
    """As happens to the tasks of a loop that is closed while they wait."""
    asked, silent = threading.Event(), threading.Event()

    def never(connection: Any) -> bool:
        asked.set()
        return not silent.wait(10)

    server.answers(never)
    waiting = LLM("gpt-4o-mini").achat("Recommend a fantasy book")

    def elsewhere() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(waiting)
        while not asked.is_set():
            loop.run_until_complete(asyncio.sleep(0.001))
        del task
        loop.run_until_complete(loop.shutdown_asyncgens())
        for each in asyncio.all_tasks(loop):
            each._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()

    await asyncio.to_thread(elsewhere)
    silent.set()
    waiting.close()
    (span,) = spans
    assert span.attributes["llmtrace.stream.outcome"] == "cancelled"

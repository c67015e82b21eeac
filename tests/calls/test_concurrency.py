"""Many calls at once, in threads and in tasks: each span has its own parent, and nothing leaks into the next."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from opentelemetry import trace

from llmtrace import LLM, llm_call, trace_attributes
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.providers import openai_sdk, registry
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import providers
from tests.servers.echo import EchoServer
from tests.servers.openai import answer, choice, completion, tools

MANY: Final = 200
TRACER: Final = trace.get_tracer("tests.concurrency")


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    """A model server that repeats."""
    with EchoServer() as server:
        yield server


@pytest.fixture
def spans(echo: EchoServer) -> Iterator[CapturedSpans]:
    """The spans that end in the test."""
    with captured_spans(PROVIDERS=providers(echo)) as spans:
        yield spans


@contextmanager
def view(number: int) -> Iterator[trace.Span]:
    """A request of a user, with that number."""
    with TRACER.start_as_current_span(f"view {number}") as span, trace_attributes(user_id=f"user {number}"):
        yield span
        assert trace.get_current_span() is span


def said(span: EndedSpan, kind: str = "output") -> str:
    """The text of a span's only message."""
    (message,) = span.attributes[f"gen_ai.{kind}.messages"]
    return "".join(part["content"] for part in message["parts"])


def check_views(spans: Sequence[EndedSpan], count: int) -> None:
    """Each call is below its own view, has its user, and holds what was said in it."""
    views = {span.context.span_id: span for span in spans if span.name.startswith("view ") and span.context}
    calls = [span for span in spans if span.name.startswith("chat ")]
    assert (len(views), len(calls), len(spans)) == (count, count, 2 * count)
    seen = set()
    for call in calls:
        assert call.parent is not None
        above = views[call.parent.span_id]
        number = above.name.removeprefix("view ")
        assert (said(call, "input"), said(call)) == (f"number {number}", f"number {number}")
        assert call.attributes["user.id"] == f"user {number}"
        assert call.context is not None
        assert above.context is not None
        assert call.context.trace_id == above.context.trace_id
        seen.add(number)
    assert len(seen) == count


def nothing_is_left(spans: CapturedSpans) -> None:
    """The next call here has no parent and no user."""
    assert trace.get_current_span() is trace.INVALID_SPAN
    spans.clear()
    LLM("gpt-4o-mini").chat("next")
    (span,) = spans
    assert span.parent is None
    assert "user.id" not in span.attributes


def test_200_calls_in_threads(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(MANY)
    llm = LLM("gpt-4o-mini")

    def work(number: int) -> None:
        with view(number):
            assert llm.chat(f"number {number}").text == f"number {number}"
        assert trace.get_current_span() is trace.INVALID_SPAN

    made = openai_sdk.OpenAI.__init__
    with ThreadPoolExecutor(MANY) as pool, mock.patch.object(openai_sdk.OpenAI, "__init__", autospec=True) as making:
        making.side_effect = made
        list(pool.map(work, range(MANY)))
        assert making.call_count == 1
        check_views(spans, MANY)
        spans.clear()
        echo.gather(0)
        list(pool.map(lambda number: llm.chat(f"number {number}"), range(MANY)))  # the same threads, without views
    assert [span.parent for span in spans] == [None] * MANY
    assert not any("user.id" in span.attributes for span in spans)
    nothing_is_left(spans)


def test_threads_that_need_a_provider_at_once_share_it(spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, load = threading.Semaphore(0), threading.Event(), registry.load_provider

    def slowly(config: Any) -> Any:
        begun.release()
        assert go_on.wait(10)
        return load(config)

    monkeypatch.setattr(registry, "load_provider", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(registry.get_provider, "default")
        assert begun.acquire(timeout=10)
        second = pool.submit(registry.get_provider, "default")
        with pytest.raises(TimeoutError):
            second.result(0.2)
        go_on.set()
        assert first.result(10) is second.result(10)


async def test_200_calls_in_gather(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(MANY)
    llm = LLM("gpt-4o-mini")

    async def work(number: int) -> None:
        with view(number):
            assert (await llm.achat(f"number {number}")).text == f"number {number}"

    await asyncio.gather(*map(work, range(MANY)))
    check_views(spans, MANY)
    echo.gather(0)
    nothing_is_left(spans)


async def test_200_streams_in_gather(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(MANY)
    llm = LLM("gpt-4o-mini")

    async def work(number: int) -> None:
        with view(number) as here:
            text = ""
            async for chunk in llm.astream(f"number {number}"):
                assert trace.get_current_span() is here
                text += chunk.text
            assert text == f"number {number}"

    await asyncio.gather(*map(work, range(MANY)))
    check_views(spans, MANY)
    echo.gather(0)
    nothing_is_left(spans)


def test_interleaved_streams_with_calls_between_their_chunks(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(0)
    llm, streams = LLM("gpt-4o-mini"), []
    for number in range(20):
        with view(number):
            streams.append(llm.stream(f"number {number}"))
    with TRACER.start_as_current_span("reader") as reader:
        texts = [""] * len(streams)
        for _ in range(4):  # a role, two words, the reason
            for number, stream in enumerate(streams):
                texts[number] += next(stream).text
                assert trace.get_current_span() is reader
            llm.chat("between")
        assert [next(stream, None) for stream in streams] == [None] * len(streams)
    assert texts == [f"number {number}" for number in range(len(streams))]
    between = [span for span in spans if span.name.startswith("chat ") and said(span) == "between"]
    (outer,) = spans.named("reader")
    assert [span.parent for span in between] == [outer.context] * 4
    check_views([span for span in spans if span not in between and span is not outer], len(streams))
    nothing_is_left(spans)


def test_a_call_in_a_tool_is_below_the_tool(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(0)
    echo.answers(
        answer(completion(choice(None, "tool_calls", **tools(("c1", "translate", '{"text": "Hund"}'))))),
    )

    def translate(text: str) -> str:
        """Translate a text."""
        return LLM("gpt-4o-mini").chat(f"Translate {text}").text

    @llm_call("gpt-4o", tools=[translate], tool_rounds=2)
    def explain(word: str) -> str:
        return f"Explain {word}"

    with view(1):
        assert explain("Hund").text == "Translate Hund"
    names = {span.context.span_id: span.name for span in spans if span.context}
    assert [(span.name, names[span.parent.span_id] if span.parent else None) for span in spans] == [
        ("chat gpt-4o", "explain"),
        ("chat gpt-4o-mini", "execute_tool translate"),
        ("execute_tool translate", "explain"),
        ("chat gpt-4o", "explain"),
        ("explain", "view 1"),
        ("view 1", None),
    ]
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    nothing_is_left(spans)


async def test_calls_that_a_prompt_is_made_of_are_beside_it_and_those_of_a_consumer_too(
    echo: EchoServer, spans: CapturedSpans
) -> None:
    echo.gather(0)

    @llm_call("gpt-4o-mini")
    async def shorten(text: str) -> str:
        return f"short {text}"

    @llm_call("gpt-4o-mini", stream=True)
    async def tell(text: str) -> str:
        return f"tell {(await shorten(text)).text}"

    with view(1):
        async for chunk in tell("a story"):
            if chunk.text.strip() == "short":
                await shorten("more")
    (above,) = spans.named("view 1")
    assert [span.parent for span in spans.named("shorten")] == [above.context] * 2
    assert [span.parent for span in spans.named("tell")] == [above.context]
    nothing_is_left(spans)


async def test_a_stream_that_is_made_in_one_task_and_read_in_another(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(0)
    made: asyncio.Queue[Any] = asyncio.Queue()
    llm = LLM("gpt-4o-mini")

    async def make() -> None:
        with view(1):
            await made.put(await llm.astream("number 1"))

    async def read() -> None:
        with view(2) as here:
            stream = await made.get()
            assert [chunk.text async for chunk in stream if chunk.text] == ["number ", "1"]
            assert trace.get_current_span() is here
            await llm.achat("number 2")

    reading = asyncio.create_task(read())
    await asyncio.create_task(make())
    await reading
    check_views(spans, 2)
    nothing_is_left(spans)


def test_a_stream_that_is_made_in_one_thread_and_read_in_another(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(0)
    llm, made = LLM("gpt-4o-mini"), []

    def make() -> None:
        with view(1):
            made.append(llm.stream("number 1"))

    def read() -> None:
        with view(2):
            assert "".join(chunk.text for chunk in made.pop()) == "number 1"
            llm.chat("number 2")
        assert trace.get_current_span() is trace.INVALID_SPAN

    for work in (make, read):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    check_views(spans, 2)
    nothing_is_left(spans)


def test_a_stream_that_is_read_in_a_context_of_its_own(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(0)
    with view(1):
        stream = LLM("gpt-4o-mini").stream("number 1")
        contexts = [contextvars.copy_context() for _ in range(4)]
    assert "".join(context.run(next, stream).text for context in contexts) == "number 1"
    assert next(stream, None) is None
    check_views(spans, 1)
    nothing_is_left(spans)


async def test_bridges_between_sync_and_async_code_keep_the_parent(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(0)
    llm = LLM("gpt-4o-mini")
    with view(1):
        await sync_to_async(llm.chat)("number 1")
    with view(2):
        await asyncio.to_thread(llm.chat, "number 2")
    with view(3):
        await sync_to_async(lambda: async_to_sync(llm.achat)("number 3"))()
    check_views(spans, 3)
    nothing_is_left(spans)


async def test_tasks_keep_the_parent_that_they_were_started_under(echo: EchoServer, spans: CapturedSpans) -> None:
    echo.gather(2)
    llm = LLM("gpt-4o-mini")
    with view(1):
        first = asyncio.create_task(llm.achat("number 1"))
    with view(2):
        second = asyncio.create_task(llm.achat("number 2"))
    await asyncio.gather(first, second)
    check_views(spans, 2)
    echo.gather(0)
    nothing_is_left(spans)

"""Each provider when something goes wrong: the caller sees what the bare SDK raises, the span says what happened."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import pytest
import pytest_asyncio
from opentelemetry.trace import StatusCode

from llmtrace import LLM
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.testing import CapturedSpans
from llmtrace.types import Usage
from tests.providers.bare import PROMPT, Bare, bare
from tests.providers.house import House
from tests.providers.rows import ROWS, Row
from tests.servers.http import Script, break_off, head, reset, whole
from tests.servers.wire import TEXT, Host, Said, Wire, answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTS: Final = ROWS[:12]
"""Those left out answer as others do that speak OpenAI's protocol, through the same code."""

PATIENCE_S: Final = 0.4  # for the connection as well, on a busy machine
BEGUN: Final = "Read The "
WAYS: Final = ("call", "async", "stream", "async stream")

Seen = tuple[str, str, str] | None
"""What a caller sees: the class of an exception, its text and the class of its cause; None when nothing is raised."""


class Case:
    """A provider, its server, and its SDK without llmtrace."""

    def __init__(self, row: Row, host: Host, spans: CapturedSpans, sdk: Bare) -> None:
        self.row = row
        self.host = host
        self.wire: Wire = host.wire
        self.spans = spans
        self.sdk = sdk
        self.llm = LLM(row.asked, provider=row.name)
        self.reply: Any = None
        self.text = ""
        self.begun = asyncio.Event()

    async def ask(self, way: str, **params: Any) -> None:
        """Ask through llmtrace."""
        if way == "call":
            self.reply = self.llm.chat(PROMPT, **params)
        elif way == "async":
            self.reply = await self.llm.achat(PROMPT, **params)
        elif way == "stream":
            with self.llm.stream(PROMPT, **params) as opened:
                for chunk in opened:
                    self.text += chunk.text
            self.reply = opened.reply
        else:
            async with self.llm.astream(PROMPT, **params) as streaming:
                async for chunk in streaming:
                    self.text += chunk.text
                    if self.text == BEGUN:
                        self.begun.set()
            self.reply = streaming.reply

    async def ask_bare(self, way: str, limit: float | None = None) -> None:
        """Ask the SDK itself."""
        if way == "call":
            self.sdk.call(limit)
        elif way == "stream":
            self.sdk.stream(limit)
        else:
            await (self.sdk.acall(limit) if way == "async" else self.sdk.astream(limit))

    async def compare(self, way: str, script: Callable[[], Script], limit: float | None = None) -> Seen:
        """What the caller sees, after it was compared with what the SDK itself lets one see of the same answer."""
        self.host.answers(script())
        expected = await seen(self.ask_bare(way, limit))
        self.spans.clear()
        self.host.answers(script())
        found = await seen(self.ask(way, **({} if limit is None else {"timeout": limit})))
        assert self.host.refused == []
        assert found == expected
        return found

    def span(self) -> EndedSpan:
        """The call's span, the only one."""
        (span,) = self.spans
        assert span.attributes["gen_ai.provider.name"] == self.row.says
        assert span.attributes["gen_ai.request.model"] == self.row.asked
        assert span.attributes["gen_ai.input.messages"][-1]["parts"] == [{"type": "text", "content": PROMPT}]
        return span

    def failed(self, way: str, found: Seen, status: int | None = None) -> EndedSpan:
        """The span of a call that raised."""
        assert found is not None
        span = self.span()
        attributes = span.attributes
        assert span.status.status_code is StatusCode.ERROR
        assert attributes["error.type"] == found[0]
        assert attributes.get("http.response.status_code") == status
        assert attributes.get("llmtrace.stream.outcome") == ("failed" if "stream" in way else None)
        (event,) = span.events
        assert event.attributes is not None
        assert (event.name, event.attributes["exception.type"]) == ("exception", found[0])
        assert event.attributes["exception.message"] == found[1]
        return span

    def answered(self, way: str, said: Said | None, usage: Usage, outcome: str = "completed") -> EndedSpan:
        """The span of a call that was answered, `said` None where nothing was said."""
        span = self.span()
        attributes = span.attributes
        assert attributes.get("llmtrace.stream.outcome") == (outcome if "stream" in way else None)
        reasons = () if said is None else (self.wire.words[said.finish],)
        assert tuple(attributes.get("gen_ai.response.finish_reasons", ())) == self.reply.finish_reasons == reasons
        assert self.reply.usage == usage
        assert used(span) == usage
        return span


async def seen(asking: Awaitable[None]) -> Seen:
    """What a caller sees of a call."""
    try:
        await asking
    except Exception as error:
        return named(type(error)), str(error), named(type(error.__cause__))
    return None


def named(kind: type) -> str:
    """A class's name as spans have it."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def used(span: EndedSpan) -> Usage:
    """The tokens that a span has."""
    names = ("input_tokens", "output_tokens", "cache_read.input_tokens", "cache_write.input_tokens")
    counts = [span.attributes.get(f"gen_ai.usage.{name}") for name in (*names, "reasoning.output_tokens")]
    return Usage(*counts)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdks(house: House) -> AsyncIterator[Callable[[Row], Bare]]:
    """The SDKs without llmtrace, each made once."""
    made: dict[str, Bare] = {}

    def get(row: Row) -> Bare:
        if row.name not in made:
            made[row.name] = bare(row, house.host(row))
        return made[row.name]

    yield get
    for each in made.values():
        await each.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """The server waits here until the test is over."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture(params=HOSTS, ids=str)
def case(request: pytest.FixtureRequest, house: House, sdks: Callable[[Row], Bare]) -> Case:
    """A provider that has not been asked yet."""
    row: Row = request.param
    return Case(row, house.host(row), house.spans, sdks(row))


def begun(wire: Wire) -> list[bytes]:
    """The events of an answer up to its second word."""
    events = wire.events(Said())
    return events[: next(number for number, each in enumerate(events) if b"The " in each) + 1]


def broken(body: Any, end: str) -> Script:
    """A whole answer that ends in its middle."""
    data = json.dumps(body).encode()
    sent = head(200, {"content-type": "application/json", "content-length": str(len(data))}) + data[: len(data) // 2]
    return reset(sent) if end == "reset" else torn(sent)


def torn(sent: bytes) -> Script:
    """An answer whose connection is closed after `sent`."""

    def write(connection: Any) -> bool:
        connection.sendall(sent)
        return False

    return write


def slow(gate: threading.Event) -> Script:
    """An answer that does not come."""

    def write(connection: Any) -> bool:
        gate.wait(10)
        break_off(connection)
        return False

    return write


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_an_error_of_the_host(case: Case, way: str, status: int) -> None:
    found = await case.compare(way, lambda: case.wire.error(status, "No, because of that."))
    assert found is not None
    assert "No, because of that." in found[1]
    span = case.failed(way, found, status)
    assert not any(name.startswith(("gen_ai.usage", "gen_ai.response")) for name in span.attributes)
    assert "gen_ai.output.messages" not in span.attributes


@pytest.mark.parametrize("way", WAYS)
async def test_a_reset_before_the_answer(case: Case, way: str) -> None:
    case.failed(way, await case.compare(way, reset))


@pytest.mark.parametrize("end", ["reset", "torn"])
@pytest.mark.parametrize("way", ["call", "async"])
async def test_a_break_inside_an_answer(case: Case, way: str, end: str) -> None:
    found = await case.compare(way, lambda: broken(case.wire.body(Said()), end))
    if found is None:  # boto3 takes what has come for the whole
        case.answered(way, None, Usage())
    else:
        case.failed(way, found)


@pytest.mark.parametrize("end", ["reset", "torn"])
@pytest.mark.parametrize("way", ["stream", "async stream"])
async def test_a_break_inside_a_stream(case: Case, way: str, end: Any) -> None:
    found = await case.compare(way, lambda: case.wire.flow(begun(case.wire), end))
    span = case.failed(way, found)
    so_far(case, span)


def so_far(case: Case, span: EndedSpan) -> None:
    """All that was known when a stream broke off."""
    attributes = span.attributes
    assert case.text == BEGUN
    (message,) = attributes["gen_ai.output.messages"]
    assert message["parts"] == [{"type": "text", "content": BEGUN}]
    assert message["finish_reason"] == "error"
    assert (attributes.get("gen_ai.response.id"), attributes.get("gen_ai.response.model")) == (
        case.wire.id,
        case.wire.model,
    )
    assert used(span) == case.wire.early
    assert attributes["gen_ai.response.time_to_first_chunk"] > 0
    assert "gen_ai.response.finish_reasons" not in attributes


@pytest.mark.parametrize("way", ["stream", "async stream"])
async def test_an_error_among_the_events_of_a_stream(case: Case, way: str) -> None:
    def script() -> Script:
        return case.wire.flow([*begun(case.wire), case.wire.failing("The model is overloaded.")])

    if case.row.name == "openai responses":
        case.host.answers(script())
        found = await seen(case.ask(way))
        assert found == ("openai.APIError", "The model is overloaded.", "NoneType")
    else:
        found = await case.compare(way, script)
    if case.row.name == "cohere":
        assert found is None
        span = case.span()
        assert span.attributes["llmtrace.stream.outcome"] == "cut_short"
        assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "_OTHER")
    else:
        span = case.failed(way, found, 503 if case.row.name == "google" else None)
    so_far(case, span)


@pytest.mark.parametrize("way", ["call", "async"])
async def test_an_answer_that_is_no_json(case: Case, way: str) -> None:
    found = await case.compare(way, lambda: whole(200, b'{"id": not json', {"content-type": "application/json"}))
    if found is None:  # boto3 takes it
        case.answered(way, None, Usage())
        assert case.reply.text == ""
    else:
        case.failed(way, found)


@pytest.mark.parametrize("way", ["stream", "async stream"])
async def test_an_event_that_is_no_json(case: Case, way: str) -> None:
    found = await case.compare(way, lambda: case.wire.flow([*begun(case.wire), case.wire.garbled()]))
    if found is None:  # Cohere's SDK passes over it
        span = case.span()
        assert span.attributes["llmtrace.stream.outcome"] == "cut_short"
    else:
        span = case.failed(way, found)
    so_far(case, span)


@pytest.mark.parametrize("way", ["stream", "async stream"])
async def test_a_stream_that_ends_without_its_end(case: Case, way: str) -> None:
    assert await case.compare(way, lambda: case.wire.flow(begun(case.wire), "cut")) is None
    span = case.span()
    assert span.attributes["llmtrace.stream.outcome"] == "cut_short"
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "_OTHER")
    so_far(case, span)
    assert (case.reply.text, case.reply.finish_reasons, case.reply.usage) == (BEGUN, (), case.wire.early)


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_without_usage(case: Case, way: str) -> None:
    said = Said(counted=False)
    make = case.wire.streamed if "stream" in way else case.wire.whole
    assert await case.compare(way, lambda: make(said)) is None
    span = case.answered(way, said, Usage())
    assert span.status.status_code is StatusCode.UNSET
    assert case.reply.text == TEXT
    assert case.reply.cost is None
    assert "llmtrace.cost" not in span.attributes


@pytest.mark.parametrize("way", ["call", "async"])
async def test_an_answer_in_which_nothing_is_said(case: Case, way: str) -> None:
    assert await case.compare(way, lambda: answer(case.wire.empty())) is None
    span = case.span()
    assert (case.reply.text, case.reply.tool_calls) == ("", ())
    assert (used(span).input_tokens, case.reply.usage.input_tokens) == (21, 21)
    assert span.status.status_code is StatusCode.UNSET
    messages = span.attributes.get("gen_ai.output.messages", [])
    assert all(message["parts"] == [] for message in messages)


@pytest.mark.parametrize("way", ["stream", "async stream"])
async def test_a_stream_in_which_nothing_comes(case: Case, way: str) -> None:
    assert await case.compare(way, lambda: case.wire.flow([], "cut")) is None
    span = case.span()
    assert span.attributes["llmtrace.stream.outcome"] == "cut_short"
    assert span.status.status_code is StatusCode.ERROR
    assert "gen_ai.output.messages" not in span.attributes
    assert "gen_ai.response.time_to_first_chunk" not in span.attributes


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("finish", ["length", "filter"])
async def test_an_answer_that_was_ended_early(case: Case, way: str, finish: Any) -> None:
    said = Said(BEGUN, finish=finish)
    make = case.wire.streamed if "stream" in way else case.wire.whole
    assert await case.compare(way, lambda: make(said)) is None
    failed = case.wire.words[finish] in case.wire.failures
    span = case.answered(way, said, case.wire.usage, "failed" if failed else "completed")
    assert span.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
    assert span.attributes.get("error.type") == (case.wire.words[finish] if failed else None)
    assert case.reply.text == BEGUN


@pytest.mark.parametrize("way", ["call", "async"])
async def test_an_answer_that_does_not_come_in_time(case: Case, way: str, gate: threading.Event) -> None:
    case.failed(way, await case.compare(way, lambda: slow(gate), PATIENCE_S))


@pytest.mark.parametrize("way", ["stream", "async stream"])
async def test_a_stream_that_stops_in_its_middle(case: Case, way: str, gate: threading.Event) -> None:
    found = await case.compare(way, lambda: case.wire.flow([*begun(case.wire), gate], "torn"), PATIENCE_S)
    span = case.failed(way, found)
    so_far(case, span)


@pytest.mark.parametrize("way", ["async", "async stream"])
async def test_a_call_that_is_cancelled(case: Case, way: str, gate: threading.Event) -> None:
    asked = threading.Event()
    waiting = slow(gate) if way == "async" else case.wire.flow([*begun(case.wire), gate], "torn")

    def script(connection: Any) -> bool:
        asked.set()
        return waiting(connection)

    case.host.answers(script)
    asking = asyncio.create_task(case.ask(way))
    assert await asyncio.to_thread(asked.wait, 10)
    if way != "async":
        await case.begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    gate.set()
    span = case.span()
    assert span.attributes["llmtrace.stream.outcome"] == "cancelled"
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()
    if way != "async":
        so_far(case, span)


RETRYING: Final[Mapping[str, Mapping[str, Any]]] = {
    # Its SDK waits a second and more unless it is told otherwise.
    "google": {"extra": {"http_options": {"retry_options": {"attempts": 2, "initial_delay": 0.01, "jitter": 0.01}}}},
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_refusal_that_is_tried_again(case: Case, way: str) -> None:
    make = case.wire.streamed if "stream" in way else case.wire.whole
    case.host.answers(case.wire.error(429, "Too many.", retry_after_ms="2"), make())
    found = await seen(case.ask(way, **RETRYING.get(case.row.name, {"max_retries": 1})))
    if case.row.name == "cohere" and "stream" in way:  # its SDK does not try a stream again
        case.failed(way, found, 429)
        return
    assert (found, len(case.host.requests)) == (None, 2)
    span = case.answered(way, Said(), case.wire.usage)
    assert span.status.status_code is StatusCode.UNSET
    (event,) = span.events
    assert event.name == "llmtrace.retry"
    assert event.attributes is not None
    assert (event.attributes["attempt"], event.attributes["http.response.status_code"]) == (1, 429)
    wait = event.attributes["wait_s"]
    assert isinstance(wait, float)
    assert 0 < wait < 2
    assert "error.type" not in event.attributes


@pytest.mark.parametrize("way", ["call", "async"])
async def test_a_reset_that_is_tried_again(case: Case, way: str) -> None:
    case.host.answers(reset(), case.wire.whole())
    found = await seen(case.ask(way, **RETRYING.get(case.row.name, {"max_retries": 1})))
    span = case.span()
    retries = [event for event in span.events if event.name == "llmtrace.retry"]
    assert len(retries) == len(case.host.requests) - 1
    if found is not None:  # these SDKs do not try again
        assert case.row.name in ("cohere", "google")
        return
    (event,) = retries
    assert event.attributes is not None
    assert event.attributes["attempt"] == 1
    assert "http.response.status_code" not in event.attributes
    assert str(event.attributes["error.type"]).startswith(("httpx", "botocore", "anthropic"))

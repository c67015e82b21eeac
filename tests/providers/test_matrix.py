"""Each provider in each mode and each style of prompt: what goes out, what the caller gets, and the whole span."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel

from llmtrace import LLM, Message
from llmtrace.calls.reply import Reply
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.testing import CapturedSpans
from tests.providers.house import House
from tests.providers.matrix import COLUMNS, promised, table
from tests.providers.prompts import TURNS, functions
from tests.providers.rows import MODES, ROWS, STYLES, Row
from tests.servers.wire import TEXT, Called, Heard, Host, Said

PROMPT: Final = "Recommend a fantasy book, as JSON"
ASKED: Final[dict[str, Any]] = {"temperature": 0.2, "max_tokens": 64}
DATA: Final = {"title": "The Hobbit", "year": 1937}
CALLS: Final = (
    Called("call00001", "look_up", {"title": "Dune", "copies": 2}),
    Called("call00002", "look_up", {"title": "Émile", "copies": 1}),
)
DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "providers.md"


class Book(BaseModel):
    """A book."""

    title: str
    year: int


def look_up(title: str, copies: int = 1) -> str:
    """Look a book up in the catalogue.

    Args:
        title: the book's title.
        copies: how many are wanted.
    """
    return f"{title}: {copies}"


class Cell:
    """A provider that is being asked."""

    def __init__(self, row: Row, host: Host, spans: CapturedSpans) -> None:
        self.row = row
        self.host = host
        self.wire = host.wire
        self.spans = spans
        self.llm = LLM(row.asked, provider=row.name)

    def answers(self, *said: Said, streamed: bool = False) -> None:
        """What the model says to the next requests."""
        make = self.wire.streamed if streamed else self.wire.whole
        self.host.answers(*map(make, said))

    def heard(self, streamed: bool, number: int = -1, count: int = 1) -> Heard:
        """What the server was asked, after what all requests have in common was checked."""
        assert self.host.refused == []
        assert len(self.host.requests) == count
        heard = self.host.heard[number]
        assert heard.model == self.row.asked
        assert heard.streamed is streamed
        settings = {name: value for name, value in heard.settings.items() if name != "tool_choice"}
        assert settings == ASKED
        return heard

    def span(self, reply: Reply[Any], said: Said, *, streamed: bool, number: int = -1, count: int = 1) -> EndedSpan:
        """The span, after it and the reply were compared with what the model has said."""
        assert len(self.spans) == count
        span = self.spans[number]
        wire, attributes = self.wire, span.attributes
        reasons = (wire.words[said.finish],)
        assert (reply.model, reply.id, reply.finish_reasons) == (wire.model, wire.id, reasons)
        assert reply.usage == wire.usage
        assert span.context is not None
        assert (reply.span_id, reply.trace_id) == (f"{span.context.span_id:016x}", f"{span.context.trace_id:032x}")
        expected = {
            "gen_ai.provider.name": self.row.says,
            "gen_ai.request.model": self.row.asked,
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 64,
            "gen_ai.request.stream": True if streamed else None,
            "gen_ai.response.model": wire.model,
            "gen_ai.response.id": wire.id,
            "gen_ai.response.finish_reasons": reasons,
            "gen_ai.usage.input_tokens": wire.usage.input_tokens,
            "gen_ai.usage.output_tokens": wire.usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": wire.usage.cached_tokens,
            "gen_ai.usage.cache_write.input_tokens": wire.usage.cache_write_tokens,
            "gen_ai.usage.reasoning.output_tokens": wire.usage.reasoning_tokens,
            "llmtrace.stream.outcome": "completed" if streamed else None,
            "error.type": None,
            "server.address": "127.0.0.1",
            "server.port": self.host.port,
        }
        assert {name: attributes.get(name) for name in expected} == expected
        assert ("gen_ai.response.time_to_first_chunk" in attributes) is streamed
        assert attributes["gen_ai.operation.name"] == ("generate_content" if self.row.name == "google" else "chat")
        assert (span.kind, span.status.status_code, span.parent) == (SpanKind.CLIENT, StatusCode.UNSET, None)
        assert (tuple(span.events), tuple(span.links)) == ((), ())
        assert output(span) == said_parts(said)
        return span


def output(span: EndedSpan) -> list[dict[str, Any]]:
    """The parts of the only message of the answer, but for what the model thought."""
    (message,) = span.attributes["gen_ai.output.messages"]
    assert message["role"] == "assistant"
    assert [message["finish_reason"]] == list(span.attributes["gen_ai.response.finish_reasons"])
    return [part for part in message["parts"] if part["type"] != "reasoning"]


def said_parts(said: Said) -> list[dict[str, Any]]:
    """What was said, in the form of the GenAI conventions."""
    parts: list[dict[str, Any]] = [] if not said.text else [{"type": "text", "content": said.text}]
    calls = [{"id": each.id, "name": each.name, "arguments": dict(each.arguments)} for each in said.calls]
    return parts + [{"type": "tool_call", **each} for each in calls]


def input_text(span: EndedSpan) -> list[tuple[str, str]]:
    """What was sent, as the span has it, system text first wherever it stands."""
    turns = [("system", part["content"]) for part in span.attributes.get("gen_ai.system_instructions", ())]
    messages = span.attributes["gen_ai.input.messages"]
    return turns + [(each["role"], "".join(part.get("content", "") for part in each["parts"])) for each in messages]


@pytest.fixture
def cell(house: House, request: pytest.FixtureRequest) -> Cell:
    """A provider that has not been asked yet."""
    return Cell(request.param, house.host(request.param), house.spans)


async def call(cell: Cell) -> None:
    cell.answers(Said())
    reply = cell.llm.chat(PROMPT, **ASKED)
    plain(cell, reply, streamed=False)


async def async_call(cell: Cell) -> None:
    cell.answers(Said())
    reply = await cell.llm.achat(PROMPT, **ASKED)
    plain(cell, reply, streamed=False)


async def stream(cell: Cell) -> None:
    cell.answers(Said(), streamed=True)
    with cell.llm.stream(PROMPT, **ASKED) as opened:
        chunks = list(opened)
    spoken(chunks)
    plain(cell, opened.reply, streamed=True)


async def async_stream(cell: Cell) -> None:
    cell.answers(Said(), streamed=True)
    async with cell.llm.astream(PROMPT, **ASKED) as opened:
        chunks = [chunk async for chunk in opened]
    spoken(chunks)
    plain(cell, opened.reply, streamed=True)


def spoken(chunks: list[Any]) -> None:
    """The chunks have the text word by word, and the end is told once."""
    assert [chunk.text for chunk in chunks if chunk.text] == ["Read ", "The ", "Hobbit."]
    assert len([chunk for chunk in chunks if chunk.finish_reason]) == 1


def plain(cell: Cell, reply: Reply[Any], *, streamed: bool) -> None:
    """A plain answer."""
    assert (reply.text, reply.tool_calls, reply.parsed) == (TEXT, (), None)
    heard = cell.heard(streamed)
    assert (heard.turns, heard.tools, heard.shape) == ((("user", PROMPT),), (), "text")
    span = cell.span(reply, Said(), streamed=streamed)
    assert input_text(span) == [("user", PROMPT)]
    assert span.name == f"{span.attributes['gen_ai.operation.name']} {cell.row.asked}"


async def tools(cell: Cell) -> None:
    asking, last = Said(None, CALLS, "tools"), Said()
    cell.answers(asking, last)
    reply = cell.llm.chat(PROMPT, tools=[look_up], **ASKED)
    told(cell, reply, asking, streamed=False)
    final = cell.llm.chat(going_on(reply), tools=[look_up], **ASKED)
    ran(cell, final, last, streamed=False)


async def streamed_tools(cell: Cell) -> None:
    asking, last = Said("Let me see. ", CALLS, "tools"), Said()
    cell.answers(asking, last, streamed=True)
    opened = cell.llm.stream(PROMPT, tools=[look_up], **ASKED)
    assert "".join(chunk.text for chunk in opened) == "Let me see. "
    told(cell, opened.reply, asking, streamed=True)
    final = cell.llm.stream(going_on(opened.reply), tools=[look_up], **ASKED)
    assert "".join(chunk.text for chunk in final) == TEXT
    ran(cell, final.reply, last, streamed=True)


def told(cell: Cell, reply: Reply[Any], said: Said, *, streamed: bool) -> None:
    """The model has asked for tools."""
    assert [(each.id, each.name, each.arguments) for each in reply.tool_calls] == [
        (each.id, each.name, each.arguments) for each in CALLS
    ]
    assert cell.heard(streamed).tools == ("look_up",)
    span = cell.span(reply, said, streamed=streamed)
    (definition,) = span.attributes["gen_ai.tool.definitions"]
    assert (definition["type"], definition["name"]) == ("function", "look_up")
    assert definition["description"] == "Look a book up in the catalogue."
    assert definition["parameters"]["properties"].keys() == {"title", "copies"}


def going_on(reply: Reply[Any]) -> list[Any]:
    """The conversation with the tools' results."""
    return [*reply.messages, *(Message.tool(call.run(), call.id or "", call.name) for call in reply.tool_calls)]


def ran(cell: Cell, reply: Reply[Any], said: Said, *, streamed: bool) -> None:
    """The tools were run, and the model has answered."""
    assert reply.text == TEXT
    heard = cell.heard(streamed, count=2)
    assert heard.results == (("call00001", "Dune: 2"), ("call00002", "Émile: 1"))
    assert [span.name for span in cell.spans][1:3] == ["execute_tool look_up"] * 2
    span = cell.span(reply, said, streamed=streamed, count=4)
    results = [part for message in span.attributes["gen_ai.input.messages"] for part in message["parts"]]
    given = [part["response"] for part in results if part["type"] == "tool_call_response"]
    assert given in (["Dune: 2", "Émile: 1"], [{"result": "Dune: 2"}, {"result": "Émile: 1"}])
    assert [part["id"] for part in results if part["type"] == "tool_call"] == ["call00001", "call00002"]


async def structured(cell: Cell) -> None:
    said = Said(None, (Called("call00001", "Book", DATA),), "tools") if cell.row.as_tool else Said(json.dumps(DATA))
    for streamed in (False, True):
        cell.host.forget()
        cell.spans.clear()
        cell.answers(said, streamed=streamed)
        reply: Reply[Book]
        if streamed:
            opened = cell.llm.stream(PROMPT, response_model=Book, **ASKED)
            list(opened)
            reply = opened.reply
        else:
            reply = cell.llm.chat(PROMPT, response_model=Book, **ASKED)
        assert reply.parsed == Book(title="The Hobbit", year=1937)
        assert (json.loads(reply.text), reply.tool_calls) == (DATA, ())
        assert cell.heard(streamed).shape == cell.row.schema
        cell.span(reply, said, streamed=streamed)


async def json_mode(cell: Cell) -> None:
    said = Said(json.dumps(DATA))
    cell.answers(said)
    reply = cell.llm.chat(PROMPT, json_mode=True, **ASKED)
    assert json.loads(reply.text) == DATA
    heard = cell.heard(False)
    assert heard.shape == cell.row.json
    assert heard.turns[-1] == ("user", PROMPT)
    cell.span(reply, said, streamed=False)


RUN: Final[Mapping[str, Callable[[Cell], Awaitable[None]]]] = dict(
    zip(MODES, (call, async_call, stream, async_stream, tools, streamed_tools, structured, json_mode), strict=True)
)


def cells(columns: Callable[[Row], tuple[str, ...]]) -> pytest.MarkDecorator:
    """A test for each provider and each of its columns."""
    pairs = [pytest.param(row, each, id=f"{row}-{each}") for row in ROWS for each in columns(row)]
    return pytest.mark.parametrize(("cell", "column"), pairs, indirect=["cell"])


@pytest.mark.asyncio(loop_scope="module")
@cells(lambda row: row.modes)
async def test_each_provider_in_each_mode(cell: Cell, column: str, record_property: Any) -> None:
    record_property("cell", ("mode", cell.row.name, column))
    await RUN[column](cell)


@pytest.mark.asyncio(loop_scope="module")
@cells(lambda row: STYLES)
async def test_each_provider_with_each_style_of_prompt(cell: Cell, column: str, record_property: Any) -> None:
    style = column
    record_property("cell", ("prompt", cell.row.name, style))
    cell.answers(Said())
    reply = functions(cell.row.asked, provider=cell.row.name, **ASKED)[style]("fantasy")
    assert reply.text == TEXT
    assert cell.heard(False).turns == TURNS[style]
    span = cell.span(reply, Said(), streamed=False)
    assert input_text(span) == list(TURNS[style])
    assert span.name == style.replace(" ", "_")
    assert span.attributes["gen_ai.prompt.name"] == style.replace(" ", "_")
    assert span.attributes["gen_ai.prompt.variable.genre"] == "fantasy"
    template = span.attributes.get("llmtrace.prompt.template")
    assert template == ("SYSTEM: You are a librarian\nUSER: Recommend a {genre} book" if style == "template" else None)
    assert ("gen_ai.prompt.version" in span.attributes) is (style == "template")


def test_the_documentation_has_the_matrix() -> None:
    text = DOCS.read_text()
    for name in COLUMNS:
        assert table(name, promised) in text, f"docs/providers.md needs this table:\n{table(name, promised)}"

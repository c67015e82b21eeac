"""Tools: their schemas, their runs, and calls that run them by themselves."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final, Literal

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel, Field, ValidationError

from llmtrace import LLM, Message, llm_call, tool
from llmtrace.calls.reply import Reply
from llmtrace.calls.tools import Tool
from llmtrace.testing import CapturedSpans, captured_spans
from llmtrace.types import ToolCall
from tests.scripted import ask, providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import TEXT, answer, choice, completion, tools

Step = tuple[str, str | None]


class Shelf(enum.Enum):
    """Where books stand."""

    FICTION = "fiction"
    SCIENCE = "science"


class Author(BaseModel):
    """Who wrote it."""

    name: str
    born: date | None = None


def plain(title: str, copies: int = 1) -> str:
    """Order a book.

    It comes in a week.

    Args:
        title: the book's title,
            as it stands on the cover.
        copies (int): how many.

    Returns:
        The order's number.
    """
    return f"{title} x{copies}"


def rest(title: str, shelf: Shelf) -> str:
    """Put a book away.

    :param title: the book's title
    :param str shelf: where to
    :returns: nothing
    """
    return f"{title} to {shelf.name}"


def rich(
    author: Author,
    tags: list[str],
    size: Literal["small", "large"] = "small",
    limit: Annotated[int, Field(ge=1, le=9, description="the most to find")] = 3,
    after: date | None = None,
    *rest: str,
    **more: Any,
) -> str:
    return f"{author.name} {tags} {size} {limit} {after}"


def spec(function: Callable[..., Any]) -> dict[str, Any]:
    """A tool's definition."""
    made: Tool[Any, Any] = function if isinstance(function, Tool) else Tool(function)
    return made.spec


def test_the_schema_is_that_of_signature_and_docstring() -> None:
    assert spec(plain) == {
        "name": "plain",
        "description": "Order a book.\n\nIt comes in a week.",
        "parameters": {
            "type": "object",
            "additionalProperties": False,
            "required": ["title"],
            "properties": {
                "title": {
                    "type": "string",
                    "description": "the book's title, as it stands on the cover.",
                },
                "copies": {"type": "integer", "default": 1, "description": "how many."},
            },
        },
    }


def test_docstrings_may_be_restructured_text_and_types_enumerations() -> None:
    found = spec(rest)
    assert found["description"] == "Put a book away."
    properties = found["parameters"]["properties"]
    assert properties["title"]["description"] == "the book's title"
    assert properties["shelf"]["description"] == "where to"
    assert found["parameters"]["$defs"]["Shelf"]["enum"] == ["fiction", "science"]


def test_models_lists_literals_and_constraints_are_described_and_open_arguments_left_out() -> None:
    found = spec(rich)
    assert "description" not in found
    parameters = found["parameters"]
    assert parameters["required"] == ["author", "tags"]
    assert parameters["properties"].keys() == {"author", "tags", "size", "limit", "after"}
    assert parameters["properties"]["tags"] == {"type": "array", "items": {"type": "string"}}
    assert parameters["properties"]["size"]["enum"] == ["small", "large"]
    assert parameters["properties"]["limit"]["maximum"] == 9
    assert parameters["properties"]["limit"]["description"] == "the most to find"
    assert parameters["$defs"]["Author"]["required"] == ["name"]


def test_a_tool_without_arguments_or_words_and_with_a_name_of_its_own() -> None:
    @tool(name="now", description="Tell the time.")
    def clock() -> str:
        """Something else."""
        return "noon"

    assert clock() == "noon"
    assert spec(clock) == {
        "name": "now",
        "description": "Tell the time.",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    }


class Library:
    """Its methods are tools as well."""

    def __init__(self, city: str) -> None:
        self.city = city

    def find(self, _title: str) -> str:
        """Find a book."""
        return f"{_title} in {self.city}"


def test_a_bound_method_is_a_tool_and_its_arguments_may_begin_with_an_underscore() -> None:
    made: Tool[Any, Any] = Tool(Library("Ulm").find)
    assert made.spec["parameters"]["required"] == ["_title"]
    assert made(**made.checked({"_title": "Dune"})) == "Dune in Ulm"


ARGUMENTS: Final = (
    '{"author": {"name": "Ann", "born": "1999-01-02"}, "tags": ["a"], "size": "large", "limit": "2", "after": null}'
)


def asked(server: ScriptedServer, *calls: tuple[str, str, str], given: Any = (), **params: Any) -> Reply[Any]:
    """A reply in which the model asks for tools."""
    server.answers(answer(completion(choice(None, "tool_calls", **tools(*calls)))))
    return ask(tools=list(given), **params)


def test_run_gives_the_function_what_its_annotations_want(server: ScriptedServer, spans: CapturedSpans) -> None:
    reply = asked(server, ("c1", "rich", ARGUMENTS), given=[rich])
    (call,) = reply.tool_calls
    assert (call.id, call.name) == ("c1", "rich")
    assert call.arguments["limit"] == "2"
    assert call.run() == "Ann ['a'] large 2 None"
    sent = server.requests[0].json["tools"]
    assert sent == [{"type": "function", "function": spec(rich)}]
    _, run = spans
    assert (run.name, run.kind, run.status.status_code) == ("execute_tool rich", SpanKind.INTERNAL, StatusCode.UNSET)
    assert dict(run.attributes) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "rich",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": call.arguments,
        "gen_ai.tool.call.result": "Ann ['a'] large 2 None",
    }


async def test_an_async_tool_is_awaited_by_arun_and_its_span_lasts_as_long(
    server: ScriptedServer, spans: CapturedSpans
) -> None:
    @tool
    async def look(title: str) -> dict[str, Any]:
        """Look it up."""
        return {"title": title, "copies": 2}

    (call,) = asked(server, ("c1", "look", '{"title": "Dune"}'), given=[look]).tool_calls
    assert len(spans) == 1
    assert await call.run() == await call.arun() == {"title": "Dune", "copies": 2}
    assert [span.name for span in spans][1:] == ["execute_tool look"] * 2
    assert spans[1].attributes["gen_ai.tool.call.result"] == {"title": "Dune", "copies": 2}
    assert spans[1].attributes["gen_ai.tool.description"] == "Look it up."


def test_what_a_tool_raises_is_the_hosts_and_on_its_span(server: ScriptedServer, spans: CapturedSpans) -> None:
    def burn(title: str) -> str:
        raise PermissionError(f"not {title}")

    (call,) = asked(server, ("c1", "burn", '{"title": "Dune"}'), given=[burn]).tool_calls
    with pytest.raises(PermissionError, match="not Dune"):
        call.run()
    _, run = spans
    assert (run.status.status_code, run.attributes["error.type"]) == (StatusCode.ERROR, "PermissionError")
    assert "gen_ai.tool.call.result" not in run.attributes


def test_arguments_that_do_not_fit_run_nothing(server: ScriptedServer, spans: CapturedSpans) -> None:
    (call,) = asked(server, ("c1", "plain", '{"copies": "many"}'), given=[plain]).tool_calls
    with pytest.raises(ValidationError):
        call.run()
    assert len(spans) == 1


def test_a_tool_that_was_given_as_a_schema_has_nothing_to_run(server: ScriptedServer, spans: CapturedSpans) -> None:
    (call,) = asked(server, ("c1", "plain", '{"title": "Dune"}'), given=[spec(plain)]).tool_calls
    assert call.arguments == {"title": "Dune"}
    with pytest.raises(LookupError, match="'plain' was given as a schema"):
        call.run()
    assert len(spans) == 1


@pytest.mark.parametrize("text", ["", "{}", "not json", "[1]", '{"title": '])
def test_arguments_that_are_no_object_are_kept_as_they_came(
    server: ScriptedServer, spans: CapturedSpans, text: str
) -> None:
    (call,) = asked(server, ("c1", "plain", text), given=[plain]).tool_calls
    assert call == ToolCall("c1", "plain", {}, text or None)
    (span,) = spans
    (part,) = span.attributes["gen_ai.output.messages"][0]["parts"]
    assert part["arguments"] == (text if text not in ("", "{}") else part["arguments"])


def story(spans: CapturedSpans) -> list[Step]:
    """The names of spans and of their parents, in the order in which they ended."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    return [(span.name, names[span.parent.span_id] if span.parent else None) for span in spans]


@llm_call("gpt-4o-mini", tools=[plain], tool_rounds=3)
def order(title: str) -> str:
    """Order a book."""
    return f"Order {title}"


@llm_call("gpt-4o-mini", tools=[plain], tool_rounds=3)
async def aorder(title: str) -> str:
    """Order a book."""
    return f"Order {title}"


def asking(*calls: tuple[str, str, str], text: str | None = None) -> Any:
    """An answer that asks for tools."""
    return answer(completion(choice(text, "tool_calls", **tools(*calls))))


@pytest.mark.parametrize("wants_async", [False, True])
async def test_rounds_go_on_until_the_model_answers(
    server: ScriptedServer, spans: CapturedSpans, *, wants_async: bool
) -> None:
    server.answers(
        asking(("c1", "plain", '{"title": "Dune"}'), ("c2", "plain", '{"title": "Emma", "copies": 2}')),
        asking(("c3", "plain", '{"title": "Ubik"}'), text="One more."),
        answer(),
    )
    reply = await aorder("books") if wants_async else order("books")
    assert reply.text == TEXT
    name = "aorder" if wants_async else "order"
    assert story(spans) == [
        ("chat gpt-4o-mini", name),
        ("execute_tool plain", name),
        ("execute_tool plain", name),
        ("chat gpt-4o-mini", name),
        ("execute_tool plain", name),
        ("chat gpt-4o-mini", name),
        (name, None),
    ]
    outer = spans[-1]
    assert outer.kind is SpanKind.INTERNAL
    assert (outer.attributes["gen_ai.operation.name"], outer.attributes["gen_ai.agent.name"]) == ("invoke_agent", name)
    assert not any(key.startswith(("gen_ai.usage", "llmtrace.cost")) for key in outer.attributes)
    assert [span.attributes["gen_ai.usage.output_tokens"] for span in spans if "chat" in span.name] == [7, 7, 7]
    assert outer.context is not None
    assert reply.span_id == f"{outer.context.span_id:016x}"
    last = server.requests[-1].json["messages"]
    assert [(each["role"], each.get("content"), each.get("tool_call_id")) for each in last] == [
        ("user", "Order books", None),
        ("assistant", None, None),
        ("tool", "Dune x1", "c1"),
        ("tool", "Emma x2", "c2"),
        ("assistant", "One more.", None),
        ("tool", "Ubik x1", "c3"),
    ]
    assert [each["id"] for each in last[1]["tool_calls"]] == ["c1", "c2"]
    assert [message.role for message in reply.messages if isinstance(message, Message)] == [
        *("user", "assistant", "tool", "tool", "assistant", "tool", "assistant")
    ]


def test_rounds_end_with_the_calls_that_are_still_asked_for(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*[asking((f"c{number}", "plain", '{"title": "Dune"}')) for number in range(4)])
    reply = order("books")
    assert len(server.requests) == 4
    assert [call.id for call in reply.tool_calls] == ["c3"]
    assert len(spans.named("execute_tool plain")) == 3


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("c1", "plain", '{"copies": 1}'), "The arguments of plain do not fit its schema: title: Field required"),
        (("c1", "plain", "not json"), "The arguments of plain are no JSON object."),
        (("c1", "burn", "{}"), "There is no tool burn."),
    ],
)
def test_a_mistake_of_the_model_is_told_to_the_model(
    server: ScriptedServer, spans: CapturedSpans, call: tuple[str, str, str], told: str
) -> None:
    server.answers(asking(call), answer())
    assert order("books").text == TEXT
    sent = server.requests[1].json["messages"][-1]
    assert (sent["role"], sent["tool_call_id"]) == ("tool", "c1")
    assert sent["content"] == told
    assert spans.named("execute_tool plain") == []


def test_what_a_tool_raises_ends_the_call(server: ScriptedServer, spans: CapturedSpans) -> None:
    def burn() -> str:
        raise PermissionError("no fire here")

    server.answers(asking(("c1", "burn", "{}")))
    with pytest.raises(PermissionError, match="no fire here"):
        ask(tools=[burn], tool_rounds=2)
    assert story(spans) == [
        ("chat gpt-4o-mini", "invoke_agent LLM.chat()"),
        ("execute_tool burn", "invoke_agent LLM.chat()"),
        ("invoke_agent LLM.chat()", None),
    ]
    assert spans[-1].attributes["error.type"] == "PermissionError"


def test_an_async_tool_of_a_sync_call_says_so(server: ScriptedServer, spans: CapturedSpans) -> None:
    async def look() -> str:
        return "there"

    server.answers(asking(("c1", "look", "{}")), answer())
    with pytest.raises(TypeError, match="look is async"):
        ask(tools=[look], tool_rounds=2)
    assert spans[-1].attributes["error.type"] == "TypeError"


@pytest.mark.parametrize("choice_", ["auto", "none", "required", "plain"])
def test_which_tool_to_call_may_be_told(server: ScriptedServer, spans: CapturedSpans, choice_: str) -> None:
    server.answers(answer())
    ask(tools=[plain], tool_choice=choice_)
    named = {"type": "function", "function": {"name": "plain"}}
    assert server.requests[0].json["tool_choice"] == (named if choice_ == "plain" else choice_)
    assert len(spans) == 1


def test_what_is_no_tool_is_refused(server: ScriptedServer, spans: CapturedSpans) -> None:
    with pytest.raises(TypeError, match="str is no tool"):
        ask(tools=["plain"])
    assert (len(server.requests), len(spans)) == (0, 0)


def test_rounds_use_the_tools_of_other_providers_too(server: ScriptedServer) -> None:
    other = {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"replies": ["From the fake."]}}
    with captured_spans(PROVIDERS={**providers(server), "fake": other}) as spans:
        assert LLM("m", provider="fake").chat("Hi", tools=[plain], tool_rounds=1).text == "From the fake."
        assert [span.name for span in spans] == ["chat m", "invoke_agent LLM.chat()"]

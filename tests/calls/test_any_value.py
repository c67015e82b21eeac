"""Whatever a value is, in every place that people and models put values in: the call is as it would be, and is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import openai
import pytest
from pydantic import BaseModel

from llmtrace import LLM, Message, llm_call, prompt_template, trace_attributes
from llmtrace.exceptions import OutputError, PromptError
from llmtrace.providers import FakeReply
from llmtrace.store.records import record
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import ask
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, chunk, completion, stream, tools, usage_chunk


class Hostile:
    """Raises whatever one does with it."""

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def _raise(self, *_: Any) -> Any:
        raise RuntimeError("don't touch")

    __str__ = __repr__ = __len__ = __iter__ = __bool__ = __eq__ = _raise


def cyclic_list() -> Any:
    made: list[Any] = []
    made.append(made)
    return made


def cyclic_dict() -> Any:
    made: dict[str, Any] = {}
    made["again"] = [made, made]
    return made


THINGS: Final[Mapping[str, Callable[[], Any]]] = {
    "no JSON": object,
    "hostile": Hostile,
    "cyclic list": cyclic_list,
    "cyclic dict": cyclic_dict,
    "bytes": lambda: b"\xff\x00",
    "NaN": lambda: float("nan"),
    "lone surrogate": lambda: "a\ud800b",
    "NUL": lambda: "a\0b",
    "10 MB": lambda: "x" * 10_000_000,
    "set": lambda: {1, 2},
    "odd keys": lambda: {1: 2, (1, 2): 3, None: 4},
    "900 deep": lambda: json.loads("[" * 900 + "]" * 900),
    "function": lambda: ask,
    "class": lambda: Hostile,
    "400 digits": lambda: 10**400,
    "many": lambda: [{"row": number} for number in range(50_000)],
}
things: Final = pytest.mark.parametrize("thing", THINGS)


def fake(*replies: Any, **settings: Any) -> Any:
    """Spans of calls that a fake model answers."""
    backend = {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"replies": replies}}
    return captured_spans(PROVIDERS={"default": backend}, **settings)


def stored(spans: CapturedSpans, count: int) -> None:
    """The spans are there, and become rows of bounded size that any database takes."""
    assert len(spans) == count
    for span in spans:
        row = record(span)
        texts = [text for text in (row.attributes, row.content) if isinstance(text, str)]
        assert sum(len(text.encode()) for text in texts) < 1_000_000
        assert not any("\\u0000" in text or "\0" in text for text in texts)


@things
def test_a_prompts_variable(thing: str) -> None:
    @llm_call()
    @prompt_template("Recommend a book")
    def recommend(about: Any) -> None: ...

    with fake("Dune.") as spans:
        assert recommend(THINGS[thing]()).text == "Dune."
        stored(spans, 1)
        assert "gen_ai.prompt.variable.about" in spans[0].attributes


@things
@pytest.mark.parametrize("rounds", [0, 1])
def test_what_a_tool_returns(thing: str, rounds: int) -> None:
    def look_up(title: str) -> Any:
        return THINGS[thing]()

    with fake(FakeReply(tool_calls=[("look_up", {"title": "Dune"})]), "Dune.") as spans:
        reply = LLM().chat("Hello", tools=[look_up], tool_rounds=rounds)
        if not rounds:
            reply.tool_calls[0].run()
        stored(spans, 4 if rounds else 2)
    assert rounds == 0 or reply.text == "Dune."


@things
def test_what_a_tool_is_asked_with(thing: str) -> None:
    given: list[Any] = []

    def look_up(title: Any) -> str:
        given.append(title)
        return "found"

    with fake(FakeReply(tool_calls=[("look_up", {"title": THINGS[thing]()})]), "Dune.") as spans:
        assert LLM().chat("Hello", tools=[look_up], tool_rounds=1).text == "Dune."
        stored(spans, 4)
    assert len(given) == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"title": "\\ud800"}',
        '{"title": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"title": "' + "x" * 10_000_000 + '"}',
        "{",
    ],
    ids=["lone surrogate", "deep", "10 MB", "cut off"],
)
def test_what_a_model_writes_as_arguments(server: ScriptedServer, spans: CapturedSpans, text: str) -> None:
    server.answers(answer(completion(choice(None, "tool_calls", **tools(("c1", "look_up", text))))), answer())
    reply = ask()
    assert reply.tool_calls[0].raw_arguments == text
    ask_on = LLM("gpt-4o-mini").chat([*reply.messages, Message.tool("none", "c1")])
    assert ask_on.text
    assert server.requests[1].json["messages"][1]["tool_calls"][0]["function"]["arguments"] == text
    stored(spans, 2)


PLACES: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "user_id": lambda value: {"user_id": value},
    "session_id": lambda value: {"session_id": value},
    "conversation_id": lambda value: {"conversation_id": value},
    "tags": lambda value: {"tags": value},
    "a tag": lambda value: {"tags": ["books", value]},
    "metadata": lambda value: {"metadata": value},
    "an entry": lambda value: {"metadata": {"about": value, "shelf": "A"}},
}


@things
@pytest.mark.parametrize("place", PLACES)
def test_a_trace_attribute(thing: str, place: str) -> None:
    with fake("Dune.") as spans:
        with trace_attributes(**PLACES[place](THINGS[thing]())):
            assert LLM().chat("Hello").text == "Dune."
        stored(spans, 1)
        attributes = spans[0].attributes
    if place == "a tag":
        assert attributes["llmtrace.tags"][0] == "books"
    if place == "an entry":
        assert attributes["llmtrace.metadata.shelf"] == "A"
        assert "llmtrace.metadata.about" in attributes
    assert all(len(str(value)) < 120_000 for name, value in attributes.items() if name != "gen_ai.output.messages")


def test_trace_attributes_keep_what_spans_can_carry() -> None:
    given: Any = {"count": 3, "share": 0.5, "new": True, "name": "Émile", "none": None, "list": [1, 2], "big": 2**70}
    with fake("Dune.") as spans:
        with trace_attributes(user_id=7, session_id="", tags="books", metadata=given):
            LLM().chat("Hello")
        attributes = spans[0].attributes
    metadata = {name: value for name, value in attributes.items() if name.startswith("llmtrace.metadata.")}
    assert metadata == {
        "llmtrace.metadata.count": 3,
        "llmtrace.metadata.share": 0.5,
        "llmtrace.metadata.new": True,
        "llmtrace.metadata.name": "Émile",
        "llmtrace.metadata.list": "[1,2]",
        "llmtrace.metadata.big": str(2**70),
    }
    assert (attributes["user.id"], attributes["llmtrace.tags"]) == ("7", ("books",))
    assert "session.id" not in attributes


@things
def test_what_only_the_provider_knows(thing: str) -> None:
    with fake("Dune.") as spans:
        assert LLM().chat("Hello", extra={"about": THINGS[thing]()}).text == "Dune."
        stored(spans, 1)


@things
def test_a_part_of_a_dict_message_that_nobody_knows(thing: str) -> None:
    with fake("Dune.") as spans:
        assert LLM().chat([{"role": "user", "content": "Hello", "about": THINGS[thing]()}]).text == "Dune."
        stored(spans, 1)


@pytest.mark.parametrize("thing", ["lone surrogate", "NUL", "10 MB"])
def test_the_text_of_a_message(thing: str) -> None:
    with fake("Dune.", "Dune.") as spans:
        assert LLM().chat(THINGS[thing]()).text == "Dune."
        assert LLM().chat([{"role": "user", "content": THINGS[thing]()}]).text == "Dune."
        stored(spans, 2)


@pytest.mark.parametrize("thing", sorted(THINGS.keys() - {"lone surrogate", "NUL", "10 MB", "many"}))
def test_a_content_that_is_none_is_the_callers_to_mend(thing: str) -> None:
    with fake() as spans:
        with pytest.raises(PromptError, match="A message has "):
            LLM().chat([{"role": "user", "content": THINGS[thing]()}])
        with pytest.raises(PromptError, match="gave a message with "):
            LLM().chat([Message.user(THINGS[thing]())])
        stored(spans, 1)


@things
def test_what_is_no_json_is_refused_as_the_bare_sdk_refuses_it(
    server: ScriptedServer, spans: CapturedSpans, thing: str
) -> None:
    server.answers(answer(), answer())
    sdk = openai.OpenAI(api_key="sk-test", base_url=f"http://127.0.0.1:{server.port}/v1", max_retries=0)

    def bare() -> Any:
        messages: Any = [{"role": "user", "content": "Recommend a fantasy book"}]
        return sdk.post(
            "/chat/completions",
            cast_to=object,
            body={"model": "gpt-4o-mini", "messages": messages, "about": THINGS[thing]()},
        )

    found = [outcome(bare), outcome(lambda: ask(extra={"about": THINGS[thing]()}))]
    sdk.close()
    assert found[0] == found[1]
    stored(spans, 1)


def outcome(call: Callable[[], Any]) -> str | None:
    """The class of what a call raises."""
    try:
        call()
    except Exception as error:
        return type(error).__qualname__
    return None


class Book(BaseModel):
    """A book."""

    title: str


@pytest.mark.parametrize("said", ["", "null", "[{}]", "{}", '{"title": {}}', '"\\ud800"', "[" * 5000, "x" * 10_000_000])
@pytest.mark.parametrize("kind", [int, list[int], Book])
def test_an_answer_that_contradicts_its_schema(
    server: ScriptedServer, spans: CapturedSpans, said: str, kind: Any
) -> None:
    server.answers(answer(completion(choice(said))), stream([chunk(said), chunk(finish="stop"), usage_chunk()]))
    with pytest.raises(OutputError) as caught:
        ask(response_model=kind)
    assert (caught.value.reply.text, caught.value.reply.usage.input_tokens) == (said, 21)
    assert len(str(caught.value)) < 1_000
    opened = LLM("gpt-4o-mini").stream("Hello", response_model=kind)
    with pytest.raises(OutputError):
        list(opened)
    assert (opened.reply.text, opened.reply.parsed) == (said, None)
    stored(spans, 2)


@pytest.mark.parametrize("model", ["gpt-of-our-own", "", "a\0b", "x" * 100_000, None])
def test_a_price_table_without_the_model(server: ScriptedServer, spans: CapturedSpans, model: Any) -> None:
    server.answers(answer(completion(model=model)))
    reply = LLM("nobody-knows").chat("Hello")
    assert (reply.cost, reply.usage.input_tokens) == (None, 21)
    assert "llmtrace.cost" not in spans[0].attributes
    stored(spans, 1)

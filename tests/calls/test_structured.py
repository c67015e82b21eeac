"""Answers that are data: what is asked for, what is made of the answer, and what happens when it does not fit."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel, Field, HttpUrl
from typing_extensions import TypedDict

from llmtrace import LLM, llm_call
from llmtrace.calls.reply import Reply
from llmtrace.exceptions import OutputError
from llmtrace.testing import CapturedSpans
from tests.scripted import ask, open_stream
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, completion, spoken, stream
from tests.servers.strict import objection


class Kind(enum.Enum):
    """What a book is."""

    NOVEL = "novel"
    POEM = "poem"


class Author(BaseModel):
    """Who wrote it."""

    name: str
    born: date | None = None


class Book(BaseModel):
    """A book of the library."""

    title: str = Field(description="as on the cover")
    author: Author
    kind: Kind = Kind.NOVEL
    price: Decimal | None = None


class Node(BaseModel):
    """A tree."""

    name: str
    below: list[Node] = []


@dataclass
class Point:
    """A point."""

    x: int
    y: int


class Movie(TypedDict):
    """A film."""

    title: str


class Novel(BaseModel):
    kind: Literal["novel"]
    pages: int = Field(ge=1)


class Poem(BaseModel):
    kind: Literal["poem"]
    verses: list[str] = Field(min_length=1)


class Shelf(BaseModel):
    default: str = Field("A", min_length=1, max_length=3, description="its letter")
    first: Novel = Field(description="the first on it")
    all: list[Annotated[Novel | Poem, Field(discriminator="kind")]] = []
    tags: set[str] = set()
    site: HttpUrl | None = None
    worth: Annotated[Decimal, Field(max_digits=6, decimal_places=2)] = Decimal(0)


class Loose(BaseModel, extra="allow"):
    title: str


def sent(server: ScriptedServer) -> dict[str, Any]:
    """The form that the answer was asked to have."""
    asked: dict[str, Any] = server.requests[-1].json["response_format"]
    assert asked["type"] == "json_schema"
    form: dict[str, Any] = asked["json_schema"]
    return form


def saying(data: Any) -> Any:
    """An answer whose text is `data`, as JSON unless it is a text."""
    text = data if isinstance(data, str) else json.dumps(data)
    return answer(completion(choice(text)))


def test_a_model_is_asked_for_strictly_and_read(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(saying({"title": "Dune", "author": {"name": "Frank Herbert", "born": None}, "kind": "novel"}))
    reply = ask(response_model=Book)
    assert reply.parsed == Book(title="Dune", author=Author(name="Frank Herbert"))
    form = sent(server)
    assert (form["name"], form["strict"], form["description"]) == ("Book", True, "A book of the library.")
    schema = form["schema"]
    assert objection(schema) is None
    assert schema["required"] == ["title", "author", "kind", "price"]
    assert schema["properties"]["title"]["description"] == "as on the cover"
    assert schema["$defs"]["Kind"]["enum"] == ["novel", "poem"]
    assert "default" not in json.dumps(schema)
    (span,) = spans
    assert span.attributes["gen_ai.output.type"] == "json"


NOVEL: Final = {"kind": "novel", "pages": 412}
TYPES: Final[list[tuple[Any, Any, Any]]] = [
    (list[str], {"value": ["a", "b"]}, ["a", "b"]),
    (list[Author], {"value": [{"name": "Ann", "born": "1999-01-02"}]}, [Author(name="Ann", born=date(1999, 1, 2))]),
    (int, {"value": 7}, 7),
    (float, {"value": 7}, 7.0),
    (bool, {"value": False}, False),
    (str, {"value": "seven"}, "seven"),
    (Kind, {"value": "poem"}, Kind.POEM),
    (Literal["yes", "no"], {"value": "no"}, "no"),
    (int | None, {"value": None}, None),
    (int | str, {"value": "many"}, "many"),
    (tuple[int, str], {"value": [1, "a"]}, (1, "a")),
    (date, {"value": "2026-11-22"}, date(2026, 11, 22)),
    (Point, {"x": 1, "y": 2}, Point(1, 2)),
    (Movie, {"title": "Stalker"}, {"title": "Stalker"}),
    (Node, {"value": {"name": "a", "below": [{"name": "b", "below": []}]}}, Node(name="a", below=[Node(name="b")])),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (dict, {"a": [1]}, {"a": [1]}),
    (Loose, {"title": "Dune", "year": 1965}, Loose(title="Dune", year=1965)),  # type: ignore[call-arg]  # it takes any
    (list[Any], {"value": [1, "a"]}, [1, "a"]),
    (Literal["a", 1], {"value": 1}, 1),
    (Annotated[Novel | Poem, Field(discriminator="kind")], {"value": NOVEL}, Novel.model_validate(NOVEL)),
    (timedelta, {"value": "PT1H"}, timedelta(hours=1)),
]
OPEN: Final[tuple[Any, ...]] = (dict, dict[str, int], tuple[int, str], Loose, list[Any], Literal["a", 1])
"""Types that no strict mode takes."""


@pytest.mark.parametrize(("kind", "said", "parsed"), TYPES, ids=lambda each: str(each)[:30])
def test_any_type_may_be_asked_for(
    server: ScriptedServer, spans: CapturedSpans, kind: Any, said: Any, parsed: Any
) -> None:
    server.answers(saying(said))
    reply = ask(response_model=kind)
    assert reply.parsed == parsed
    assert type(reply.parsed) is type(parsed)
    form = sent(server)
    assert form["schema"]["type"] == "object"
    assert form["strict"] is (objection(form["schema"]) is None) is (kind not in OPEN)
    assert len(form["name"]) <= 64
    assert len(spans) == 1


@pytest.mark.usefixtures("spans")
def test_what_strict_modes_lack_is_told_in_words_and_checked_all_the_same(server: ScriptedServer) -> None:
    novel = {"kind": "novel", "pages": 412}
    said = {"default": "B", "first": novel, "all": [novel], "tags": ["a"], "site": None, "worth": "12.50"}
    server.answers(saying(said), saying({**said, "default": "long"}))
    assert ask(response_model=Shelf).parsed == Shelf.model_validate(said)
    form = sent(server)
    assert (form["strict"], form.get("description"), objection(form["schema"])) == (True, None, None)
    shelf = form["schema"]["properties"]
    assert shelf["default"]["description"] == "its letter (minLength 1, maxLength 3)"
    assert shelf["first"] == {"anyOf": [{"$ref": "#/$defs/Novel"}], "description": "the first on it"}
    assert shelf["all"]["items"] == {"anyOf": [{"$ref": "#/$defs/Novel"}, {"$ref": "#/$defs/Poem"}]}
    assert form["schema"]["$defs"]["Novel"]["properties"]["pages"]["minimum"] == 1
    assert form["schema"]["$defs"]["Poem"]["properties"]["verses"]["minItems"] == 1
    with pytest.raises(OutputError, match="default: String should have at most 3 characters"):
        ask(response_model=Shelf)


@pytest.mark.parametrize("text", ['["a"]', '{"value": ["a"]}', '```json\n["a"]\n```', '```\n{"value": ["a"]}\n```\n'])
def test_answers_of_models_that_add_or_leave_out_a_wrapping_are_read(
    server: ScriptedServer, spans: CapturedSpans, text: str
) -> None:
    server.answers(saying(text))
    assert ask(response_model=list[str]).parsed == ["a"]
    assert len(spans) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"title": "Dune"}', "The answer does not fit Book: author: Field required"),
        ('{"title": 1, "author": {"name": 2}}', "title: Input should be a valid string; author.name: Input should"),
        ('{"title": "Du', "The answer does not fit Book: the answer: Invalid JSON"),
        ("I'd rather not.", "The answer does not fit Book: the answer: Invalid JSON"),
        ("", "The answer does not fit Book: the answer: Invalid JSON"),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error_with_the_answer(
    server: ScriptedServer, spans: CapturedSpans, text: str, told: str
) -> None:
    server.answers(saying(text))
    with pytest.raises(OutputError) as caught:
        ask(response_model=Book)
    assert told in str(caught.value)
    reply: Reply[Any] = caught.value.reply
    assert (reply.text, reply.parsed, reply.usage.output_tokens) == (text, None, 7)
    (span,) = spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "llmtrace.exceptions.OutputError"
    assert span.attributes["gen_ai.usage.output_tokens"] == 7
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "".join(part["content"] for part in span.attributes["gen_ai.output.messages"][0]["parts"]) == text


def test_a_stream_is_read_when_it_has_ended(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(stream(spoken('{"value": [1, 2]}')), stream(spoken('{"value": "none"}')))
    opened = open_stream(response_model=list[int])
    assert "".join(chunk.text for chunk in opened) == '{"value": [1, 2]}'
    assert opened.reply.parsed == [1, 2]
    opened = open_stream(response_model=list[int])
    with pytest.raises(OutputError):
        list(opened)
    assert (opened.reply.text, opened.reply.parsed) == ('{"value": "none"}', None)
    good, bad = spans
    assert good.status.status_code is StatusCode.UNSET
    assert bad.attributes["error.type"] == "llmtrace.exceptions.OutputError"
    assert bad.attributes["llmtrace.stream.outcome"] == "completed"
    assert bad.attributes["gen_ai.usage.output_tokens"] == 7


@pytest.mark.parametrize("wants_async", [False, True])
async def test_a_repair_sends_the_answer_back_with_what_is_wrong_with_it(
    server: ScriptedServer, spans: CapturedSpans, *, wants_async: bool
) -> None:
    good = {"title": "Dune", "author": {"name": "Frank"}}
    server.answers(saying({"title": "Dune"}), saying(good))
    llm = LLM("gpt-4o-mini")
    if wants_async:
        reply = await llm.achat("A book", response_model=Book, repair=2)
    else:
        reply = llm.chat("A book", response_model=Book, repair=2)
    assert reply.parsed == Book(title="Dune", author=Author(name="Frank"))
    first, second = (request.json["messages"] for request in server.requests)
    assert second[: len(first)] == first
    assert [each["role"] for each in second[len(first) :]] == ["assistant", "user"]
    assert json.loads(second[-2]["content"]) == {"title": "Dune"}
    assert "author: Field required" in second[-1]["content"]
    bad, mended, outer = spans
    assert (bad.attributes["error.type"], bad.status.status_code) == (
        "llmtrace.exceptions.OutputError",
        StatusCode.ERROR,
    )
    assert (mended.status.status_code, outer.status.status_code) == (StatusCode.UNSET, StatusCode.UNSET)
    assert bad.parent == mended.parent == outer.context
    assert (bad.kind, outer.kind) == (SpanKind.CLIENT, SpanKind.INTERNAL)
    assert not any(name.startswith(("gen_ai.usage", "llmtrace.cost")) for name in outer.attributes)


def test_repairs_come_to_an_end(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*[saying({"title": str(number)}) for number in range(3)])
    with pytest.raises(OutputError) as caught:
        ask(response_model=Book, repair=2)
    assert caught.value.reply.text == '{"title": "2"}'
    assert len(server.requests) == 3
    assert [span.attributes.get("error.type") for span in spans] == ["llmtrace.exceptions.OutputError"] * 4


def test_an_output_parser_reads_the_reply(server: ScriptedServer, spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini", output_parser=lambda reply: reply.text.upper())
    def recommend(genre: str) -> str:
        return f"Recommend a {genre} book"

    @llm_call("gpt-4o-mini", output_parser=lambda reply: int(reply.text))
    def count(genre: str) -> str:
        return f"How many {genre} books?"

    server.answers(saying("dune"), saying("many"))
    assert recommend("fantasy").parsed == "DUNE"
    with pytest.raises(ValueError, match="many"):
        count("fantasy")
    good, bad = spans
    assert good.status.status_code is StatusCode.UNSET
    assert bad.attributes["error.type"] == "ValueError"
    assert bad.attributes["gen_ai.usage.output_tokens"] == 7


def test_an_answer_is_read_one_way(server: ScriptedServer) -> None:
    with pytest.raises(TypeError, match="both response_model and output_parser"):
        llm_call("m", response_model=Book, output_parser=str)  # type: ignore[call-overload]


def test_json_mode_is_asked_for(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(saying({"a": 1}))
    assert json.loads(ask(json_mode=True).text) == {"a": 1}
    assert server.requests[0].json["response_format"] == {"type": "json_object"}
    (span,) = spans
    assert span.attributes["gen_ai.output.type"] == "json"

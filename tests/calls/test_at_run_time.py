"""What a call is made with may be said when it is made: by `using`, and by the prompt function itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmtrace import Message, llm_call, prompt_template
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, completion, stream


@pytest.fixture
def spans(server: ScriptedServer) -> Iterator[CapturedSpans]:
    """The spans of the test, with two providers of the same server."""
    both = {**providers(server), "other": providers(server, model="gpt-4.1")["default"]}
    with captured_spans(PROVIDERS=both) as spans:
        yield spans


@llm_call("gpt-4o-mini", temperature=0.2, max_tokens=9)
def recommend(genre: str) -> str:
    return f"Recommend a {genre} book"


def asked(server: ScriptedServer) -> dict[str, Any]:
    """What was asked last, but for the messages."""
    return {name: value for name, value in server.requests[-1].json.items() if name != "messages"}


def test_using_changes_what_it_names_and_nothing_else(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*[answer() for _ in range(5)])
    recommend.using(temperature=0.9)("fantasy")
    assert asked(server) == {"model": "gpt-4o-mini", "temperature": 0.9, "max_completion_tokens": 9}
    recommend.using(model="gpt-4o", seed=7)("fantasy")
    assert asked(server) == {"model": "gpt-4o", "temperature": 0.2, "max_completion_tokens": 9, "seed": 7}
    recommend.using(provider="other")("fantasy")
    assert asked(server)["model"] == "gpt-4.1"  # a model's name means nothing to another provider
    recommend.using(provider="other", model="gpt-4o").using(temperature=0.1)("fantasy")
    assert asked(server) == {"model": "gpt-4o", "temperature": 0.1, "max_completion_tokens": 9}
    recommend("fantasy")
    assert asked(server) == {"model": "gpt-4o-mini", "temperature": 0.2, "max_completion_tokens": 9}
    assert {span.name for span in spans} == {"recommend"}


class Shop:
    """A class whose method is a call."""

    shelf = "A"

    @llm_call("gpt-4o-mini")
    def recommend(self, genre: str) -> str:
        """Recommend a book."""
        return f"Recommend a {genre} book of shelf {self.shelf}"


def test_a_method_is_a_call_that_can_be_changed(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(answer(), answer())
    shop = Shop()
    shop.recommend("fantasy")
    Shop.recommend.using(temperature=0.9)(shop, "fantasy")
    assert asked(server) == {"model": "gpt-4o-mini", "temperature": 0.9}
    assert server.requests[0].json["messages"][0]["content"] == "Recommend a fantasy book of shelf A"
    assert Shop.recommend.__doc__ == "Recommend a book."
    assert spans[0].attributes["gen_ai.prompt.variable.genre"] == "fantasy"
    assert "gen_ai.prompt.variable.self" not in spans[0].attributes


@pytest.mark.parametrize(
    "prompt",
    ["Recommend a book", [Message.user("Recommend a book")], [{"role": "user", "content": "Recommend a book"}]],
    ids=["text", "messages", "dicts"],
)
async def test_a_prompt_function_may_return_parameters_with_its_messages(
    server: ScriptedServer, spans: CapturedSpans, prompt: Any
) -> None:
    def plain() -> Any:
        return prompt, {"temperature": 0.9, "extra": {"verbosity": "low"}}

    async def later() -> Any:
        return plain()

    server.answers(answer(), answer(), stream(), stream())
    llm_call("gpt-4o-mini", temperature=0.2, top_p=0.5)(plain)()
    await llm_call("gpt-4o-mini", temperature=0.2, top_p=0.5)(later)()
    list(llm_call("gpt-4o-mini", temperature=0.2, top_p=0.5, stream=True)(plain)())
    async for _ in llm_call("gpt-4o-mini", temperature=0.2, top_p=0.5, stream=True)(later)():
        pass
    for request in server.requests:
        assert request.json["messages"] == [{"role": "user", "content": "Recommend a book"}]
        assert (request.json["temperature"], request.json["top_p"], request.json["verbosity"]) == (0.9, 0.5, "low")
    assert len(spans) == 4


def test_it_may_return_the_model_and_the_provider_too(server: ScriptedServer, spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini")
    def recommend(**chosen: Any) -> Any:
        return "Recommend a book", chosen

    server.answers(answer(), answer())
    recommend(model="gpt-4o", temperature=0)
    assert asked(server) == {"model": "gpt-4o", "temperature": 0}
    recommend(provider="other")
    assert asked(server) == {"model": "gpt-4.1"}


def test_parameters_may_follow_the_values_of_a_template(server: ScriptedServer, spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini")
    @prompt_template("Recommend a {genre} book of shelf {shelf}")
    def recommend(genre: str) -> Any:
        return {"shelf": "A"}, {"temperature": 0.9}

    server.answers(answer())
    recommend("fantasy")
    assert asked(server) == {"model": "gpt-4o-mini", "temperature": 0.9}
    assert server.requests[0].json["messages"][0]["content"] == "Recommend a fantasy book of shelf A"


def test_rounds_may_be_asked_for_by_the_prompt_function(server: ScriptedServer, spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini", response_model=int)
    def count(repairs: int) -> Any:
        return "How many?", {"repair": repairs}

    server.answers(answer(completion(choice("many"))), answer(completion(choice("7"))))
    assert count(1).parsed == 7
    assert [span.name for span in spans] == ["chat gpt-4o-mini", "chat gpt-4o-mini", "count"]


def test_a_misspelt_keyword_is_refused_here_as_well(server: ScriptedServer, spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini")
    def recommend() -> Any:
        return "Recommend a book", {"temprature": 0.9}

    with pytest.raises(TypeError, match=r"'temprature'. Did you mean 'temperature'"):
        recommend()
    assert (server.requests, len(spans)) == ([], 0)

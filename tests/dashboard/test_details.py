"""What the panel tells beside the conversation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.dashboard import details
from tests.dashboard.test_plaintext import anything, values


def told(attributes: dict[str, Any]) -> dict[str, str]:
    return {fact.name: fact.value.shown for fact in details.parameters(attributes)}


def test_parameters_stand_by_their_labels_and_unknown_ones_by_their_names() -> None:
    assert told(
        {
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 1024,
            "gen_ai.request.stop_sequences": ["a", "b"],
            "gen_ai.request.stream": True,
            "gen_ai.request.new_thing": {"x": 1},
            "llmtrace.request.logit_bias": [1],
            "server.address": "localhost",
            "server.port": 8080,
            "llmtrace.cost": 1,
        }
    ) == {
        "Temperature": "0.2",
        "Max tokens": "1\u202f024",
        "Stop": "a, b",
        "Stream": "yes",
        "new thing": '{"x": 1}',
        "logit bias": "1",
        "Server": "localhost:8080",
    }


@pytest.mark.parametrize(
    ("asked", "answered", "shown"),
    [
        ("a", "a", {}),
        ("a", "b", {"Model asked for": "a", "Model that answered": "b"}),
        ("a", None, {"Model asked for": "a"}),
    ],
)
def test_models_are_told_unless_the_one_that_was_asked_answered(
    asked: str, answered: str | None, shown: dict[str, str]
) -> None:
    assert told({"gen_ai.request.model": asked, "gen_ai.response.model": answered}) == shown


def test_the_usual_ports_are_not_worth_a_word() -> None:
    assert told({"server.address": "api.openai.com", "server.port": 443}) == {"Server": "api.openai.com"}


def test_variables_stand_by_their_own_names_and_other_content_is_not_forgotten() -> None:
    content = {"gen_ai.prompt.variable.genre": "fantasy", "gen_ai.tool.definitions": [], "gen_ai.input.messages": []}
    assert [(fact.name, fact.value.shown) for fact in details.variables(content)] == [("genre", "fantasy")]
    assert [fact.name for fact in details.other_content(content)] == ["gen_ai.tool.definitions"]


def test_many_and_long_attributes_are_bounded() -> None:
    facts = details.facts({f"{n:05}": "x" * 10_000 for n in range(5_000)})
    assert len(facts) == details.MAX_FACTS
    assert len(facts[0].value.shown) == details.MAX_VALUE
    assert facts[0].value.left_out == 8_000


_names = st.sampled_from(sorted(details.LABELS)) | anything.map("gen_ai.request.".__add__)


@given(st.dictionaries(_names, values, max_size=5))
def test_any_attributes_can_be_shown(attributes: dict[str, Any]) -> None:
    for fact in [*details.parameters(attributes), *details.facts(attributes)]:
        (fact.name + fact.value.shown).encode()

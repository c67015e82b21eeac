"""What the panel tells beside the conversation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.dashboard import details
from tests.dashboard.test_plaintext import anything, values


def event(name: str, offset_ms: float = 1.0, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "offset_ms": offset_ms, "attributes": attributes}


def retry(**told: Any) -> dict[str, Any]:
    return event("llmtrace.retry", **{key.replace("__", "."): value for key, value in told.items()})


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


def test_each_try_says_what_it_met_and_how_long_was_waited() -> None:
    events = [
        retry(attempt=1, http__response__status_code=429, wait_s=0.5),
        retry(attempt=2, error__type="openai.APIConnectionError"),
        event("other"),
    ]
    tries = details.attempts(events, failed=True, error_type="openai.APITimeoutError")
    assert [(t.number, t.met, t.failed, t.waited) for t in tries] == [
        (1, "429", True, "500 ms"),
        (2, "APIConnectionError", True, ""),
        (3, "APITimeoutError", True, ""),
    ]
    assert details.retry_reasons(events) == ("429", "APIConnectionError")
    assert details.attempts(events, failed=False, error_type=None)[-1] == details.Attempt(3, "", False)


def test_a_request_that_was_made_once_has_no_attempts() -> None:
    assert details.attempts([event("other")], failed=True, error_type="X") == []


def test_an_exception_has_its_text_where_the_reader_may_know_it() -> None:
    events = [event("other"), event("exception", 1.0, **{"exception.type": "ValueError"})]
    spoken = {"1": {"exception.message": "wrong", "exception.stacktrace": "line 1"}}
    (problem,) = details.problems(events, spoken)
    assert (problem.type, problem.message.shown, problem.stack.shown) == ("ValueError", "wrong", "line 1")
    (hidden,) = details.problems(events, {})
    assert (hidden.type, hidden.message.shown, hidden.stack.shown) == ("ValueError", "", "")


def test_events_with_a_place_of_their_own_are_not_shown_twice() -> None:
    events = [retry(attempt=1), event("gen_ai.choice", 12.0, index=0), event("exception")]
    (happening,) = details.happenings(events, {"1": {"message": "hi"}})
    assert (happening.name, happening.after) == ("gen_ai.choice", "12 ms")
    assert {fact.name: fact.value.shown for fact in happening.facts} == {"index": "0", "message": "hi"}


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
_events = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["llmtrace.retry", "exception"]) | anything,
            "offset_ms": values,
            "attributes": st.dictionaries(
                st.sampled_from(["attempt", "wait_s", "http.response.status_code", "error.type", "exception.type"]),
                values,
            ),
        }
    ),
    max_size=3,
)


@given(st.dictionaries(_names, values, max_size=5))
def test_any_attributes_can_be_shown(attributes: dict[str, Any]) -> None:
    for fact in [*details.parameters(attributes), *details.facts(attributes)]:
        (fact.name + fact.value.shown).encode()


@given(_events, st.dictionaries(st.sampled_from("012"), values))
def test_any_events_can_be_shown(events: list[dict[str, Any]], spoken: dict[str, Any]) -> None:
    details.attempts(events, failed=True, error_type="a.b")
    details.problems(events, spoken)
    details.happenings(events, spoken)

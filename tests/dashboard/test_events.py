"""What happened in a span: tries, exceptions and other events."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmtrace.dashboard import events
from tests.dashboard.test_plaintext import anything, values


def event(name: str, offset_ms: float = 1.0, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "offset_ms": offset_ms, "attributes": attributes}


def retry(**told: Any) -> dict[str, Any]:
    return event("llmtrace.retry", **{key.replace("__", "."): value for key, value in told.items()})


def test_each_try_says_what_it_met_and_how_long_was_waited() -> None:
    told = [
        retry(attempt=1, http__response__status_code=429, wait_s=0.5),
        retry(attempt=2, error__type="openai.APIConnectionError"),
        event("other"),
    ]
    tries = events.attempts(told, failed=True, error_type="openai.APITimeoutError")
    assert [(t.number, t.met, t.failed, t.waited) for t in tries] == [
        (1, "429", True, "500 ms"),
        (2, "APIConnectionError", True, ""),
        (3, "APITimeoutError", True, ""),
    ]
    assert events.retry_reasons(told) == ("429", "APIConnectionError")
    assert events.attempts(told, failed=False, error_type=None)[-1] == events.Attempt(3, "", False)


def test_a_request_that_was_made_once_has_no_attempts() -> None:
    assert events.attempts([event("other")], failed=True, error_type="X") == []


def test_an_exception_has_its_text_where_the_reader_may_know_it() -> None:
    told = [event("other"), event("exception", 1.0, **{"exception.type": "ValueError"})]
    spoken = {"1": {"exception.message": "wrong", "exception.stacktrace": "line 1"}}
    (problem,) = events.problems(told, spoken)
    assert (problem.type, problem.message.shown, problem.stack.shown) == ("ValueError", "wrong", "line 1")
    (hidden,) = events.problems(told, {})
    assert (hidden.type, hidden.message.shown, hidden.stack.shown) == ("ValueError", "", "")


def test_events_with_a_place_of_their_own_are_not_shown_twice() -> None:
    told = [retry(attempt=1), event("gen_ai.choice", 12.0, index=0), event("exception")]
    (happening,) = events.happenings(told, {"1": {"message": "hi"}})
    assert (happening.name, happening.after) == ("gen_ai.choice", "12 ms")
    assert {fact.name: fact.value.shown for fact in happening.facts} == {"index": "0", "message": "hi"}


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


@given(_events, st.dictionaries(st.sampled_from("012"), values))
def test_any_events_can_be_shown(told: list[dict[str, Any]], spoken: dict[str, Any]) -> None:
    events.attempts(told, failed=True, error_type="a.b")
    events.problems(told, spoken)
    events.happenings(told, spoken)

"""Without content a span keeps what was measured and nothing of what was said."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Status, StatusCode

from llmtrace import semconv
from llmtrace.filters import DropContent
from tests.filters.places import message, span, texts_of

SAID = "the dragon has blue wings"
MEASURED = {
    semconv.OPERATION: "chat",
    semconv.REQUEST_MODEL: "gpt-4o-mini",
    semconv.USAGE_INPUT_TOKENS: 12,
    semconv.COST: 0.001,
    semconv.RESPONSE_FINISH_REASONS: ("stop",),
    semconv.PROMPT_NAME: "recommend_book",
    semconv.PROMPT_VERSION: "3",
    semconv.TAGS: ("beta",),
    semconv.METADATA + "tenant": "shop",
    semconv.USER_ID: "42",
    semconv.ERROR_TYPE: "TimeoutError",
}
drop = DropContent()


@pytest.mark.parametrize(
    "name",
    [
        *(*sorted(semconv.CONTENT_ATTRIBUTES), semconv.PROMPT_VARIABLE + "genre"),
        *("gen_ai.prompt", "gen_ai.completion.0.content", "llm.input_messages.0.message.content", "input.value"),
        *("traceloop.entity.output", "langfuse.observation.input", "pydantic_ai.all_messages", "ai.prompt.messages"),
    ],
)
def test_what_was_said_goes_and_what_was_measured_stays(name: str) -> None:
    done = drop(span(attributes={**MEASURED, name: [message(SAID)]}))
    assert done.attributes == MEASURED


def test_the_texts_of_errors_go_and_their_types_stay() -> None:
    exception = {
        semconv.EXCEPTION_TYPE: "ValueError",
        semconv.EXCEPTION_MESSAGE: SAID,
        semconv.EXCEPTION_STACKTRACE: f"Traceback:\n{SAID}",
    }
    retry = Event(semconv.RETRY_EVENT, {semconv.RETRY_ATTEMPT: 1}, 5)
    done = drop(
        span(
            attributes={**MEASURED, **exception},
            events=(Event("exception", exception, 7), retry, Event("gen_ai.user.message", {"content": SAID}, 9)),
            status=Status(StatusCode.ERROR, f"ValueError: {SAID}"),
        )
    )
    assert SAID not in texts_of(done)
    assert done.attributes == {**MEASURED, semconv.EXCEPTION_TYPE: "ValueError"}
    assert [(event.name, event.attributes, event.timestamp) for event in done.events] == [
        ("exception", {semconv.EXCEPTION_TYPE: "ValueError"}, 7),
        (semconv.RETRY_EVENT, {semconv.RETRY_ATTEMPT: 1}, 5),
        ("gen_ai.user.message", {}, 9),
    ]
    assert (done.status.status_code, done.status.description) == (StatusCode.ERROR, None)


def test_a_span_without_content_passes_as_the_same_object() -> None:
    bare = span(attributes=MEASURED, events=(Event("retry", {"attempt": 1}, 5),))
    assert drop(bare) is bare


def test_the_span_that_was_given_does_not_change() -> None:
    given = span(attributes={semconv.PROMPT_TEMPLATE: SAID}, status=Status(StatusCode.ERROR, SAID))
    drop(given)
    assert given.attributes == {semconv.PROMPT_TEMPLATE: SAID}
    assert given.status.description == SAID

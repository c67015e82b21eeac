"""A trace in a few numbers."""

from typing import Any

from hypothesis import given

from llmtrace.dashboard.story import Story, story_of
from llmtrace.dashboard.tree import Node, arrange
from tests.dashboard.nodes import node, traces


def told(*nodes: Node) -> Story:
    return story_of(arrange(nodes))


def call(span_id: str, parent: str | None = "request", **more: Any) -> Node:
    return node(span_id, parent, kind="call", **more)


def test_the_story_goes_on_after_the_answer_to_the_user() -> None:
    story = told(node("request", kind="request", duration=2310), node("job", "request", 4000, 2410, kind="job"))
    assert (story.whole, story.answer) == (6410, 2310)


def test_a_trace_without_a_request_answers_no_user() -> None:
    assert told(call("1", None)).answer is None


def test_the_first_chunk_is_counted_from_the_begin_of_the_story() -> None:
    request = node("request", kind="request", duration=2000)
    story = told(request, call("late", start=900, first_chunk=50.0), call("soon", start=37, first_chunk=415.0))
    assert story.first_chunk == 452


def test_usage_is_that_of_calls_and_what_nobody_knows_is_absent() -> None:
    agent = node("request", kind="agent", input_tokens=99, cost_nano_usd=99)
    story = told(agent, call("1", input_tokens=512, output_tokens=228, cost_nano_usd=7), call("2", failed=True))
    assert (story.calls, story.failed) == (2, 1)
    assert (story.input_tokens, story.output_tokens, story.cost_nano_usd) == (512, 228, 7)
    assert told(agent).input_tokens is None
    assert told(agent).cost_nano_usd is None


def test_calls_that_used_tokens_and_have_no_price_are_counted() -> None:
    story = told(call("1", None, input_tokens=5), call("2", None, failed=True), call("3", None, cost_nano_usd=1))
    assert story.unpriced == 1


def test_jobs_that_wait_at_the_same_time_wait_once() -> None:
    jobs = [node(str(n), kind="job", start=1000, waited=400.0) for n in range(3)]
    assert told(*jobs).waited == 400
    assert told(node("1", kind="job")).waited is None


@given(traces)
def test_every_trace_has_a_story(nodes: list[Node]) -> None:
    story = story_of(arrange(nodes))
    assert story.whole >= max(one.duration for one in nodes) * 0.999999 - 1
    assert 0 <= story.failed <= story.calls

"""The rows of the waterfall."""

from itertools import pairwise

import pytest
from hypothesis import given

from llmtrace.dashboard.lines import Line, counted, lines_of
from llmtrace.dashboard.tree import Node, arrange
from llmtrace.dashboard.waterfall import scale_of
from tests.dashboard.nodes import node, traces


def drawn(*nodes: Node, selected: str | None = None) -> list[Line]:
    return lines_of(arrange(nodes), scale_of(nodes), selected)


@given(traces)
def test_every_span_has_a_row_and_every_wait_that_can_be_seen_one_before_it(nodes: list[Node]) -> None:
    lines = drawn(*nodes)
    waits = [line for line in lines if line.kind in ("wait", "delay")]
    least = scale_of(nodes).length / 100
    assert len(waits) == sum(bool(one and one >= least) for node in nodes for one in (node.waited, node.delayed))
    assert len(lines) == len(nodes) + len(waits)
    for line, below in pairwise(lines):
        if line in waits:
            assert (below.span_id, below.depth) == (line.span_id, line.depth)


def test_a_job_was_put_off_then_waited_and_then_ran() -> None:
    publish = node("publish", duration=1)
    put_off, waited, run = drawn(publish, node("run", "publish", 600, 400, delayed=200.0, waited=300.0, queue="q"))[1:]
    assert (put_off.kind, put_off.bar.x, put_off.bar.width) == ("delay", "10.00%", "20.00%")
    assert (waited.kind, waited.name, waited.bar.x, waited.bar.width) == ("wait", "q", "30.00%", "30.00%")
    assert (run.bar.x, run.bar.width) == ("60.00%", "40.00%")


def test_attempts_are_numbered_where_there_was_more_than_one() -> None:
    once = node("a", kind="job", attempt=1, job_id="x")
    twice = [node(str(n), kind="job", attempt=n, job_id="y") for n in (1, 2)]
    lost = node("b", kind="job", attempt=3, job_id="z")
    assert {line.span_id: line.attempt for line in drawn(once, *twice, lost)} == {"a": None, "1": 1, "2": 2, "b": 3}


def test_a_failed_call_says_what_it_met_and_how_it_ended() -> None:
    failed = node("1", kind="call", failed=True, error_type="openai.APITimeoutError", retries=("429", "429"))
    (line,) = drawn(failed)
    assert (line.retries, line.error, line.failed) == ("429 ×2", "APITimeoutError", True)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("abandoned", "abandoned"), ("RETRY", "tried again"), ("completed", ""), ("SUCCESS", ""), (None, "")],
)
def test_only_an_end_that_is_worth_a_word_has_one(outcome: str | None, said: str) -> None:
    assert drawn(node("1", outcome=outcome))[0].outcome == said


def test_a_child_that_began_before_its_parent_says_that_clocks_differ() -> None:
    lines = drawn(node("root", start=100), node("early", "root", start=50), node("fine", "root", start=99.5))
    assert {line.span_id: line.skewed for line in lines} == {"root": False, "early": True, "fine": False}


def test_a_job_goes_by_its_own_name_and_keeps_its_whole_one() -> None:
    (line,) = drawn(node("1", name="publish shop.tasks.notify", kind="job"))
    assert (line.name, line.whole_name) == ("publish notify", "publish shop.tasks.notify")


def test_the_selected_span_is_marked_and_rows_out_of_sight_know_it() -> None:
    lines = drawn(*(node(f"{n:02}", start=n) for n in range(30)), selected="07")
    assert [line.span_id for line in lines if line.selected] == ["07"]
    assert [line.far for line in lines] == [False] * 20 + [True] * 10


def test_a_deep_tree_stops_going_right_and_still_says_its_level() -> None:
    last = drawn(*(node(str(n), str(n - 1) if n else None, start=n) for n in range(30)))[-1]
    assert (last.depth, last.level) == (12, 30)


def test_a_span_without_a_name_has_something_to_click_on() -> None:
    assert drawn(node("1", name=" \n"))[0].name == "–"


def test_reasons_are_counted_where_they_follow_each_other() -> None:
    assert counted(["429", "429", "503", "429"]) == "429 ×2, 503, 429"
    assert counted([]) == ""

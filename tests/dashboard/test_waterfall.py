"""Where bars stand: inside the picture, in the right order, with round times above them."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.dashboard.tree import Node
from llmtrace.dashboard.waterfall import Scale, bar_of, covered, scale_of, ticks_of
from tests.dashboard.nodes import node, traces

PERCENT = re.compile(r"\d{1,3}\.\d\d%")


def percent(text: str) -> float:
    assert PERCENT.fullmatch(text)
    return float(text[:-1])


@given(traces)
def test_every_bar_is_inside_the_picture_and_can_be_seen(nodes: list[Node]) -> None:
    scale = scale_of(nodes)
    for one in nodes:
        bar = bar_of(scale, one.start, one.duration, one.first_chunk)
        whole = percent(bar.width) + (percent(bar.streamed) if bar.streamed else 0)
        assert percent(bar.x) + whole <= 100.02
        assert whole >= 0.3


@given(traces)
def test_what_began_earlier_stands_further_left(nodes: list[Node]) -> None:
    scale = scale_of(nodes)
    starts = [percent(bar_of(scale, one.start, one.duration).x) for one in sorted(nodes, key=lambda n: n.start)]
    assert all(left <= right + 0.35 for left, right in pairwise(starts))


def test_a_stream_is_lighter_from_its_first_chunk_on() -> None:
    bar = bar_of(Scale(0, 1000), 100, 400, first_chunk=100)
    assert (bar.x, bar.width, bar.first, bar.streamed) == ("10.00%", "10.00%", "20.00%", "30.00%")


@pytest.mark.parametrize("first_chunk", [None, -1.0, 401.0, float("nan")])
def test_a_first_chunk_outside_of_the_call_is_not_drawn(first_chunk: float | None) -> None:
    assert bar_of(Scale(0, 1000), 100, 400, first_chunk).first is None


def test_the_picture_begins_with_the_earliest_span_even_when_that_is_a_child() -> None:
    skewed = [node("root", start=100, duration=50), node("child", "root", start=90, duration=20)]
    assert scale_of(skewed) == Scale(90, 150)


def test_the_picture_has_room_for_what_a_job_waited() -> None:
    job = node("job", start=500, duration=500, waited=250.0, delayed=150.0)
    assert scale_of([job]) == Scale(100, 1000)


@given(st.floats(min_value=0, max_value=1e11))
def test_there_are_between_one_and_seven_ticks_from_zero_on(length: float) -> None:
    ticks = ticks_of(Scale(0, length))
    assert 1 <= len(ticks) <= 8
    assert ticks[0].label.startswith("0 ")
    assert [percent(tick.x) for tick in ticks] == sorted(percent(tick.x) for tick in ticks)


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (6_410, ["0 s", "1 s", "2 s", "3 s", "4 s", "5 s", "6 s"]),
        (1_200, ["0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s", ""]),
        (900, ["0 ms", "200 ms", "400 ms", "600 ms", "800 ms"]),
        (200_000, ["0 s", "30 s", "60 s", "90 s", "120 s", "150 s", "180 s"]),
        (5 * 3_600_000, ["0 h", "1 h", "2 h", "3 h", "4 h", ""]),
        (0, ["0 ms", "0.2 ms", "0.4 ms", "0.6 ms", "0.8 ms", ""]),
    ],
)
def test_ticks_are_round_times(length: float, labels: list[str]) -> None:
    assert [tick.label for tick in ticks_of(Scale(0, length))] == labels


def test_no_spans_have_no_time() -> None:
    assert scale_of([]) == Scale(0, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: (min(pair), max(pair)))))
def test_time_that_two_intervals_share_counts_once(intervals: list[tuple[int, int]]) -> None:
    points = {moment for start, end in intervals for moment in range(start, end)}
    assert covered([(float(start), float(end)) for start, end in intervals]) == len(points)

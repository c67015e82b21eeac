"""The spans of a trace in the order of a tree, whatever their parents are."""

from hypothesis import given

from llmtrace.dashboard.tree import Node, arrange
from tests.dashboard.nodes import node, traces


def shape(nodes: list[Node]) -> list[tuple[str, int]]:
    return [(place.node.span_id, place.depth) for place in arrange(nodes)]


@given(traces)
def test_every_span_is_there_once(nodes: list[Node]) -> None:
    assert sorted(place.node.span_id for place in arrange(nodes)) == sorted(node.span_id for node in nodes)


@given(traces)
def test_a_span_stands_one_step_inside_its_parent_and_below_it(nodes: list[Node]) -> None:
    seen: dict[str, int] = {}
    for place in arrange(nodes):
        if place.parent is not None:
            assert place.parent.span_id == place.node.parent_id
            assert place.depth == seen[place.parent.span_id] + 1
            assert not place.orphan
        else:
            assert place.orphan == (place.node.parent_id is not None)
        seen[place.node.span_id] = place.depth


@given(traces)
def test_siblings_stand_in_the_order_in_which_they_began(nodes: list[Node]) -> None:
    begun: dict[str, float] = {}
    for place in arrange(nodes):
        if place.parent is not None:
            assert place.node.start >= begun.get(place.parent.span_id, place.node.start)
            begun[place.parent.span_id] = place.node.start


@given(traces)
def test_the_order_in_which_spans_arrive_does_not_matter(nodes: list[Node]) -> None:
    assert shape(nodes) == shape(nodes[::-1])


def test_attempts_of_a_job_are_siblings() -> None:
    nodes = [node("publish"), node("2", "publish", start=20), node("1", "publish", start=5), node("call", "1", start=6)]
    assert shape(nodes) == [("publish", 0), ("1", 1), ("call", 2), ("2", 1)]


def test_a_span_whose_parent_is_not_stored_stands_below_the_root_and_is_marked() -> None:
    placed = arrange([node("lost", "gone", start=1), node("child", "lost", start=2), node("root", start=3)])
    assert [(p.node.span_id, p.depth, p.orphan) for p in placed] == [
        ("root", 0, False),
        ("lost", 1, True),
        ("child", 2, False),
    ]


def test_without_a_root_the_orphans_are_the_roots() -> None:
    assert shape([node("1", "gone"), node("2", "gone", start=1)]) == [("1", 0), ("2", 0)]


def test_parents_that_go_round_in_a_circle_are_shown() -> None:
    assert shape([node("a", "b", start=1), node("b", "a", start=2)]) == [("a", 0), ("b", 1)]
    assert shape([node("self", "self")]) == [("self", 0)]


def test_a_chain_of_ten_thousand_spans_is_walked() -> None:
    chain = [node("0"), *(node(str(n), str(n - 1), start=n) for n in range(1, 10_000))]
    assert arrange(chain)[-1].depth == 9_999

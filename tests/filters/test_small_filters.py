"""Spans are dropped by what they are, people become hashes, and every span gets the attributes that are set."""

from __future__ import annotations

from typing import Any

import pytest

from llmtrace import semconv
from llmtrace.filters import Exclude, Hash, SetAttributes
from tests.filters.places import span

SPAN = span(
    "recommend_book",
    {semconv.OPERATION: "chat", semconv.HTTP_ROUTE: "shop/<int:pk>/", "tenant": "test-7", "internal": True, "n": 3},
)


@pytest.mark.parametrize(
    "options",
    [
        *({"names": ["recommend_book"]}, {"names": ["other", "recommend_*"]}, {"names": ["recommend_boo?"]}),
        *({"scopes": ["llmtrace"]}, {"scopes": ["llm*"]}, {"operations": ["embeddings", "chat"]}),
        *({"routes": ["shop/*"]}, {"attributes": {"tenant": "test-*"}}, {"attributes": {"internal": True}}),
        *({"attributes": {"n": 3}}, {"attributes": {"other": 1, "n": "*"}}),
    ],
)
def test_a_span_that_a_pattern_fits_is_dropped(options: dict[str, Any]) -> None:
    assert Exclude(**options)(SPAN) is None


@pytest.mark.parametrize(
    "options",
    [
        *(
            {},
            {"names": ["recommend"]},
            {"names": ["Recommend_*"]},
            {"scopes": ["opentelemetry.*"]},
            {"operations": ["embed*"]},
        ),
        *({"routes": ["admin/*"]}, {"attributes": {"tenant": "prod-*"}}, {"attributes": {"internal": False}}),
        {"attributes": {"missing": "*"}},
    ],
)
def test_a_span_that_no_pattern_fits_passes_as_the_same_object(options: dict[str, Any]) -> None:
    assert Exclude(**options)(SPAN) is SPAN


@pytest.mark.parametrize("tags", [("beta", "internal-7"), ["beta", "internal-7"]])
@pytest.mark.parametrize("wanted", ["internal-*", "beta", ["beta", "internal-7"], ("beta", "internal-7")])
def test_a_span_is_dropped_by_one_of_its_tags_or_by_all_of_them(tags: Any, wanted: Any) -> None:
    assert Exclude(attributes={semconv.TAGS: wanted})(span(attributes={semconv.TAGS: tags})) is None


@pytest.mark.parametrize("wanted", ["internal", "*alpha*", ["beta"], ["internal-7", "beta"]])
def test_a_span_with_other_tags_passes(wanted: Any) -> None:
    tagged = span(attributes={semconv.TAGS: ("beta", "internal-7")})
    assert Exclude(attributes={semconv.TAGS: wanted})(tagged) is tagged


def test_a_bracket_in_a_pattern_stands_for_itself() -> None:
    regular = span(attributes={semconv.HTTP_ROUTE: "^shop/(?P<pk>[0-9]+)/buy/$"})
    assert Exclude(routes=["^shop/(?P<pk>[0-9]+)/*"])(regular) is None
    assert Exclude(names=["answer [draft]*"])(span("answer [draft] 3")) is None
    assert Exclude(names=["answer [abc]"])(kept := span("answer b")) is kept


def test_one_text_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(ValueError, match="names"):
        Exclude(names="recommend_book")
    with pytest.raises(ValueError, match="names"):
        Hash(names="user.id")


def test_a_person_becomes_a_hash_that_is_the_same_each_time() -> None:
    given = span(attributes={semconv.USER_ID: "42", "x": 1})
    first, second = Hash()(given), Hash()(given)
    assert first.attributes == second.attributes
    assert first.attributes["x"] == 1
    assert len(first.attributes[semconv.USER_ID]) == 32
    assert Hash()(span(attributes={semconv.USER_ID: "43"})).attributes != first.attributes
    assert given.attributes[semconv.USER_ID] == "42"


def test_a_hash_depends_on_its_key() -> None:
    given = span(attributes={"tenant": 7})
    one, other = (Hash(names=["tenant"], key=key)(given).attributes["tenant"] for key in ("a", "b"))
    assert one != other


def test_the_key_of_hashes_is_the_project_s_when_none_is_given(settings: Any) -> None:
    given = span(attributes={semconv.USER_ID: "42"})
    before = Hash()(given).attributes
    settings.SECRET_KEY = "another"
    assert Hash()(given).attributes != before


def test_hashes_bear_what_can_t_be_encoded() -> None:
    assert Hash()(span(attributes={semconv.USER_ID: "\ud800"})).attributes[semconv.USER_ID]
    bare = span()
    assert Hash()(bare) is bare


def test_attributes_are_set_on_every_span() -> None:
    assert SetAttributes(attributes={"team": "search", "n": 4})(SPAN).attributes == {
        **SPAN.attributes,
        "team": "search",
        "n": 4,
    }


def test_what_a_span_has_stays_where_nothing_is_to_be_replaced() -> None:
    done = SetAttributes(attributes={"team": "search", "n": 4}, replace=False)(SPAN)
    assert done.attributes == {**SPAN.attributes, "team": "search"}
